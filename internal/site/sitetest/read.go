package sitetest

import (
	"context"
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var reads = []check{
	{name: "UnconfiguredSiteIsEmpty", run: func(s *subject) {
		got := s.read()
		if got.SiteID == "" || (got.Revision == "") != s.can.Unguarded {
			s.Errorf("no site ID, or revision %q: %+v", got.Revision, got)
		}
		s.same("an unconfigured site", got, site.State{
			SiteID: got.SiteID, Unknown: got.Unknown, Revision: got.Revision, UpdatedAt: got.UpdatedAt, UpdatedBy: got.UpdatedBy,
		})
	}},
	{name: "ReadingChangesNothing", run: func(s *subject) {
		s.enable()
		s.unchanged(func() { s.read() })
	}},
	{name: "SitesDiffer", sites: 2, run: func(s *subject) {
		if one, other := s.read(), s.another().read(); one.SiteID == other.SiteID {
			s.Errorf("two sites have the ID %s", one.SiteID)
		}
	}},
	{name: "CanceledCallReadsNothing", run: func(s *subject) {
		if _, err := s.site.Read(s.cancelled()); !errors.Is(err, context.Canceled) {
			s.Errorf("got %v", err)
		}
	}},
}
