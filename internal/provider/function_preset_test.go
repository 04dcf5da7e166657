package provider_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
)

// outputs configures an output for each expression.
func outputs(expressions map[string]string) string {
	var b strings.Builder
	for name, expression := range expressions {
		b.WriteString("output \"" + name + "\" { value = " + expression + " }\n")
	}
	return b.String()
}

// gives expects every output to be true.
func gives(expressions map[string]string) []statecheck.StateCheck {
	var checks []statecheck.StateCheck
	for name := range expressions {
		checks = append(checks, statecheck.ExpectKnownOutputValue(name, knownvalue.Bool(true)))
	}
	return checks
}

// refusedCalls are invalid function calls with their errors.
func refusedCalls(calls map[string]string) []resource.TestStep {
	var steps []resource.TestStep
	for call, says := range calls {
		steps = append(steps, resource.TestStep{
			Config:      outputs(map[string]string{"wrong": "provider::smtp::" + call}),
			PlanOnly:    true,
			ExpectError: regexp.MustCompile(says),
		})
	}
	return steps
}

func TestAccPresetFunction(t *testing.T) {
	t.Parallel()
	all := `data "smtp_presets" "all" {}` + "\n"
	facts := map[string]string{
		"host":              `provider::smtp::preset("gmail").host == "smtp.gmail.com"`,
		"port":              `provider::smtp::preset("gmail").port == data.smtp_presets.all.presets["gmail"].port`,
		"same_as_data":      `alltrue([for id, preset in data.smtp_presets.all.presets : provider::smtp::preset(id) == preset])`,
		"all_of_them":       `length(data.smtp_presets.all.presets) == ` + number(len(presets.All())),
		"token_url":         `provider::smtp::preset("google-workspace").token_url == "https://oauth2.googleapis.com/token"`,
		"scopes":            `join(",", keys(provider::smtp::preset("google-workspace").scopes)) == "jwt_bearer,refresh_token"`,
		"no_token_url":      `provider::smtp::preset("sendgrid").token_url == null`,
		"default_region":    `provider::smtp::preset("amazon-ses").host == "email-smtp.us-east-1.amazonaws.com"`,
		"region":            `provider::smtp::preset("amazon-ses", "eu-west-1").host == "email-smtp.eu-west-1.amazonaws.com"`,
		"region_or_null":    `provider::smtp::preset("amazon-ses", compact([null])...) == provider::smtp::preset("amazon-ses")`,
		"only_host_differs": `merge(provider::smtp::preset("amazon-ses", "eu-west-1"), { host = "" }) == merge(provider::smtp::preset("amazon-ses"), { host = "" })`,
	}
	refused := refusedCalls(map[string]string{
		`preset("gmial")`:                                `"id"\s+parameter:\s+There\s+is\s+no\s+preset\s+"gmial".\s+Did\s+you\s+mean\s+"gmail"`,
		`preset("")`:                                     `There\s+is\s+no\s+preset\s+""`,
		`preset(null)`:                                   `must\s+not\s+be\s+null`,
		`preset("amazon-ses", "mars")`:                   `"region"\s+parameter:\s+preset\s+"amazon-ses"\s+has\s+no\s+region\s+"mars"`,
		`preset("gmail", "eu-west-1")`:                   `preset\s+"gmail"\s+has\s+no\s+regions`,
		`preset("amazon-ses", null)`:                     `must\s+not\s+be\s+null`,
		`preset("amazon-ses", "")`:                       `length\s+must\s+be\s+at\s+least\s+1`,
		`preset("amazon-ses", "eu-west-1", "us-east-1")`: `one\s+region\s+at\s+most`,
	})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps:                    append(refused, resource.TestStep{Config: all + outputs(facts), ConfigStateChecks: gives(facts)}),
	})
}

func TestAccPresetForFunction(t *testing.T) {
	t.Parallel()
	facts := map[string]string{
		"domain":         `provider::smtp::preset_for("somebody@gmx.de").id == "gmx-net"`,
		"any_case":       `provider::smtp::preset_for("Somebody@GoogleMail.com") == provider::smtp::preset("gmail")`,
		"own_domain":     `provider::smtp::preset_for("somebody@agency.example") == null`,
		"with_coalesce":  `coalesce(provider::smtp::preset_for("somebody@agency.example"), provider::smtp::preset("gmail")).id == "gmail"`,
		"with_try":       `try(provider::smtp::preset_for("somebody@agency.example").host, "mail.agency.example") == "mail.agency.example"`,
		"not_an_address": `try(provider::smtp::preset_for("gmail.com").id, "none") == "none"`,
	}
	refused := refusedCalls(map[string]string{
		`preset_for("gmail.com")`:                     `"address"\s+parameter:\s+must\s+be\s+a\s+plain\s+mail\s+address`,
		`preset_for("Somebody <somebody@gmail.com>")`: `must\s+be\s+a\s+`,
		`preset_for(null)`:                            `must\s+not\s+be\s+null`,
	})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps:                    append(refused, resource.TestStep{Config: outputs(facts), ConfigStateChecks: gives(facts)}),
	})
}
