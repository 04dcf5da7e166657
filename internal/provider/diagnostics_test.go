package provider

import (
	"context"
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
