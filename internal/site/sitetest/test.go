package sitetest

import (
	"context"
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var tests = []check{
	{name: "PassedTestDeliversOneMessageAndSavesNothing", run: func(s *subject) {
		c := s.testable()
		s.unchanged(func() {
			s.delivers(1, func() {
				got := s.mustPass(c)
				if got.Stage != site.StageData || got.Recipient != s.Recipient || got.TestedAt.IsZero() || got.Diagnosis != nil {
					s.Errorf("got %+v", got)
				}
				if got.MessageID == "" && testsCandidates(s.can) {
					s.Errorf("the message has no ID: %+v", got)
				}
			})
		})
	}},
	{name: "FailedTestIsAResultAndSavesNothing", when: testsCandidates, run: func(s *subject) {
		s.unchanged(func() {
			s.delivers(0, func() { s.mustFail(&s.Bad) })
		})
	}},
	{name: "FailedTestLeavesWorkingMailAlone", when: testsCandidates, run: func(s *subject) {
		s.enable()
		s.unchanged(func() { s.mustFail(&s.Bad) })
	}},
	{name: "EachTestDeliversAMessage", run: func(s *subject) {
		c := s.testable()
		s.delivers(2, func() {
			first, second := s.mustPass(c), s.mustPass(c)
			if first.MessageID == second.MessageID && first.MessageID != "" {
				s.Errorf("two messages have the ID %s", first.MessageID)
			}
		})
	}},
	{name: "SavedSettingsAreTestedWithTheStoredPassword", when: testsWithStoredPassword, run: func(s *subject) {
		s.prepare(s.Good)
		s.delivers(1, func() { s.mustPass(nil) })
	}},
	{name: "TestOfSavedSettingsCanFail", when: testsWithStoredPassword, run: func(s *subject) {
		s.prepare(s.Bad)
		s.delivers(0, func() { s.mustFail(nil) })
	}},
	{name: "TestWithoutSavedSettingsIsAnError", run: func(s *subject) {
		s.delivers(0, func() { s.refusesTest(nil) })
	}},
	{name: "TestWhileDisabledIsAnError", when: func(c site.Capabilities) bool { return c.Testing == site.TestsEnabled }, run: func(s *subject) {
		s.mustSave(s.Good, false)
		s.delivers(0, func() { s.refusesTest(nil) })
	}},
	{name: "TestOfACandidateIsAnError", when: testsSaved, run: func(s *subject) {
		s.prepare(s.Good)
		s.delivers(0, func() { s.refusesTest(&s.Good) })
	}},
	{name: "CandidateWithoutPasswordDoesNotUseTheStoredOne", when: all(testsCandidates, switchable), run: func(s *subject) {
		s.mustSave(s.Good, false)
		for name, other := range elsewhere(without(s.Good)) {
			s.delivers(0, func() {
				if result, err := s.test(&other); err == nil && result.Status != site.Failed {
					s.Errorf("%s: got %+v", name, result)
				}
			})
		}
	}},
	{name: "AnotherSiteIsNotTested", run: func(s *subject) {
		c := s.testable()
		s.delivers(0, func() {
			_, err := s.site.Test(s.Context(), site.TestRequest{Candidate: c, Recipient: s.Recipient, SiteID: "another"})
			s.refused(err, site.WrongSite)
		})
	}},
	{name: "ThisSiteIsTested", run: func(s *subject) {
		result, err := s.site.Test(s.Context(), site.TestRequest{Candidate: s.testable(), Recipient: s.Recipient, SiteID: s.read().SiteID})
		if err != nil || result.Status != site.Passed {
			s.Errorf("got %+v, %v", result, err)
		}
	}},
	{name: "InvalidRecipientsAreRefused", run: func(s *subject) {
		c := s.testable()
		for _, recipient := range []string{"ops@example.com>\r\nRCPT TO:<eve@example.com", "ops", "ops@example.com> SIZE=1", "a@example.com,b@example.com"} {
			s.delivers(0, func() {
				_, err := s.site.Test(s.Context(), site.TestRequest{Candidate: c, Recipient: recipient})
				s.refused(err, site.Invalid)
				s.at(err, "recipient")
			})
		}
	}},
	{name: "CanceledCallSendsNothing", run: func(s *subject) {
		c := s.testable()
		s.delivers(0, func() {
			_, err := s.site.Test(s.cancelled(), site.TestRequest{Candidate: c, Recipient: s.Recipient})
			if !errors.Is(err, context.Canceled) {
				s.Errorf("got %v", err)
			}
		})
	}},
}

func testsWithStoredPassword(c site.Capabilities) bool { return !c.TestNeedsPassword }

func (s *subject) refusesTest(c *site.Candidate) {
	s.Helper()
	if result, err := s.test(c); err == nil {
		s.Errorf("got %+v", result)
	}
}

func (s *subject) mustFail(c *site.Candidate) {
	s.Helper()
	result, err := s.test(c)
	if err != nil || result.Status != site.Failed || result.Stage == "" || result.Recipient != s.Recipient || result.Reply == nil && result.Error == "" {
		s.Errorf("got %+v, %v; want a failed test that says where and why", result, err)
	}
}

func (s *subject) at(err error, field string) {
	s.Helper()
	if e, ok := errors.AsType[*site.Error](err); ok && e.Field != field {
		s.Errorf("the error is at %q, want %q: %v", e.Field, field, err)
	}
}
