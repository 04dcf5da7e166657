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

// refusalsEnough is how many sites may try a login that is refused. One refusal may be due to where a site is.
const refusalsEnough = 3

// loginMemory remembers in one walk which logins were refused, by mail servers and by token endpoints. A login is a host, a username
// and a password; at a token endpoint it is that, the client id and the client secret. Secrets are kept by their digest alone. Until
// one of its tests was accepted they are made one after another, and after refusalsEnough refusals none is any more: a typo in the
// password of a shared relay would otherwise lock its account.
type loginMemory struct {
	mu     sync.Mutex
	logins map[[sha256.Size]byte]*login
}

type login struct {
	// turn is held during a test, until one was accepted.
	turn     chan struct{}
	accepted bool
	refusals int
	// first is the site whose test was refused first, and said is what the refusal said.
	first, said string
	result      site.TestResult
}

// door is where a login is tried on the way of a test.
type door struct {
	key [sha256.Size]byte
	// host is who decides, and what names what it was shown.
	host, what, summary string
	refuses, accepts    func(site.TestResult) bool
}

// mailServer is the door of the login itself.
func mailServer(c site.Candidate) door {
	return door{
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

// tokenEndpoint is the door before it, for a login with a token. What a client may do for one mailbox is not its secret's fault.
func tokenEndpoint(c site.Candidate) door {
	host := c.Settings.TokenURL
	if endpoint, err := url.Parse(host); err == nil {
		host = endpoint.Host
	}
	return door{
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

// refusedBeforeError is the error of a test that was not made.
type refusedBeforeError struct {
	login
	door
}

func (e *refusedBeforeError) Error() string {
	return fmt.Sprintf("%s refused this %s %d times in this run, first for %s (%s), so they were not tried again", shown(e.host), e.what, e.refusals, e.first, e.said)
}

// try makes a test of c for the site that messages call label, unless its login was refused too often. A nil memory remembers
// nothing.
func (m *loginMemory) try(ctx context.Context, label string, c site.Candidate, test func(context.Context) (site.TestResult, error)) (site.TestResult, error) {
	if m == nil || c.Settings.Username == "" || c.Password.IsEmpty() {
		return test(ctx)
	}
	login := func(ctx context.Context) (site.TestResult, error) { return m.pass(ctx, label, c, mailServer(c), test) }
	if c.Settings.Grant == "" {
		return login(ctx)
	}
	return m.pass(ctx, label, c, tokenEndpoint(c), login)
}

// pass makes a test that comes to a door.
func (m *loginMemory) pass(ctx context.Context, label string, c site.Candidate, d door, test func(context.Context) (site.TestResult, error)) (site.TestResult, error) {
	l := m.of(d)
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
		return site.TestResult{}, &refusedBeforeError{login: *l, door: d}
	}
	result, err := test(ctx)
	switch {
	case err != nil:
	case d.accepts(result):
		m.accept(l)
	case d.refuses(result):
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

func (m *loginMemory) of(d door) *login {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.logins == nil {
		m.logins = map[[sha256.Size]byte]*login{}
	}
	if m.logins[d.key] == nil {
		m.logins[d.key] = &login{turn: make(chan struct{}, 1)}
	}
	return m.logins[d.key]
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
