package provider

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestR20InterruptedCallIsNotBlamedOnTheSite(t *testing.T) {
	for _, kind := range []site.Kind{site.NoAnswer, site.Unreachable} {
		var diags diag.Diagnostics
		(&entry{label: "client-a"}).addSiteError(&diags, "saving", nowhere, &site.Error{Kind: kind, Message: "gave up", Err: context.Canceled})
		if d := diags[0]; d.Summary() != "Run was interrupted" || !strings.Contains(d.Detail(), "client-a: saving failed: gave up") || !strings.Contains(d.Detail(), "next plan") {
			t.Errorf("%s: %q, %q", kind, d.Summary(), d.Detail())
		}
	}
}

func TestStateAfterAFailedTest(t *testing.T) {
	for name, c := range map[string]struct {
		now  site.State
		says string
	}{
		"Unconfigured": {site.State{}, "Nothing was saved. client-a still has no mail settings."},
		"SendsThroughAPlugin": {
			site.State{InForce: &site.InForce{By: "WP Mail SMTP 4.8.0"}},
			"Nothing was saved. client-a still sends mail through WP Mail SMTP 4.8.0, as before.",
		},
		"Enabled": {
			site.State{Settings: site.Settings{Host: "smtp.example.com"}, Enabled: true},
			"Nothing was saved. client-a still sends mail through smtp.example.com with the settings that it had.",
		},
		"Disabled": {
			site.State{Settings: site.Settings{Host: "smtp.example.com"}},
			"Nothing was saved. Mail of client-a stays off, and its settings are unchanged.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := stateAfter("client-a", c.now, errors.New("failed")); got != c.says {
				t.Errorf("%q, want %q", got, c.says)
			}
		})
	}
}
