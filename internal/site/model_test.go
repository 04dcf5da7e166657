package site_test

import (
	"context"
	"fmt"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// login is what a submission server looks at to let mail in.
type login struct{ host, username, password string }

// fingerprint is what a passed test stands for, and what a password is entered for.
type fingerprint struct {
	settings site.Settings
	password string
}

// fingerprintOf leaves out a password that has no login to go with.
func fingerprintOf(s site.Settings, password string) fingerprint {
	if s.Username == "" {
		password = ""
	}
	return fingerprint{s, password}
}

func (f fingerprint) login() login { return login{f.settings.Host, f.settings.Username, f.password} }

// model is a site in memory, with the world around it.
type model struct {
	// strict sites keep the rules of the site admin contract; others only guard the revision, as many platforms do.
	strict   bool
	state    site.State
	password string
	passes   map[fingerprint]bool
	// accepted are the logins with which submission servers take mail at present, unless they take it with any.
	accepted   map[login]bool
	acceptsAll bool
	// entered are the settings that somebody entered a password for: it may not be tried or stored with any others.
	entered map[fingerprint]bool
	// counter makes revisions and identifiers.
	counter int
	// sent counts test messages, of which a server may have taken any.
	sent int
	// broken lists rules that were broken.
	broken []string
}

func newModel(strict bool) *model {
	return &model{
		strict: strict, state: unconfigured(),
		passes: map[fingerprint]bool{}, accepted: map[login]bool{}, entered: map[fingerprint]bool{},
	}
}

func (m *model) Read(context.Context) (site.State, error) { return m.now(), nil }

func (m *model) now() site.State {
	now := m.state
	if m.passes[fingerprint{m.state.Settings, m.password}] {
		now.Verification = &site.Verification{Recipient: recipient}
	}
	return now
}

func (m *model) Test(_ context.Context, t site.Test) (site.TestResult, error) {
	if err := m.checkSite(t.SiteID); err != nil {
		return site.TestResult{}, err
	}
	candidate := fingerprint{m.state.Settings, m.password}
	if t.Candidate != nil {
		candidate = m.enter(t.Candidate.Settings, t.Candidate.Password.Reveal())
	}
	if candidate.settings.IsZero() {
		return site.TestResult{}, &site.Error{Kind: site.Invalid, Message: "nothing is saved that could be tested"}
	}
	m.checkEntered(candidate)
	m.sent++
	if !m.acceptsAll && !m.accepted[candidate.login()] {
		return healing(site.RetryShort), nil
	}
	m.passes[candidate] = true
	return passed, nil
}

func (m *model) Save(_ context.Context, w site.Save) (site.State, error) {
	if err := m.checkSite(w.SiteID); err != nil {
		return site.State{}, err
	}
	if err := m.checkRevision(w.Revision); err != nil {
		return site.State{}, err
	}
	if m.strict && w.Settings.Username != "" && w.Password.IsEmpty() && w.Settings != m.state.Settings {
		return site.State{}, &site.Error{Kind: site.PasswordRequired, Field: "password", Message: "settings change"}
	}
	next := fingerprintOf(w.Settings, m.password)
	if !w.Password.IsEmpty() {
		next = m.enter(w.Settings, w.Password.Reveal())
	}
	if m.strict && w.Enabled && !m.passes[next] {
		return site.State{}, &site.Error{Kind: site.VerificationRequired, Message: "these settings never passed a test"}
	}
	m.checkEntered(next)
	m.commit(next, w.Enabled)
	if !w.Password.IsEmpty() {
		m.state.PasswordID = m.state.Revision
	}
	return m.now(), nil
}

func (m *model) Clear(_ context.Context, revision string) error {
	if err := m.checkRevision(revision); err != nil {
		return err
	}
	m.commit(fingerprint{}, false)
	return nil
}

func (m *model) commit(f fingerprint, enabled bool) {
	m.counter++
	m.password = f.password
	m.state.Settings, m.state.Enabled, m.state.Revision = f.settings, enabled, fmt.Sprint(m.counter)
	if m.state.PasswordSet = f.password != ""; !m.state.PasswordSet {
		m.state.PasswordID = ""
	}
}

// enter notes that a password was entered for these settings.
func (m *model) enter(s site.Settings, password string) fingerprint {
	f := fingerprintOf(s, password)
	m.entered[f] = true
	return f
}

func (m *model) checkEntered(f fingerprint) {
	if f.password != "" && !m.entered[f] {
		m.broken = append(m.broken, fmt.Sprintf("password %q travelled to %+v", f.password, f.settings))
	}
}

func (m *model) checkSite(id string) error {
	if id != "" && id != m.state.SiteID {
		return &site.Error{Kind: site.WrongSite, Message: "this is another site"}
	}
	return nil
}

func (m *model) checkRevision(revision string) error {
	if revision != m.state.Revision {
		return &site.Error{Kind: site.Stale, Message: "changed since " + revision}
	}
	return nil
}
