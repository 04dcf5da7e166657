package sitetest

import (
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var enables = []check{
	{name: "AllowedAfterAPassedTest", when: strict, run: func(s *subject) {
		passed := s.mustPass(&s.Good)
		s.delivers(0, func() {
			got := s.mustSave(s.Good, true)
			if !got.Enabled || got.Settings != s.Good.Settings || got.Verification == nil {
				s.Fatalf("got %+v", got)
			}
			v := *got.Verification
			if v.Recipient != s.Recipient || v.MessageID != passed.MessageID || !v.TestedAt.Equal(passed.TestedAt) || v.Reply == "" {
				s.Errorf("verification %+v of test %+v", v, passed)
			}
			s.same("what is read", s.read(), got)
		})
	}},
	{name: "RefusedWithoutATest", when: strict, run: func(s *subject) {
		s.stays(s.Good)
	}},
	{name: "RefusedAfterAFailedTest", when: strict, run: func(s *subject) {
		s.mustFail(&s.Bad)
		s.stays(s.Bad)
	}},
	{name: "RefusedAfterATestOfOtherSettings", when: strict, run: func(s *subject) {
		s.mustPass(&s.Good)
		for _, other := range elsewhere(s.Good) {
			if s.canHold(other) {
				s.stays(other)
			}
		}
	}},
	{name: "RefusedAfterATestOfAnotherPassword", when: strict, run: func(s *subject) {
		s.mustPass(&s.Good)
		s.stays(s.Bad)
	}},
	{name: "RefusedAfterATestOfAnotherSite", when: strict, sites: 2, run: func(s *subject) {
		s.mustPass(&s.Good)
		s.another().stays(s.Good)
	}},
	{name: "UntestedSettingsDoNotReplaceWorkingMail", when: strict, run: func(s *subject) {
		s.enable()
		for _, other := range elsewhere(s.Good) {
			if s.canHold(other) {
				s.stays(other)
			}
		}
	}},
	{name: "AllowedAfterATestOfSavedSettings", when: strict, run: func(s *subject) {
		s.mustSave(s.Good, false)
		s.mustPass(nil)
		if got := s.mustSave(without(s.Good), true); !got.Enabled || got.Verification == nil {
			s.Errorf("got %+v", got)
		}
	}},
	{name: "DisablingNeedsNoPasswordAndNoTest", when: all(switchable, keepsPasswords), run: func(s *subject) {
		s.enable()
		s.delivers(0, func() {
			if got := s.mustSave(without(s.Good), false); got.Enabled || got.Settings != s.Good.Settings || !got.PasswordSet {
				s.Errorf("got %+v", got)
			}
		})
	}},
	{name: "NewSettingsRemoveTheVerification", when: strict, run: func(s *subject) {
		s.enable()
		if got := s.mustSave(elsewhere(s.Good)["from_name"], false); got.Verification != nil {
			s.Errorf("got %+v", got.Verification)
		}
	}},
	{name: "NewPasswordRemovesTheVerification", when: strict, run: func(s *subject) {
		s.enable()
		if got := s.mustSave(s.Bad, false); got.Verification != nil {
			s.Errorf("got %+v", got.Verification)
		}
	}},
}

// stays makes sure that c cannot be enabled and that trying changes nothing.
func (s *subject) stays(c site.Candidate) {
	s.Helper()
	s.unchanged(func() {
		s.Helper()
		_, err := s.save(c, true)
		s.refused(err, site.VerificationRequired)
	})
}
