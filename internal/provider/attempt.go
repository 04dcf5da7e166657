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
// stored. Until a login is accepted, at most maxLoginRefusals of its tests are under way or were refused, and then no more are run.
// Otherwise a typo in the password of a shared relay would lock its account. They are not run one at a time, because a site that
// hangs would hold up all the others.
type loginMemory struct {
	mu     sync.Mutex
	logins map[[sha256.Size]byte]*login
}

type login struct {
	// tries holds an entry for each test that is under way or was refused.
	tries chan struct{}
	// settled is closed when a test was accepted, and when maxLoginRefusals were refused.
	settled chan struct{}

	mu       sync.Mutex
	accepted bool
	// refused is nil until the first refusal.
	refused *refusals
}

// refusals are those of one login.
type refusals struct {
	count int
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
	refusals
	authenticator
}

func (e *refusedBeforeError) Error() string {
	return fmt.Sprintf("%s refused this %s %d times in this run, first for %s (%s), so they were not tried again", shown(e.host), e.what, e.count, e.first, e.said)
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
	select {
	case <-l.settled:
	case l.tries <- struct{}{}:
		result, err := test(ctx)
		if err == nil && a.refuses(result) {
			l.refuse(label, c, result)
			return result, nil
		}
		if err == nil && a.accepts(result) {
			l.accept()
		}
		<-l.tries
		return result, err
	case <-ctx.Done():
		return site.TestResult{}, ctx.Err()
	}
	l.mu.Lock()
	accepted, refused := l.accepted, l.refused
	l.mu.Unlock()
	if !accepted {
		return site.TestResult{}, &refusedBeforeError{refusals: *refused, authenticator: a}
	}
	return test(ctx)
}

func (m *loginMemory) of(a authenticator) *login {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.logins == nil {
		m.logins = map[[sha256.Size]byte]*login{}
	}
	if m.logins[a.key] == nil {
		m.logins[a.key] = &login{tries: make(chan struct{}, maxLoginRefusals), settled: make(chan struct{})}
	}
	return m.logins[a.key]
}

// accept notes that a test was accepted.
func (l *login) accept() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.accepted {
		l.accepted = true
		close(l.settled)
	}
}

// refuse notes that a test of c was refused.
func (l *login) refuse(label string, c site.Candidate, r site.TestResult) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused == nil {
		l.refused = &refusals{first: label, result: diagnosis.Fit(r, c.Settings.Username, c.Password)}
		l.refused.said = untrusted.Brief(l.refused.result.Error, 200)
		if l.refused.result.Reply != nil {
			l.refused.said = l.refused.result.Reply.String()
		}
	}
	l.refused.count++
	if l.refused.count == maxLoginRefusals && !l.accepted {
		close(l.settled)
	}
}
