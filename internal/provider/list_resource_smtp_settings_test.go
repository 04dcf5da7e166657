package provider_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestList(t *testing.T) {
	tb := newTestbed(t, smtptest.Config{}, "client-a", "client-b", "client-c")
	tb.enable("client-b")
	p := startProtocol(t, tb)
	broken := startProtocol(t, tb.withToken("client-a", "wrong"))

	for name, c := range map[string]struct {
		provider protocol
		filter   map[string]any
		limit    int64
		want     []string
		warnings int
	}{
		"All":               {provider: p, want: []string{"client-a: no mail settings", "client-b: sends as " + mailbox + " through " + tb.smtp.Host(), "client-c: no mail settings"}},
		"Enabled":           {provider: p, filter: map[string]any{"enabled": true}, want: []string{"client-b: sends as " + mailbox + " through " + tb.smtp.Host()}},
		"NotEnabled":        {provider: p, filter: map[string]any{"enabled": false}, want: []string{"client-a: no mail settings", "client-c: no mail settings"}},
		"ByHost":            {provider: p, filter: map[string]any{"host": "smtp.example.com"}},
		"ByPlatform":        {provider: p, filter: map[string]any{"platform": "siteadmin", "enabled": true}, want: []string{"client-b: sends as " + mailbox + " through " + tb.smtp.Host()}},
		"Limited":           {provider: p, limit: 1, want: []string{"client-a: no mail settings"}},
		"OneUnreadableSite": {provider: broken, want: []string{"client-b: sends as " + mailbox + " through " + tb.smtp.Host(), "client-c: no mail settings"}, warnings: 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, warnings := c.provider.list(c.filter, c.limit)
			if !slices.Equal(got, c.want) || len(warnings) != c.warnings {
				t.Errorf("got %q with warnings %q, want %q", got, warnings, c.want)
			}
		})
	}
	if writes := tb.wrote(); len(writes) > 0 || len(tb.smtp.Messages()) != 1 {
		t.Errorf("listing sent the writes %q", writes)
	}
}

// list returns the display names and the warnings.
func (p protocol) list(filter map[string]any, limit int64) (listed, warnings []string) {
	p.t.Helper()
	stream, err := p.ListResource(p.t.Context(), &tfprotov6.ListResourceRequest{
		TypeName:        "smtp_settings",
		Config:          p.value(p.schema.ListResourceSchemas["smtp_settings"], filter),
		IncludeResource: true,
		Limit:           limit,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	for result := range stream.Results {
		p.requireNoError(result.Diagnostics)
		for _, d := range result.Diagnostics {
			warnings = append(warnings, d.Detail)
		}
		if result.Identity == nil {
			continue
		}
		listed = append(listed, result.DisplayName)
		found, err := result.Resource.Unmarshal(p.schema.ResourceSchemas["smtp_settings"].ValueType())
		if err != nil {
			p.t.Fatal(err)
		}
		var attributes map[string]tftypes.Value
		if err := found.As(&attributes); err != nil {
			p.t.Fatal(err)
		}
		if password := attributes["password_wo"]; !password.IsNull() || attributes["id"].IsNull() {
			p.t.Errorf("%s: %s", result.DisplayName, found)
		}
	}
	return listed, warnings
}

// withToken returns tb with a different token for one site.
func (tb *testbed) withToken(name, token string) *testbed {
	tokens := maps.Clone(tb.tokens)
	tokens[name] = token
	return &testbed{t: tb.t, http: tb.http, tokens: tokens}
}

// query lists resources by config, with a CLI that has "query".
func (tb *testbed) query(t *testing.T, config string, checks ...querycheck.QueryResultCheck) {
	t.Helper()
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		ProtoV6ProviderFactories: factories,
		Steps:                    []resource.TestStep{{Config: tb.provider()}, {Query: true, Config: config, QueryResultChecks: checks}},
	})
}

func TestAccListQuery(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "client-a", "client-b")
	tb.enable("client-b")
	tb.query(t, `
list "smtp_settings" "all" {
  provider = smtp
}
list "smtp_settings" "enabled" {
  provider         = smtp
  include_resource = true
  config { enabled = true }
}
`,
		querycheck.ExpectLength("smtp_settings.all", 2),
		querycheck.ExpectLength("smtp_settings.enabled", 1),
		querycheck.ExpectIdentity("smtp_settings.enabled", map[string]knownvalue.Check{
			"site":    knownvalue.StringExact("client-b"),
			"site_id": knownvalue.StringExact(tb.site("client-b").ID()),
		}),
	)
}
