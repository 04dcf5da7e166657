package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// clientID is the client ID that the checks use.
const clientID = "conformance"

// tokenRule is a rule about logins with a token, for sites that support the grant.
type tokenRule struct {
	name  string
	grant site.Grant
	run   func(s *tokenSubject)
}

var tokenRules = []tokenRule{
	{"EachTestFetchesAToken", site.ClientCredentials, func(s *tokenSubject) {
		for range 2 {
			s.passes(s.testOf(s.good))
		}
		s.asked(2)
		s.tokens.SetApp(clientID, oauthtest.App{Secret: secret.New("revoked"), Mailboxes: []string{s.good.Settings.Username}})
		s.fails(s.testOf(s.good))
	}},
	{"TheSavedSecretIsUsed", site.ClientCredentials, func(s *tokenSubject) {
		s.passes(s.testOf(s.good))
		s.want(s.save(s.write(s.good, true)), http.StatusOK, "")
		s.passes(object{"recipient": s.Recipient})
	}},
	{"TokenForAnotherMailboxIsAFailedLogin", site.ClientCredentials, func(s *tokenSubject) {
		s.tokens.SetApp(clientID, oauthtest.App{Secret: s.good.Password})
		path := newTest()
		if got := s.result(path, s.call(http.MethodPut, path, s.testOf(s.good))); got["status"] != "failed" || got["stage"] != "auth" {
			s.Errorf("the test ends as %v at %v, want failed at auth", got["status"], got["stage"])
		}
	}},
	{"RedirectIsNotFollowed", site.ClientCredentials, func(s *tokenSubject) {
		for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
			s.tokens.Answer(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", s.trap.URL())
				w.WriteHeader(status)
			})
			s.fails(s.testOf(s.good))
		}
		s.trapIsEmpty()
	}},
	{"EndlessResponseIsCutOff", site.ClientCredentials, func(s *tokenSubject) {
		var sent atomic.Int64
		s.tokens.Answer(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for piece := strings.Repeat(" ", 64<<10); sent.Load() < 64<<20 && r.Context().Err() == nil; {
				n, err := io.WriteString(w, piece)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		s.fails(s.testOf(s.good))
		if sent.Load() >= 64<<20 {
			s.Errorf("the site read 64 MiB of an endless response")
		}
	}},
	{"TheTokenEndpointMustBeHTTPS", site.ClientCredentials, func(s *tokenSubject) {
		for _, address := range []string{"http://login.example.com/token", "https://user:password@login.example.com/token", "ftp://login.example.com/token"} {
			moved := s.good
			moved.Settings.TokenURL = address
			s.unchanged(func() {
				s.at(s.want(s.save(s.write(moved, false)), http.StatusUnprocessableEntity, "invalid"), "token_url")
			})
		}
	}},
	{"TheSecretStaysWithItsTokenEndpoint", site.ClientCredentials, func(s *tokenSubject) {
		s.want(s.save(s.write(s.good, false)), http.StatusOK, "")
		for _, change := range []func(*site.Settings){
			func(c *site.Settings) { c.TokenURL = s.trap.URL() },
			func(c *site.Settings) { c.ClientID = "another" },
			func(c *site.Settings) { c.Scopes = "another" },
			func(c *site.Settings) { c.Grant, c.TokenURL, c.ClientID, c.Scopes = "", "", "", "" },
		} {
			moved := site.Candidate{Settings: s.good.Settings}
			change(&moved.Settings)
			s.unchanged(func() {
				s.at(s.want(s.save(s.write(moved, false)), http.StatusUnprocessableEntity, "password_required"), "password")
			})
			test := s.testOf(moved)
			delete(test, "password")
			s.want(s.call(http.MethodPut, newTest(), test), http.StatusUnprocessableEntity, "password_required")
		}
		s.asked(0)
		s.trapIsEmpty()
	}},
	{"TestDoesNotUseUpARefreshToken", site.RefreshToken, func(s *tokenSubject) {
		s.tokens.SetApp(clientID, oauthtest.App{Secret: s.good.Password, Mailboxes: []string{s.good.Settings.Username}, Rotates: true})
		clientSecret, token := s.good.Password, s.tokens.Consent(clientID, s.good.Settings.Username)
		both := func(body object) object {
			body["password"], body["client_secret"] = token.Reveal(), clientSecret.Reveal()
			return body
		}
		for range 2 {
			s.passes(both(s.testOf(s.good)))
		}
		before := s.want(s.save(both(s.write(s.good, true))), http.StatusOK, "").body
		s.passes(object{"recipient": s.Recipient})
		s.passes(both(s.testOf(s.good)))
		if after := s.smtp(); fmt.Sprint(after["password_id"], after["revision"]) != fmt.Sprint(before["password_id"], before["revision"]) {
			s.Errorf("password_id or revision changed, although no password was set")
		}
	}},
	{"TheClientSecretIsPartOfThePassword", site.RefreshToken, func(s *tokenSubject) {
		clientSecret, token := s.good.Password, s.tokens.Consent(clientID, s.good.Settings.Username)
		body := func(b object, beside any) object {
			b["password"], b["client_secret"] = token.Reveal(), beside
			return b
		}
		s.passes(body(s.testOf(s.good), clientSecret.Reveal()))
		s.unchanged(func() {
			s.want(s.save(body(s.write(s.good, true), "another")), http.StatusConflict, "verification_required")
			without := body(s.write(s.good, true), nil)
			delete(without, "client_secret")
			s.want(s.save(without), http.StatusConflict, "verification_required")
		})
	}},
	{"ServiceAccountSigns", site.JWTBearer, func(s *tokenSubject) {
		account, key, err := oauthtest.Account(s.good.Settings.Username)
		if err != nil {
			s.Fatalf("%v", err)
		}
		s.tokens.SetApp(clientID, account)
		candidate := s.good
		candidate.Password = key
		s.passes(s.testOf(candidate))
		s.want(s.save(s.write(candidate, true)), http.StatusOK, "")
		s.passes(object{"recipient": s.Recipient})
		s.at(s.want(s.save(s.write(s.good, false)), http.StatusUnprocessableEntity, "invalid"), "password")
	}},
}

// tokenSubject is a subject with a token endpoint, a mail server that accepts its tokens, and a second endpoint, trap, that must not
// receive any request.
type tokenSubject struct {
	*subject
	tokens, trap *oauthtest.Server
	mail         *smtptest.Server
	// good is a candidate that passes. Its password is the client secret.
	good site.Candidate
}

// tokenLogins checks logins with a token, if the site reports that it supports them. The endpoints run in this command.
func (r *report) tokenLogins(ctx context.Context, visitor visitor) {
	if visitor.mail == nil {
		fmt.Fprintln(r.out, "NOTE  Logins with a token are not checked, because -mail-host names another mail server.")
		return
	}
	chooser, ok := visitor.cleared.(site.TokenLogins)
	if !ok {
		return
	}
	grants, err := chooser.Grants(ctx)
	if err != nil || len(grants) == 0 {
		fmt.Fprintln(r.out, "NOTE  Logins with a token are not checked, because the site's auth_methods lacks oauth2.")
		return
	}
	for _, rule := range tokenRules {
		if !slices.Contains(grants, rule.grant) {
			continue
		}
		r.check(ctx, "Token/"+rule.name, "putTest", func(t sitetest.T) { rule.check(visitor.subject(t, rule.name)) })
	}
}

func (rule tokenRule) check(on *subject) {
	s := &tokenSubject{subject: on, good: on.Good}
	var err error
	if s.tokens, err = oauthtest.New(); err != nil {
		s.Fatalf("%v", err)
	}
	defer func() { _ = s.tokens.Close() }()
	if s.trap, err = oauthtest.New(); err != nil {
		s.Fatalf("%v", err)
	}
	defer func() { _ = s.trap.Close() }()
	if s.mail, err = smtptest.New(smtptest.Config{Encryption: site.NoEncryption, CheckToken: s.tokens.Check}); err != nil {
		s.Fatalf("%v", err)
	}
	defer func() { _ = s.mail.Close() }()
	c := &s.good
	c.Settings.Host, c.Settings.Port, c.Settings.Encryption = s.mail.Host(), s.mail.Port(), site.NoEncryption
	c.Settings.Grant, c.Settings.TokenURL, c.Settings.ClientID, c.Settings.Scopes = rule.grant, s.tokens.URL(), clientID, oauthtest.Scope
	c.Password = secret.New(uuid.NewString())
	s.tokens.SetApp(clientID, oauthtest.App{Secret: c.Password, Mailboxes: []string{c.Settings.Username}})
	rule.run(s)
}

// passes runs a test that must pass.
func (s *tokenSubject) passes(body object) {
	s.Helper()
	before, path := s.mail.Counters().Messages, newTest()
	got := s.result(path, s.call(http.MethodPut, path, body))
	if sent := s.mail.Counters().Messages - before; got["status"] != "passed" || sent != 1 {
		s.Errorf("the test ends as %v at %v (%v) with %d messages, want passed with 1", got["status"], got["stage"], got["error"], sent)
	}
}

// fails runs a test that must fail at the token endpoint, before the mail server is dialled.
func (s *tokenSubject) fails(body object) {
	s.Helper()
	before, path := s.mail.Counters().Connections, newTest()
	got := s.result(path, s.call(http.MethodPut, path, body))
	if got["status"] != "failed" || got["stage"] != "token" || got["reply"] != nil {
		s.Errorf("the test ends as %v at %v with the reply %v, want failed at token without one", got["status"], got["stage"], got["reply"])
	}
	if dialled := s.mail.Counters().Connections - before; dialled > 0 {
		s.Errorf("the mail server was dialled without a token")
	}
}

// asked checks how many requests the token endpoint has received so far.
func (s *tokenSubject) asked(times int) {
	s.Helper()
	if got := len(s.tokens.Requests()); got != times {
		s.Errorf("the token endpoint received %d requests, want %d: each test must fetch a token", got, times)
	}
}

func (s *tokenSubject) trapIsEmpty() {
	s.Helper()
	if got := len(s.trap.Requests()); got > 0 {
		s.Errorf("another token endpoint received a secret, %d times", got)
	}
}
