package site_test

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestShortfall(t *testing.T) {
	results := func(spf, dkim, dmarc string) site.Arrival {
		return site.Arrival{
			Place: site.PlaceInbox,
			SPF:   site.AuthResult{Result: spf}, DKIM: site.AuthResult{Result: dkim}, DMARC: site.AuthResult{Result: dmarc},
		}
	}
	in := func(place site.Place, a site.Arrival) site.Arrival {
		a.Place = place
		return a
	}
	for name, tt := range map[string]struct {
		arrival   site.Arrival
		delivered site.Shortfall
		want      site.Shortfall
	}{
		"Passes":                          {results("pass", "pass", "pass"), "", ""},
		"PassesWithOneMethod":             {results("pass", "none", "pass"), "", ""},
		"JunkIsNotDelivered":              {in(site.PlaceJunk, results("pass", "pass", "pass")), site.InJunk, site.InJunk},
		"ArchivedIsNotDelivered":          {in(site.PlaceOther, results("pass", "pass", "pass")), site.Filtered, site.Filtered},
		"NowhereIsNotDelivered":           {in("", results("pass", "pass", "pass")), site.Filtered, site.Filtered},
		"PassesForOtherDomain":            {results("pass", "pass", "fail"), "", site.Unaligned},
		"DKIMPassesForOtherDomain":        {results("softfail", "pass", "fail"), "", site.Unaligned},
		"SPFPassesForOtherDomain":         {results("pass", "none", "fail"), "", site.Unaligned},
		"NothingPasses":                   {results("none", "none", "fail"), "", site.Unauthenticated},
		"NoPolicy":                        {results("pass", "none", "none"), "", site.NoPolicy},
		"NoPolicyAtMicrosoft":             {results("pass", "pass", "bestguesspass"), "", site.NoPolicy},
		"ReceiverChecksNothing":           {results("", "", ""), "", site.Unchecked},
		"ReceiverDoesNotCheckDMARC":       {results("pass", "pass", ""), "", site.Unchecked},
		"ReceiversDKIMFilterIsDown":       {results("pass", "", "fail"), "", site.Unchecked},
		"TemporaryErrorOfDKIM":            {results("none", "temperror", "fail"), "", site.Unchecked},
		"TemporaryErrorOfDMARC":           {results("pass", "pass", "temperror"), "", site.Unchecked},
		"InvalidPolicyIsNeitherPassOrNot": {results("pass", "pass", "permerror"), "", site.Unchecked},
	} {
		t.Run(name, func(t *testing.T) {
			for requirement, want := range map[site.Requirement]site.Shortfall{
				"": "", site.Accepted: "", site.Delivered: tt.delivered, site.Authenticated: tt.want,
			} {
				if got := tt.arrival.Shortfall(requirement); got != want {
					t.Errorf("%q: got %q, want %q", requirement, got, want)
				}
			}
		})
	}
}
