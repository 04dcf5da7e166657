package provider

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// attempt is one change being applied to the site of an entry.
type attempt struct {
	entry  *entry
	change site.Change
	// logins is nil if tests of the change are retried (retry_for): every retry must reach the mail server.
	logins *loginMemory
	base   site.Procedure
	// saving is true once the change has started its first write.
	saving *bool
}

// attempt begins a change to the site of e, and discards what was read ahead from that site.
func (r *smtpSettingsResource) attempt(e *entry, change site.Change) attempt {
	e.take()
	a := attempt{entry: e, change: change, base: r.procedure, saving: new(bool)}
	a.base.Inbox = r.sites.inbox.inbox()
	if change.RetryFor == 0 {
		a.logins = &r.sites.logins
	}
	return a
}

// procedure returns the procedure that applies the change for the resource that made it.
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

// site returns the entry's site, with tests that record which logins were refused.
func (a attempt) site() site.Site { return rememberingSite{a.entry.site, a} }

type rememberingSite struct {
	site.Site
	attempt attempt
}

func (s rememberingSite) Capabilities() site.Capabilities { return site.CapabilitiesOf(s.Site) }

func (s rememberingSite) Test(ctx context.Context, t site.TestRequest) (site.TestResult, error) {
	return s.attempt.logins.try(ctx, s.attempt.entry.label, s.attempt.change.Candidate, func(ctx context.Context) (site.TestResult, error) { return s.Site.Test(ctx, t) })
}

// maxLoginRefusals is how many sites may try a login that keeps being refused. A single refusal may be due to a site's location.
const maxLoginRefusals = 3

// loginMemory remembers, within one run, which logins were refused by mail servers and by token endpoints. A login at a mail server
// is a host, a username and a password; at a token endpoint, a URL, a client ID and a client secret. Only a digest of each login is
// stored. Until a login is accepted, its tests run one at a time, and after maxLoginRefusals refusals no more are run. Otherwise a
// typo in the password of a shared relay would lock its account.
type loginMemory struct {
	mu     sync.Mutex
	logins map[[sha256.Size]byte]*login
}

type login struct {
	// turn is held during each test until one is accepted.
	turn     chan struct{}
	accepted bool
	refusals int
	// first is the label of the site whose test was refused first; said is the text of that refusal.
	first, said string
	result      site.TestResult
}

// authenticator is a server that a test has to log in to.
type authenticator struct {
	key [sha256.Size]byte
	// host is the server's name, what describes the credentials it checks, and summary is the error's summary.
	host, what, summary string
	refuses, accepts    func(site.TestResult) bool
}

// mailServer returns the mail server of a candidate.
func mailServer(c site.Candidate) authenticator {
	return authenticator{
		key:     sha256.Sum256(fmt.Appendf(nil, "%q %q %q", canonicalHost(c.Settings.Host), c.Settings.Username, c.Password.Reveal())),
		host:    c.Settings.Host,
		what:    "username and password",
		summary: "Mail server refused this login before",
		refuses: func(r site.TestResult) bool {
			return r.Status == site.Failed && r.Stage == site.StageAuth && r.Reply != nil && r.Reply.Code >= 500
		},
		accepts: func(r site.TestResult) bool { return r.Status == site.Passed },
	}
}

// tokenEndpoint returns the token endpoint of a candidate, which comes before its mail server. Only a refusal of the client's secret
// counts: a client may be valid and still lack access to one mailbox.
func tokenEndpoint(c site.Candidate) authenticator {
	host := c.Settings.TokenURL
	if endpoint, err := url.Parse(host); err == nil {
		host = endpoint.Host
	}
	return authenticator{
		key:     sha256.Sum256(fmt.Appendf(nil, "token %q %q %q", c.Settings.TokenURL, c.Settings.ClientID, c.Password.Reveal())),
		host:    host,
		what:    "client and its secret",
		summary: "Token endpoint refused this client before",
		refuses: func(r site.TestResult) bool {
			verdict := diagnosis.Of(r, c.Settings)
			return r.Status == site.Failed && r.Stage == site.StageToken && verdict.Attribute == "password" && verdict.Retry == site.RetryNever
		},
		accepts: func(r site.TestResult) bool {
			return r.Status == site.Passed || r.Stage != site.StageToken && r.Stage != ""
		},
	}
}

// refusedBeforeError is the error of a test that was not run because its login was refused too often.
type refusedBeforeError struct {
	login
	authenticator
}

func (e *refusedBeforeError) Error() string {
	return fmt.Sprintf("%s refused this %s %d times in this run, first for %s (%s), so they were not tried again", shown(e.host), e.what, e.refusals, e.first, e.said)
}

// try runs a test of c, unless its login was refused too often. label names the site in messages. A nil memory always runs the test.
func (m *loginMemory) try(ctx context.Context, label string, c site.Candidate, test func(context.Context) (site.TestResult, error)) (site.TestResult, error) {
	if m == nil || c.Settings.Username == "" || c.Password.IsEmpty() {
		return test(ctx)
	}
	login := func(ctx context.Context) (site.TestResult, error) { return m.tryAt(ctx, label, c, mailServer(c), test) }
	if c.Settings.Grant == "" {
		return login(ctx)
	}
	return m.tryAt(ctx, label, c, tokenEndpoint(c), login)
}

// tryAt runs a test that logs in to a.
func (m *loginMemory) tryAt(ctx context.Context, label string, c site.Candidate, a authenticator, test func(context.Context) (site.TestResult, error)) (site.TestResult, error) {
	l := m.of(a)
	if m.isAccepted(l) {
		return test(ctx)
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return site.TestResult{}, ctx.Err()
	}
	if l.refusals >= maxLoginRefusals {
		return site.TestResult{}, &refusedBeforeError{login: *l, authenticator: a}
	}
	result, err := test(ctx)
	switch {
	case err != nil:
	case a.accepts(result):
		m.accept(l)
	case a.refuses(result):
		l.refusals++
		if l.refusals == 1 {
			l.first, l.result = label, diagnosis.Fit(result, c.Settings.Username, c.Password)
			l.said = untrusted.Brief(l.result.Error, 200)
			if l.result.Reply != nil {
				l.said = l.result.Reply.String()
			}
		}
	}
	return result, err
}

func (m *loginMemory) of(a authenticator) *login {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.logins == nil {
		m.logins = map[[sha256.Size]byte]*login{}
	}
	if m.logins[a.key] == nil {
		m.logins[a.key] = &login{turn: make(chan struct{}, 1)}
	}
	return m.logins[a.key]
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
