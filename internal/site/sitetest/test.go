package sitetest

import (
	"context"
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var tests = []check{
	{"PassedTestDeliversOneMessageAndSavesNothing", func(s *subject) {
		s.unchanged(func() {
			s.delivers(1, func() {
				got := s.mustPass(&s.Good)
				if got.Stage != site.StageData || got.Recipient != s.Recipient || got.MessageID == "" || got.TestedAt.IsZero() || got.Diagnosis != nil {
					s.Errorf("got %+v", got)
				}
			})
		})
	}},
	{"FailedTestIsAResultAndSavesNothing", func(s *subject) {
		s.unchanged(func() {
			s.delivers(0, func() { s.mustFail(&s.Bad) })
		})
	}},
	{"FailedTestLeavesWorkingMailAlone", func(s *subject) {
		s.enable()
		s.unchanged(func() { s.mustFail(&s.Bad) })
	}},
	{"EachTestDeliversAMessage", func(s *subject) {
		s.delivers(2, func() {
			first, second := s.mustPass(&s.Good), s.mustPass(&s.Good)
			if first.MessageID == second.MessageID {
				s.Errorf("two messages have the ID %s", first.MessageID)
			}
		})
	}},
	{"WhatIsSavedCanBeTestedWithoutThePassword", func(s *subject) {
		s.mustSave(s.Good, false)
		s.delivers(1, func() { s.mustPass(nil) })
	}},
	{"WhatIsSavedCanFail", func(s *subject) {
		s.mustSave(s.Bad, false)
		s.delivers(0, func() { s.mustFail(nil) })
	}},
	{"NothingSavedIsNoVerdict", func(s *subject) {
		s.delivers(0, func() {
			if result, err := s.test(nil); err == nil {
				s.Errorf("got %+v", result)
			}
		})
	}},
	{"ACandidateWithoutPasswordUsesNoStoredOne", func(s *subject) {
		s.mustSave(s.Good, false)
		for name, other := range elsewhere(without(s.Good)) {
			s.delivers(0, func() {
				if result, err := s.test(&other); err == nil && result.Status != site.Failed {
					s.Errorf("%s: got %+v", name, result)
				}
			})
		}
	}},
	{"AnotherSiteIsNotTested", func(s *subject) {
		s.delivers(0, func() {
			_, err := s.site.Test(s.Context(), site.Test{Candidate: &s.Good, Recipient: s.Recipient, SiteID: "another"})
			s.refused(err, site.WrongSite)
		})
	}},
	{"ThisSiteIsTested", func(s *subject) {
		result, err := s.site.Test(s.Context(), site.Test{Candidate: &s.Good, Recipient: s.Recipient, SiteID: s.read().SiteID})
		if err != nil || result.Status != site.Passed {
			s.Errorf("got %+v, %v", result, err)
		}
	}},
	{"RecipientsThatAreNoneAreRefused", func(s *subject) {
		for _, recipient := range []string{"ops@example.com>\r\nRCPT TO:<eve@example.com", "ops", "ops@example.com> SIZE=1", "a@example.com,b@example.com"} {
			s.delivers(0, func() {
				_, err := s.site.Test(s.Context(), site.Test{Candidate: &s.Good, Recipient: recipient})
				s.refused(err, site.Invalid)
				s.at(err, "recipient")
			})
		}
	}},
	{"ACallThatIsOverSendsNothing", func(s *subject) {
		s.delivers(0, func() {
			_, err := s.site.Test(cancelled(s.T), site.Test{Candidate: &s.Good, Recipient: s.Recipient})
			if !errors.Is(err, context.Canceled) {
				s.Errorf("got %v", err)
			}
		})
	}},
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
