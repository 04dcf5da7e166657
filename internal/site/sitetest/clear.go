package sitetest

import (
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// of is the request to clear what a site held when it was read.
func of(s site.State) site.ClearRequest {
	return site.ClearRequest{Revision: s.Revision, SiteID: s.SiteID}
}

var clears = []check{
	{name: "LeavesNothing", when: forgetsPasswords, run: func(s *subject) {
		before := s.enable()
		if err := s.site.Clear(s.Context(), of(before)); err != nil {
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
		stale := of(s.read())
		s.enable()
		s.unchanged(func() { s.refused(s.site.Clear(s.Context(), stale), site.Stale) })
	}},
	{name: "AnotherSiteIsNotCleared", run: func(s *subject) {
		request := of(s.enable())
		request.SiteID = "that of another site"
		s.unchanged(func() { s.refused(s.site.Clear(s.Context(), request), site.WrongSite) })
	}},
	{name: "ClearedSettingsNeedANewTest", when: strict, run: func(s *subject) {
		if err := s.site.Clear(s.Context(), of(s.enable())); err != nil {
			s.Fatalf("%v", err)
		}
		s.unchanged(func() {
			if _, err := s.save(without(s.Good), true); err == nil {
				s.Errorf("no error")
			}
		})
	}},
	{name: "CanceledCallClearsNothing", run: func(s *subject) {
		request := of(s.enable())
		s.unchanged(func() {
			if err := s.site.Clear(s.cancelled(), request); err == nil {
				s.Errorf("no error")
			}
		})
	}},
}
