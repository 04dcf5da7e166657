package provider_test

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestAccPresets(t *testing.T) {
	t.Parallel()
	found := func(name string, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.smtp_presets."+name, tfjsonpath.New("ids"), check)
	}
	only := func(id string) knownvalue.Check {
		return knownvalue.ListExact([]knownvalue.Check{knownvalue.StringExact(id)})
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: `data "smtp_presets" "wrong" { category = "best" }`, ExpectError: regexp.MustCompile(`category`)},
			{
				Config: `
data "smtp_presets" "all" {}
data "smtp_presets" "local" { category = "local" }
data "smtp_presets" "by_id" { id = "gmail" }
data "smtp_presets" "by_domain" { domain = "GoogleMail.com" }
data "smtp_presets" "by_address" { address = "somebody@gmx.de" }
data "smtp_presets" "none" {
  id       = "gmail"
  category = "local"
}
output "host" { value = data.smtp_presets.all.presets["gmail"].host }
`,
				ConfigStateChecks: []statecheck.StateCheck{
					found("all", knownvalue.ListSizeExact(len(presets.All()))),
					found("local", knownvalue.ListSizeExact(5)),
					found("by_id", only("gmail")),
					found("by_domain", only("gmail")),
					found("by_address", only("gmx-net")),
					found("none", knownvalue.ListExact([]knownvalue.Check{})),
					statecheck.ExpectKnownOutputValue("host", knownvalue.StringExact("smtp.gmail.com")),
				},
			},
		},
	})
}

func TestAccPresetsOfSite(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config: tb.provider() + `data "smtp_presets" "page" { site = "default" }`,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue("data.smtp_presets.page", tfjsonpath.New("presets").AtMapKey("gmail").AtMapKey("host"), knownvalue.StringExact("smtp.gmail.com")),
			},
		}},
	})
}
