package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// attempt is one change on its way to the site of an entry.
type attempt struct {
	entry  *entry
	change site.Change
	// logins is nil for a change whose tests are to be repeated.
	logins *loginMemory
	base   site.Procedure
	// saving: the change has come to its first write.
	saving *bool
}

// attempt begins a change to the site of e, of which nothing that was read ahead is used any more.
func (r *smtpSettingsResource) attempt(e *entry, change site.Change) attempt {
	e.take()
	a := attempt{entry: e, change: change, base: r.procedure, saving: new(bool)}
	a.base.Inbox = r.sites.inbox.inbox()
	if change.RetryFor == 0 {
		a.logins = &r.sites.logins
	}
	return a
}

// procedure is that of the change, made by a resource.
func (a attempt) procedure(by lastApplied, diags *diag.Diagnostics) site.Procedure {
	p, e := a.base, a.entry
	p.Writer = by.Instance
	p.Limiter = e.limiter
	p.Saving = func() { *a.saving = true }
	p.Warn = func(sentence string) { diags.AddWarning("Not everything went as planned", e.label+": "+sentence) }
	if e.check != nil {
		p.Check = func(ctx context.Context, c site.Candidate) site.TestResult {
			result, err := a.logins.try(ctx, e.label, c, func(ctx context.Context) (site.TestResult, error) { return e.check(ctx, c), nil })
			if refused, ok := errors.AsType[*refusedBeforeError](err); ok {
				return refused.result
			}
			return result
		}
	}
	return p
}

// site is that of the entry, whose tests remember which logins were refused.
func (a attempt) site() site.Site { return rememberingSite{a.entry.site, a} }

type rememberingSite struct {
	site.Site
	attempt attempt
}

func (s rememberingSite) Capabilities() site.Capabilities { return site.CapabilitiesOf(s.Site) }

func (s rememberingSite) Test(ctx context.Context, t site.TestRequest) (site.TestResult, error) {
	return s.attempt.logins.try(ctx, s.attempt.entry.label, s.attempt.change.Candidate, func(ctx context.Context) (site.TestResult, error) { return s.Site.Test(ctx, t) })
}

// refusalsEnough is how many sites may try a login that mail servers refuse. One refusal may be due to where a site is.
const refusalsEnough = 3

// loginMemory remembers in one walk which logins mail servers refused. A login is a host, a username and a password, the last by
// its digest alone. Until one of its tests was accepted they are made one after another, and after refusalsEnough refusals none
// is any more: a typo in the password of a shared relay would otherwise lock its account.
type loginMemory struct {
	mu     sync.Mutex
	logins map[[sha256.Size]byte]*login
}

type login struct {
	// turn is held during a test, until one was accepted.
	turn     chan struct{}
	accepted bool
	refusals int
	// first is the site whose test was refused first, with this result.
	first  string
	result site.TestResult
}

// refusedBeforeError is the error of a test that was not made.
type refusedBeforeError struct {
	login
	host string
}

func (e *refusedBeforeError) Error() string {
	return fmt.Sprintf("%s refused this username and password %d times in this run, first for %s (%s), so they were not tried again",
		shown(e.host), e.refusals, e.first, e.result.Reply)
}

// try makes a test of c for the site that messages call label, unless its login was refused too often. A nil memory remembers
// nothing.
func (m *loginMemory) try(ctx context.Context, label string, c site.Candidate, test func(context.Context) (site.TestResult, error)) (site.TestResult, error) {
	if m == nil || c.Settings.Username == "" || c.Password.IsEmpty() {
		return test(ctx)
	}
	l := m.of(c)
	if m.isAccepted(l) {
		return test(ctx)
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return site.TestResult{}, ctx.Err()
	}
	if l.refusals >= refusalsEnough {
		return site.TestResult{}, &refusedBeforeError{login: *l, host: c.Settings.Host}
	}
	result, err := test(ctx)
	switch {
	case err != nil:
	case result.Status == site.Passed:
		m.accept(l)
	case result.Status == site.Failed && result.Stage == site.StageAuth && result.Reply != nil && result.Reply.Code >= 500:
		l.refusals++
		if l.refusals == 1 {
			l.first, l.result = label, diagnosis.Fit(result, c.Settings.Username, c.Password)
		}
	}
	return result, err
}

func (m *loginMemory) of(c site.Candidate) *login {
	key := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", canonicalHost(c.Settings.Host), c.Settings.Username, c.Password.Reveal()))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.logins == nil {
		m.logins = map[[sha256.Size]byte]*login{}
	}
	if m.logins[key] == nil {
		m.logins[key] = &login{turn: make(chan struct{}, 1)}
	}
	return m.logins[key]
}

func (m *loginMemory) isAccepted(l *login) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return l.accepted
}

func (m *loginMemory) accept(l *login) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l.accepted = true
}
