package sitetest

import (
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// applies are what [site.Procedure] promises, whatever the platform can do.
var applies = []check{
	{name: "PassedTestEnables", run: func(s *subject) {
		s.delivers(1, func() {
			got := s.mustApply(s.read(), s.Good)
			if !got.Enabled || got.Settings != s.Good.Settings || got.Verification == nil || got.Verification.Recipient != s.Recipient || got.Verification.TestedAt.IsZero() {
				s.Errorf("got %+v, %+v", got, got.Verification)
			}
			s.holds(got)
		})
	}},
	{name: "FailedTestEnablesNothing", run: func(s *subject) {
		before := s.read()
		s.delivers(0, func() { s.fails(s.change(before, s.Bad)) })
		got := s.read()
		if got.Enabled {
			s.Errorf("got %+v", got)
		}
		if !testsSaved(s.can) {
			s.same("the site", got, before)
		}
	}},
	{name: "FailedTestLeavesWorkingMail", when: keepsPasswords, run: func(s *subject) {
		before := s.mustApply(s.read(), s.Good)
		other := s.Bad
		other.Settings.FromName += " 2"
		c := s.change(before, other)
		c.PriorPassword = s.Good.Password
		s.delivers(0, func() { s.fails(c) })
		s.holds(before)
		if testsWithStoredPassword(s.can) {
			s.delivers(1, func() { s.mustPass(nil) })
		}
	}},
	{name: "UnchangedSettingsChangeNothing", run: func(s *subject) {
		before := s.mustApply(s.read(), s.Good)
		c := s.change(before, without(s.Good))
		c.SetPassword = false
		s.delivers(0, func() { s.applied(c) })
		s.holds(before)
	}},
	{name: "NewPasswordAloneIsTested", run: func(s *subject) {
		before := s.mustApply(s.read(), s.Good)
		s.delivers(1, func() { s.holds(s.mustApply(before, s.Good)) })
	}},
	{name: "SwitchingOffNeedsNoPassword", when: all(switchable, keepsPasswords), run: func(s *subject) {
		c := s.change(s.mustApply(s.read(), s.Good), without(s.Good))
		c.SetPassword, c.Enabled = false, false
		s.delivers(0, func() {
			if got := s.applied(c); got.Enabled || got.Settings != s.Good.Settings {
				s.Errorf("got %+v", got)
			}
		})
	}},
	{name: "WithoutLogin", when: forgetsPasswords, run: func(s *subject) {
		c := s.change(s.mustApply(s.read(), s.Good), s.withoutLogin())
		s.delivers(0, func() { s.fails(c) })
	}},
	{name: "ChangeByOthersIsKept", when: switchable, run: func(s *subject) {
		before := s.read()
		s.mustSave(elsewhere(s.Good)["from_name"], false)
		s.unchanged(func() {
			_, err := site.Procedure{Diagnose: undiagnosed}.Apply(s.Context(), s.site, s.change(before, s.Good))
			s.refused(err, site.Stale)
		})
	}},
	{name: "AnotherSiteIsLeftAlone", run: func(s *subject) {
		before := s.read()
		pinned := before
		pinned.SiteID = "another"
		s.delivers(0, func() {
			_, err := site.Procedure{Diagnose: undiagnosed}.Apply(s.Context(), s.site, s.change(pinned, s.Good))
			s.refused(err, site.WrongSite)
		})
		s.same("the site", s.read(), before)
	}},
}

// destroys are the ways to leave a site.
var destroys = []check{
	{name: "Disable", when: leaves(site.OnDestroyDisable), run: func(s *subject) {
		before := s.mustApply(s.read(), s.Good)
		s.destroy(before, site.OnDestroyDisable)
		if got := s.read(); got.Enabled || got.Settings != before.Settings {
			s.Errorf("got %+v", got)
		}
		s.unchanged(func() { s.destroy(before, site.OnDestroyDisable) })
	}},
	{name: "Clear", when: leaves(site.OnDestroyClear), run: func(s *subject) {
		s.destroy(s.mustApply(s.read(), s.Good), site.OnDestroyClear)
		if got := s.read(); got.Enabled || !got.Settings.IsZero() || got.PasswordSet {
			s.Errorf("got %+v", got)
		}
	}},
	{name: "Keep", run: func(s *subject) {
		before := s.mustApply(s.read(), s.Good)
		s.destroy(before, site.OnDestroyKeep)
		s.holds(before)
	}},
}

func leaves(how site.OnDestroy) func(site.Capabilities) bool {
	return func(c site.Capabilities) bool {
		_, refused := c.RefuseDestroy(how)
		return !refused
	}
}

func undiagnosed(site.TestResult, site.Settings) site.Diagnosis {
	return site.Diagnosis{Retry: site.RetryNever}
}

// change is one to c with its password, mail on.
func (s *subject) change(prior site.State, c site.Candidate) site.Change {
	return site.Change{Prior: prior, Candidate: c, SetPassword: true, Enabled: true, Recipient: s.Recipient}
}

func (s *subject) applied(c site.Change) site.State {
	s.Helper()
	state, err := site.Procedure{Diagnose: undiagnosed}.Apply(s.Context(), s.site, c)
	if err != nil {
		s.Fatalf("apply: %v", err)
	}
	return state
}

func (s *subject) mustApply(prior site.State, c site.Candidate) site.State {
	s.Helper()
	return s.applied(s.change(prior, c))
}

// fails makes sure that the test of c fails.
func (s *subject) fails(c site.Change) {
	s.Helper()
	_, err := site.Procedure{Diagnose: undiagnosed}.Apply(s.Context(), s.site, c)
	failed, ok := errors.AsType[*site.TestError](err)
	if !ok || failed.Result.Status != site.Failed {
		s.Errorf("got %v, want a failed test", err)
	}
}

// holds makes sure that the site holds want, as far as it says.
func (s *subject) holds(want site.State) {
	s.Helper()
	got := s.read()
	if testsSaved(s.can) {
		// Put back, it may be another write with another password ID.
		want.Revision, want.UpdatedAt, want.LastWriteID, want.PasswordID = got.Revision, got.UpdatedAt, got.LastWriteID, got.PasswordID
	}
	if s.can.ForgetsVerification {
		want.Verification = nil
	}
	s.same("the site", got, want)
}

func (s *subject) destroy(prior site.State, how site.OnDestroy) {
	s.Helper()
	if err := (site.Procedure{}).Destroy(s.Context(), s.site, prior, how); err != nil {
		s.Fatalf("destroy: %v", err)
	}
}
