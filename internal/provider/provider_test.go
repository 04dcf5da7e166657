package provider_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestAccProviderConfiguration(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	url := tb.http.URL + "/only"
	for name, refused := range map[string]struct{ provider, says string }{
		"CredentialsOverHTTP":       {`url = "http://site.example.com"` + "\n token = \"t\"", `url`},
		"CredentialsInTheURL":       {`url = "https://admin:secret@site.example.com"`, `url`},
		"TokenAndPassword":          {`url = "` + url + `"` + "\n token = \"t\"\n username = \"a\"\n password = \"b\"", `token`},
		"TokenAndPasswordOfOneSite": {`sites = { a = { url = "` + url + `", token = "t", username = "a", password = "b" } }`, `not\s+both`},
		"UsernameAlone":             {`url = "` + url + `"` + "\n username = \"a\"", `password`},
		"URLAndSites":               {`url = "` + url + `"` + "\n sites = {}", `sites`},
		"UnknownPlatform":           {`url = "` + url + `"` + "\n platform = \"fax\"", `platform`},
		"CertificateNotPEM":         {`url = "` + url + `"` + "\n token = \"t\"\n ca_certificate = \"x\"", `ca_certificate`},
		"TimeoutNotADuration":       {`url = "` + url + `"` + "\n token = \"t\"\n request_timeout = \"1\"", `request_timeout`},
		"NoSite":                    {"", `No site is configured`},
		"TokenNotAccepted":          {`url = "` + url + `"` + "\n token = \"wrong\"\n test_recipient = \"ops@example.test\"", `does not accept the credentials`},
		"PasswordNotAccepted":       {`url = "` + url + `"` + "\n username = \"admin\"\n password = \"wrong\"\n test_recipient = \"ops@example.test\"", `does not accept the credentials`},
		"EmptyKey":                  {`sites = { "" = { url = "` + url + `", token = "t" } }`, `length\s+must`},
		"EntryWithoutOwnURL":        {`sites = { a = { token = "t" } }`, `url`},
		"RecipientWithNewline":      {`url = "` + url + `"` + "\n test_recipient = \"a@example.com\\n\"", `test_recipient`},
	} {
		t.Run(name, func(t *testing.T) {
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{{
					Config:      "provider \"smtp\" {\n " + refused.provider + "\n}\n" + tb.resource(),
					ExpectError: regexp.MustCompile(refused.says),
				}},
			})
			if state := tb.state("only"); !state.Settings.IsZero() || len(tb.smtp.Messages()) > 0 {
				t.Errorf("the site was changed: %+v", state)
			}
		})
	}
}

func TestAccProviderLogin(t *testing.T) {
	tb := newTestbed(t, smtptest.Config{}, "only")
	admin, err := tb.server.AddLogin(t.Context(), "only", "admin")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SMTP_SITE_URL", tb.http.URL+"/only")
	t.Setenv("SMTP_SITE_PASSWORD", admin.Reveal())
	config := func(arguments string) string {
		return "provider \"smtp\" {\n test_recipient = \"" + recipient + "\"\n" + arguments + "}\n" + tb.resource()
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				PreConfig:         func() { t.Setenv("SMTP_SITE_USERNAME", "admin") },
				Config:            config(""),
				ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionCreate)...),
				ConfigStateChecks: []statecheck.StateCheck{enabledOnce{tb}},
			},
			{
				PreConfig:   func() { t.Setenv("SMTP_SITE_PASSWORD", "") },
				Config:      config("username = \"admin\"\n"),
				ExpectError: regexp.MustCompile("A username needs its password"),
			},
			{
				PreConfig:        func() { t.Setenv("SMTP_SITE_PASSWORD", admin.Reveal()) },
				Config:           config("username = \"admin\"\n"),
				ConfigPlanChecks: preApply(plancheck.ExpectEmptyPlan()),
			},
		},
	})
}

// TestAccProviderUnknown plans a site whose address is known only after the apply, because it is created in the same plan.
func TestAccProviderUnknown(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	config := `
resource "terraform_data" "site" { input = "` + tb.http.URL + `/only" }
provider "smtp" {
  test_recipient = "` + recipient + `"
  sites          = { only = { url = terraform_data.site.output, token = "` + tb.tokens["only"] + `" } }
}
` + tb.resource(arguments{"site": hcl("only")})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config:            config,
			ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionCreate)...),
			ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}},
		}},
	})
}

// TestAccProviderR26Unreachable is about a dead site in a refresh.
func TestAccProviderR26Unreachable(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	nobody := fmt.Sprintf("http://127.0.0.1:%d", closedPort(t))
	provider := func(url, onUnreachable string) string {
		return `provider "smtp" {
  url            = "` + url + `"
  token          = "` + tb.tokens["only"] + `"
  test_recipient = "` + recipient + `"
  max_retries    = 0
  on_unreachable = "` + onUnreachable + `"
}
`
	}
	nowhere := tb.resource() + "data \"smtp_settings\" \"now\" {}\noutput \"host\" { value = jsonencode(data.smtp_settings.now.host) }\n"
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: provider(tb.http.URL+"/only", "error") + tb.resource()},
			{Config: provider(nobody, "error") + tb.resource(), PlanOnly: true, ExpectError: regexp.MustCompile(`Site cannot be reached`)},
			{Config: provider(nobody, "warn") + tb.resource(), PlanOnly: true},
			{Config: provider(tb.http.URL+"/only", "error") + tb.resource(), PlanOnly: true},
			{Config: provider(nobody, "error") + nowhere, PlanOnly: true, ExpectError: regexp.MustCompile(`Site cannot be reached`)},
			{Config: provider(nobody, "warn") + nowhere, Check: resource.TestCheckOutput("host", "null")},
			{Config: provider(tb.http.URL+"/only", "error") + tb.resource()}, // so that it can be destroyed
		},
	})
}
