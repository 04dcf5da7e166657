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

// model is a site in memory, with the mail servers that it sends through.
type model struct {
	can site.Capabilities
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

func newModel(can site.Capabilities, strict bool) *model {
	m := &model{
		can: can, strict: strict, state: unconfigured(),
		passes: map[fingerprint]bool{}, accepted: map[login]bool{}, entered: map[fingerprint]bool{},
	}
	if can.Unguarded {
		m.state.Revision = ""
	}
	return m
}

func (m *model) Capabilities() site.Capabilities { return m.can }

func (m *model) Read(context.Context) (site.State, error) { return m.now(), nil }

// on and safe say whether mail is on, and whether what is saved passed a test.
func (m *model) on() bool   { return m.state.Enabled }
func (m *model) safe() bool { return m.passes[fingerprint{m.state.Settings, m.password}] }

func (m *model) now() site.State {
	now := m.state
	if m.safe() && !m.can.ForgetsVerification {
		now.Verification = &site.Verification{Recipient: recipient}
	}
	return now
}

func (m *model) Test(_ context.Context, t site.TestRequest) (site.TestResult, error) {
	if err := m.checkSite(t.SiteID); err != nil {
		return site.TestResult{}, err
	}
	candidate := fingerprint{m.state.Settings, m.password}
	switch {
	case t.Candidate != nil && m.can.Testing != site.TestsCandidates, m.can.Testing == site.TestsInSave:
		m.broken = append(m.broken, "asked for a test that the platform does not have")
	case t.Candidate != nil:
		candidate = m.enter(t.Candidate.Settings, t.Candidate.Password.Reveal())
	case m.can.Testing == site.TestsEnabled && !m.on():
		return passed, nil // As products do that take another way out while theirs is off.
	}
	if candidate.settings.IsZero() {
		return site.TestResult{}, &site.Error{Kind: site.Invalid, Message: "nothing is saved that could be tested"}
	}
	return m.send(candidate), nil
}

func (m *model) accepts(f fingerprint) bool { return m.acceptsAll || m.accepted[f.login()] }

// send sends the test message.
func (m *model) send(candidate fingerprint) site.TestResult {
	m.checkEntered(candidate)
	m.sent++
	if !m.accepts(candidate) {
		return healing(site.RetryShort)
	}
	m.passes[candidate] = true
	return passed
}

func (m *model) Save(_ context.Context, w site.SaveRequest) (site.State, error) {
	if err := m.checkSite(w.SiteID); err != nil {
		return site.State{}, err
	}
	if err := m.checkRevision(w.Revision); err != nil {
		return site.State{}, err
	}
	if m.strict && w.Settings.Username != "" && w.Password.IsEmpty() && w.Settings != m.state.Settings {
		return site.State{}, &site.Error{Kind: site.PasswordRequired, Field: "password", Message: "settings change"}
	}
	if !w.Enabled && m.can.Off != site.OffBySwitch {
		return site.State{}, &site.Error{Kind: site.Invalid, Field: "enabled", Message: "there is no such switch"}
	}
	next := fingerprintOf(w.Settings, m.password)
	if m.can.SaveNeedsPassword {
		next.password = ""
	}
	if !w.Password.IsEmpty() {
		next = m.enter(w.Settings, w.Password.Reveal())
	}
	if m.strict && w.Enabled && !m.passes[next] {
		return site.State{}, &site.Error{Kind: site.VerificationRequired, Message: "these settings never passed a test"}
	}
	if m.can.Testing == site.TestsInSave && w.Enabled {
		if result := m.send(next); result.Status != site.Passed {
			return site.State{}, &site.TestError{Result: result}
		}
	}
	m.checkEntered(next)
	m.commit(next, !w.Password.IsEmpty(), w.Enabled)
	return m.now(), nil
}

func (m *model) Clear(_ context.Context, c site.ClearRequest) error {
	if c.SiteID != "" && c.SiteID != m.state.SiteID {
		return &site.Error{Kind: site.WrongSite, Message: "another site is meant"}
	}
	if err := m.checkRevision(c.Revision); err != nil {
		return err
	}
	m.commit(fingerprint{}, false, false)
	return nil
}

func (m *model) commit(f fingerprint, newPassword, enabled bool) {
	m.counter++
	m.password = f.password
	m.state.Settings, m.state.Enabled, m.state.PasswordSet = f.settings, enabled, f.password != ""
	if !m.can.Unguarded {
		m.state.Revision = fmt.Sprint(m.counter)
	}
	switch {
	case !m.state.PasswordSet:
		m.state.PasswordID = ""
	case newPassword && !m.can.Unguarded:
		m.state.PasswordID = m.state.Revision
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
