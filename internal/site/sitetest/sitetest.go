// Package sitetest is the suite of checks that every platform passes: what [site.Site] promises, seen from outside, with
// a real site and a real submission server behind it.
package sitetest

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Target is what is checked.
type Target struct {
	// Open returns a new site that was never configured. What it needs to send all the test messages of one check
	// within its limits, it must have.
	Open func(t *testing.T) site.Site
	// Good passes a test; it has a username and a password.
	Good site.Candidate
	// Bad differs from Good in the password only, and the submission server refuses it.
	Bad site.Candidate
	// Recipient is an address that the submission server accepts.
	Recipient string
	// Inbox counts the messages that the submission server has accepted.
	Inbox func() int
}

// Run checks the target, each time with a site of its own.
func Run(t *testing.T, target Target) {
	for _, group := range []struct {
		name   string
		checks []check
	}{
		{"Read", reads}, {"Test", tests}, {"Save", saves}, {"Enable", enables}, {"Clear", clears},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.checks {
				t.Run(c.name, func(t *testing.T) { c.run(&subject{T: t, Target: target, site: target.Open(t)}) })
			}
		})
	}
}

type check struct {
	name string
	run  func(s *subject)
}

// subject is the site of one check, with the steps that checks are made of.
type subject struct {
	*testing.T
	Target
	site site.Site
}

func (s *subject) read() site.State {
	s.Helper()
	state, err := s.site.Read(s.Context())
	if err != nil {
		s.Fatalf("read: %v", err)
	}
	return state
}

// save writes with the revision that the site has now.
func (s *subject) save(c site.Candidate, enabled bool) (site.State, error) {
	s.Helper()
	return s.site.Save(s.Context(), site.Save{Settings: c.Settings, Password: c.Password, Enabled: enabled, Revision: s.read().Revision})
}

func (s *subject) mustSave(c site.Candidate, enabled bool) site.State {
	s.Helper()
	state, err := s.save(c, enabled)
	if err != nil {
		s.Fatalf("save: %v", err)
	}
	return state
}

// test sends one message with c, or with what is saved when c is nil.
func (s *subject) test(c *site.Candidate) (site.TestResult, error) {
	s.Helper()
	return s.site.Test(s.Context(), site.Test{Candidate: c, Recipient: s.Recipient})
}

func (s *subject) mustPass(c *site.Candidate) site.TestResult {
	s.Helper()
	result, err := s.test(c)
	if err != nil || result.Status != site.Passed {
		s.Fatalf("test: %+v, %v", result, err)
	}
	return result
}

// enable brings the site to where mail is on with Good.
func (s *subject) enable() site.State {
	s.Helper()
	s.mustPass(&s.Good)
	return s.mustSave(s.Good, true)
}

// unchanged makes sure that what do does leaves the site as it was.
func (s *subject) unchanged(do func()) {
	s.Helper()
	before := s.read()
	do()
	s.same("the site afterwards", s.read(), before)
}

// delivers makes sure that do has the given number of messages accepted.
func (s *subject) delivers(messages int, do func()) {
	s.Helper()
	before := s.Inbox()
	do()
	if got := s.Inbox() - before; got != messages {
		s.Errorf("%d messages were delivered, want %d", got, messages)
	}
}

func (s *subject) refused(err error, want site.Kind) {
	s.Helper()
	if got := site.KindOf(err); got != want {
		s.Errorf("got error %v of kind %q, want %q", err, got, want)
	}
}

// same compares states; the Verification counts by value.
func (s *subject) same(what string, got, want site.State) {
	s.Helper()
	gotPass, wantPass := got.Verification, want.Verification
	got.Verification, want.Verification = nil, nil
	if got != want || (gotPass == nil) != (wantPass == nil) || gotPass != nil && *gotPass != *wantPass {
		s.Errorf("%s is\n%+v %+v, want\n%+v %+v", what, got, gotPass, want, wantPass)
	}
}

// elsewhere is c at every setting in turn, by the name of what changed.
func elsewhere(c site.Candidate) map[string]site.Candidate {
	change := func(f func(*site.Settings)) site.Candidate {
		other := c
		f(&other.Settings)
		return other
	}
	return map[string]site.Candidate{
		"host": change(func(s *site.Settings) { s.Host = "elsewhere.example.com" }),
		"port": change(func(s *site.Settings) { s.Port = s.Port%65535 + 1 }),
		"encryption": change(func(s *site.Settings) {
			s.Encryption = map[site.Encryption]site.Encryption{site.TLS: site.STARTTLS}[s.Encryption]
			if s.Encryption == "" {
				s.Encryption = site.TLS
			}
		}),
		"username":     change(func(s *site.Settings) { s.Username = "another@example.com" }),
		"from_address": change(func(s *site.Settings) { s.FromAddress = "another@example.com" }),
		"from_name":    change(func(s *site.Settings) { s.FromName += " 2" }),
		"helo_name":    change(func(s *site.Settings) { s.HELOName = "another.example.com" }),
	}
}

// without is c with no password.
func without(c site.Candidate) site.Candidate {
	c.Password = secret.Text{}
	return c
}

func anotherPassword() secret.Text { return secret.New(uuid.NewString()) }

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
