package sitetest

import (
	"context"
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var reads = []check{
	{"UnconfiguredSiteIsEmpty", func(s *subject) {
		got := s.read()
		if got.SiteID == "" || got.Revision == "" {
			s.Errorf("no site ID or no revision: %+v", got)
		}
		s.same("an unconfigured site", got, site.State{SiteID: got.SiteID, Revision: got.Revision, UpdatedAt: got.UpdatedAt, UpdatedBy: got.UpdatedBy})
	}},
	{"ReadingChangesNothing", func(s *subject) {
		s.enable()
		s.unchanged(func() { s.read() })
	}},
	{"SitesDiffer", func(s *subject) {
		if one, other := s.read(), (&subject{s.T, s.Target, s.Open(s.T)}).read(); one.SiteID == other.SiteID {
			s.Errorf("two sites have the ID %s", one.SiteID)
		}
	}},
	{"ACallThatIsOverReadsNothing", func(s *subject) {
		if _, err := s.site.Read(cancelled(s.T)); !errors.Is(err, context.Canceled) {
			s.Errorf("got %v", err)
		}
	}},
}
