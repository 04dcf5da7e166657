package provider_test

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/querycheck"
	"github.com/hashicorp/terraform-plugin-testing/querycheck/queryfilter"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// newTestbedOfBothLogins is a testbed whose client-a logs in with a password, and client-b with a token.
func newTestbedOfBothLogins(t *testing.T) (*testbed, *oauthtest.Server) {
	t.Helper()
	tokens := oauthtest.Start(t)
	tokens.SetApp("app", oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{mailbox}})
	tb := newTestbed(t, smtptest.Config{CheckToken: tokens.Check}, "client-a", "client-b")
	tb.enable("client-a")
	tb.enable("client-b")
	tb.edit("client-b", func(s *site.SaveRequest) {
		s.Settings.Grant, s.Settings.TokenURL, s.Settings.ClientID, s.Settings.Scopes = site.ClientCredentials, tokens.URL(), "app", oauthtest.Scope
		s.Password, s.Enabled = secret.New(clientSecret), false
	})
	return tb, tokens
}

// TestAccOAuth2DataSource reads a login with a token, without its secret, and the tenant where it is one of Microsoft's.
func TestAccOAuth2DataSource(t *testing.T) {
	t.Parallel()
	tb, tokens := newTestbedOfBothLogins(t)
	config := tb.provider() + `
data "smtp_settings" "password" { site = "client-a" }
data "smtp_settings" "token" { site = "client-b" }
`
	held := func(tenant, tokenURL knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.smtp_settings.token", tfjsonpath.New("oauth2"), knownvalue.ObjectExact(map[string]knownvalue.Check{
			"grant": knownvalue.StringExact("client_credentials"), "tenant": tenant, "token_url": tokenURL, "client_id": knownvalue.StringExact("app"),
			"scopes": knownvalue.SetExact([]knownvalue.Check{knownvalue.StringExact(oauthtest.Scope)}),
		}))
	}
	const microsoft = "https://login.microsoftonline.com/client.example/oauth2/v2.0/token"
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: config, ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("data.smtp_settings.password", tfjsonpath.New("oauth2"), knownvalue.Null()),
				held(knownvalue.Null(), knownvalue.StringExact(tokens.URL())),
			}},
			{
				PreConfig: func() {
					tb.edit("client-b", func(s *site.SaveRequest) {
						s.Settings.TokenURL, s.Password, s.Enabled = microsoft, secret.New(clientSecret), false
					})
				},
				Config: config,
				ConfigStateChecks: []statecheck.StateCheck{
					held(knownvalue.StringExact("client.example"), knownvalue.StringExact(microsoft)),
				},
			},
		},
	})
}

// TestListOfOAuth2 lists the sites by how they log in.
func TestListOfOAuth2(t *testing.T) {
	t.Parallel()
	tb, _ := newTestbedOfBothLogins(t)
	p := startProtocol(t, tb)
	for withToken, want := range map[bool]string{
		true: "client-b: mail is off, set up for " + tb.smtp.Host(), false: "client-a: sends as " + mailbox + " through " + tb.smtp.Host(),
	} {
		if got, warnings := p.list(map[string]any{"oauth2": withToken}, 0); !slices.Equal(got, []string{want}) || len(warnings) != 0 {
			t.Errorf("oauth2 = %t: got %q with warnings %q", withToken, got, warnings)
		}
	}
}

// TestAccOAuth2ListQuery lists the sites by how they log in, with what a configuration for the import needs.
func TestAccOAuth2ListQuery(t *testing.T) {
	t.Parallel()
	tb, tokens := newTestbedOfBothLogins(t)
	tb.query(t, `
list "smtp_settings" "token" {
  provider         = smtp
  include_resource = true
  config { oauth2 = true }
}
list "smtp_settings" "no_token" {
  provider = smtp
  config { oauth2 = false }
}
`,
		querycheck.ExpectLength("smtp_settings.token", 1),
		querycheck.ExpectLength("smtp_settings.no_token", 1),
		querycheck.ExpectResourceKnownValues("smtp_settings.token", queryfilter.ByResourceIdentity(map[string]knownvalue.Check{
			"site": knownvalue.StringExact("client-b"), "site_id": knownvalue.StringExact(tb.site("client-b").ID()),
		}), []querycheck.KnownValueCheck{
			{Path: tfjsonpath.New("oauth2").AtMapKey("token_url"), KnownValue: knownvalue.StringExact(tokens.URL())},
			{Path: tfjsonpath.New("oauth2").AtMapKey("client_secret_wo"), KnownValue: knownvalue.Null()},
		}),
	)
}
