// Package sitetest is the suite of checks that every platform passes: what [site.Site] promises, seen from outside, with
// a real site and a real submission server behind it. What a platform declares that it cannot do is not asked of it; what
// it needs for that is.
package sitetest

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// T is what a check reports to. A [testing.T] is one, and so is whatever runs the checks outside of tests.
type T interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	// Fatalf does not return.
	Fatalf(format string, args ...any)
}

// Target is what is checked.
type Target struct {
	// Open returns a new site that was never configured. What it needs to send all the test messages of one check
	// within its limits, it must have. Only [Run] calls it.
	Open func(t *testing.T) site.Site
	// Good passes a test; it has a username and a password.
	Good site.Candidate
	// Bad differs from Good in the password only, and the submission server refuses it.
	Bad site.Candidate
	// Recipient is an address that the submission server accepts.
	Recipient string
	// Inbox counts the messages that the submission server has accepted; nil where nobody can count them.
	Inbox func() int
	// Single says that there is but one site, which is cleared before each check. Checks that need two are left out.
	Single bool
}

// Delivers makes sure that do has the given number of messages accepted, where they can be counted.
func (t Target) Delivers(report T, messages int, do func()) {
	report.Helper()
	if t.Inbox == nil {
		do()
		return
	}
	before := t.Inbox()
	do()
	if got := t.Inbox() - before; got != messages {
		report.Errorf("%d messages were delivered, want %d", got, messages)
	}
}

// Candidates are Good and Bad for a submission server.
func Candidates(host string, port int, e site.Encryption, username string, password secret.Text) (good, bad site.Candidate) {
	good = site.Candidate{Password: password, Settings: site.Settings{
		Host: host, Port: port, Encryption: e, Username: username,
		FromAddress: username, FromName: "Client A", HELOName: "client-a.example.com",
	}}
	return good, site.Candidate{Settings: good.Settings, Password: secret.New("not the password")}
}

// Run checks the target, each time with a site of its own.
func Run(t *testing.T, target Target) {
	for group, checks := range Checks(target, site.CapabilitiesOf(target.Open(t))) {
		t.Run(group, func(t *testing.T) {
			for _, c := range checks {
				t.Run(c.Name, func(t *testing.T) {
					c.Run(t, func() site.Site { return target.Open(t) })
				})
			}
		})
	}
}

// Check is one thing that a site promises.
type Check struct {
	Name string
	// Run checks a site that open returns, as Target.Open does.
	Run func(t T, open func() site.Site)
}

// Checks gives what to check at a site that can do these things, in groups by what a caller does there.
func Checks(target Target, can site.Capabilities) iter.Seq2[string, []Check] {
	return func(yield func(string, []Check) bool) {
		for _, group := range groups {
			var checks []Check
			for _, c := range group.checks {
				if c.when != nil && !c.when(can) || c.sites > 1 && target.Single {
					continue
				}
				own := target.forCheck(c.name)
				checks = append(checks, Check{c.name, func(t T, open func() site.Site) { c.run(&subject{t, own, open, open(), can}) }})
			}
			if !yield(group.name, checks) {
				return
			}
		}
	}
}

var groups = []struct {
	name   string
	checks []check
}{
	{"Read", reads}, {"Test", tests}, {"Save", saves}, {"Enable", enables}, {"Clear", clears}, {"Apply", applies}, {"Destroy", destroys},
}

// forCheck gives candidates of its own to each check of a single site, which remembers what passed.
func (t Target) forCheck(name string) Target {
	if t.Single {
		t.Good.Settings.FromName, t.Bad.Settings.FromName = name, name
	}
	return t
}

type check struct {
	name string
	// when limits the check to platforms that can do these things; nil stands for all.
	when func(site.Capabilities) bool
	// sites is how many it needs; 0 stands for one.
	sites int
	run   func(s *subject)
}

// What checks are limited to.
func guarded(c site.Capabilities) bool         { return !c.Unguarded }
func switchable(c site.Capabilities) bool      { return c.Off == site.OffBySwitch }
func testsCandidates(c site.Capabilities) bool { return c.Testing == site.TestsCandidates }

func testsSaved(c site.Capabilities) bool {
	return c.Testing == site.TestsSaved || c.Testing == site.TestsEnabled
}

// strict are sites that know what passed a test, and refuse what did not.
func strict(c site.Capabilities) bool { return !c.ForgetsVerification }

func all(conditions ...func(site.Capabilities) bool) func(site.Capabilities) bool {
	return func(c site.Capabilities) bool {
		for _, holds := range conditions {
			if !holds(c) {
				return false
			}
		}
		return true
	}
}

// subject is the site of one check, with the steps that checks are made of.
type subject struct {
	T
	Target
	open func() site.Site
	site site.Site
	can  site.Capabilities
}

// another opens another site.
func (s *subject) another() *subject {
	s.Helper()
	return &subject{s.T, s.Target, s.open, s.open(), s.can}
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
	return s.site.Save(s.Context(), site.SaveRequest{Settings: c.Settings, Password: c.Password, Enabled: enabled, Revision: s.read().Revision})
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
	return s.site.Test(s.Context(), site.TestRequest{Candidate: c, Recipient: s.Recipient})
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
	if testsSaved(s.can) {
		s.prepare(s.Good)
		s.mustPass(nil)
		return s.mustSave(without(s.Good), true)
	}
	s.mustPass(&s.Good)
	return s.mustSave(s.Good, true)
}

// prepare saves c so that what is saved can be tested.
func (s *subject) prepare(c site.Candidate) {
	s.Helper()
	s.mustSave(c, s.can.Testing == site.TestsEnabled)
}

// testable is what passes a test: Good, or nil where only what is saved can be tested, which is Good then.
func (s *subject) testable() *site.Candidate {
	s.Helper()
	if testsSaved(s.can) {
		s.prepare(s.Good)
		return nil
	}
	return &s.Good
}

// unchanged makes sure that what do does leaves the site as it was.
func (s *subject) unchanged(do func()) {
	s.Helper()
	before := s.read()
	do()
	s.same("the site afterwards", s.read(), before)
}

func (s *subject) delivers(messages int, do func()) {
	s.Helper()
	s.Delivers(s, messages, do)
}

// refused reports whether err is of the kind that is wanted.
func (s *subject) refused(err error, want site.Kind) bool {
	s.Helper()
	got := site.KindOf(err)
	if got != want {
		s.Errorf("got error %v of kind %q, want %q", err, got, want)
	}
	return got == want
}

// same compares states; the Verification counts by value.
func (s *subject) same(what string, got, want site.State) {
	s.Helper()
	gotPass, wantPass := got.Verification, want.Verification
	got.Verification, want.Verification = nil, nil
	// What sends the mail of a site that holds nothing is no part of what it holds.
	got.InForce, want.InForce = nil, nil
	if got != want || (gotPass == nil) != (wantPass == nil) || gotPass != nil && *gotPass != *wantPass {
		s.Errorf("%s is\n%+v %+v, want\n%+v %+v", what, got, gotPass, want, wantPass)
	}
}

// elsewhere is c at every setting in turn, by the name of what changed.
func elsewhere(c site.Candidate) map[string]site.Candidate {
	all := map[string]site.Candidate{}
	for _, d := range site.AllSettings() {
		if d.OfToken() {
			continue // None of them makes sense without the others.
		}
		other := c
		_ = d.SetText(&other.Settings, another(d, c.Settings)) // fails for numbers alone
		all[d.Name] = other
	}
	return all
}

// another is a valid value of the setting that s does not have.
func another(d site.Setting, s site.Settings) string {
	switch d.Format {
	case site.HostName:
		if s.Encryption == site.NoEncryption {
			return "localhost" // the only one to which a password may go in clear text
		}
		return "elsewhere.example.com"
	case site.PortNumber:
		return strconv.Itoa(s.Port%65535 + 1)
	case site.Choice:
		others := slices.DeleteFunc(slices.Clone(d.Choices), func(value string) bool {
			return value == d.Text(s) || value == string(site.NoEncryption)
		})
		return others[0]
	case site.Credential, site.MailAddress:
		return "another@example.com"
	case site.DisplayName:
		return s.FromName + " 2"
	default:
		return "another.example.com"
	}
}

// without is c with no password.
func without(c site.Candidate) site.Candidate {
	c.Password = secret.Text{}
	return c
}

func anotherPassword() secret.Text { return secret.New(uuid.NewString()) }

func (s *subject) cancelled() context.Context {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	return ctx
}
