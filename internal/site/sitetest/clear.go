package sitetest

import (
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var clears = []check{
	{name: "LeavesNothing", when: forgetsPasswords, run: func(s *subject) {
		before := s.enable()
		if err := s.site.Clear(s.Context(), before.Revision); err != nil {
			s.Fatalf("%v", err)
		}
		got := s.read()
		if !got.Settings.IsZero() || got.Enabled || got.PasswordSet || got.PasswordID != "" || got.Verification != nil {
			s.Errorf("got %+v", got)
		}
		if guarded(s.can) && got.Revision == before.Revision || got.SiteID != before.SiteID {
			s.Errorf("got %+v after %+v", got, before)
		}
	}},
	{name: "StaleRevisionIsRefused", when: guarded, run: func(s *subject) {
		stale := s.read().Revision
		s.enable()
		s.unchanged(func() { s.refused(s.site.Clear(s.Context(), stale), site.Stale) })
	}},
	{name: "WhatWasClearedIsNotEnabledWithoutATest", when: strict, run: func(s *subject) {
		if err := s.site.Clear(s.Context(), s.enable().Revision); err != nil {
			s.Fatalf("%v", err)
		}
		s.unchanged(func() {
			if _, err := s.save(without(s.Good), true); err == nil {
				s.Errorf("no error")
			}
		})
	}},
	{name: "ACallThatIsOverClearsNothing", run: func(s *subject) {
		revision := s.enable().Revision
		s.unchanged(func() {
			if err := s.site.Clear(s.cancelled(), revision); err == nil {
				s.Errorf("no error")
			}
		})
	}},
}
