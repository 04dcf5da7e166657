package provider_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/smtptest"
)

// TestAccSettingsReplaced: a replacement that was asked for is planned twice, and is one resource all the same.
func TestAccSettingsReplaced(t *testing.T) {
	w := newWorld(t, smtptest.Config{}, "only")
	config := func(trigger string) string {
		return strings.Replace(w.config(), "resource \"smtp_settings\" \"test\" {", `resource "terraform_data" "trigger" {
  input = "`+trigger+`"
}
resource "smtp_settings" "test" {
  lifecycle { replace_triggered_by = [terraform_data.trigger] }`, 1)
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            config("one"),
				ConfigStateChecks: []statecheck.StateCheck{expect{w: w, site: "only", enabled: true, host: w.smtp.Host(), messages: 1, wrote: testAndSave}},
			},
			{
				Config:           config("two"),
				ConfigPlanChecks: preApply(plancheck.ExpectResourceAction(settings, plancheck.ResourceActionDestroyBeforeCreate)),
				ConfigStateChecks: []statecheck.StateCheck{expect{
					w: w, site: "only", enabled: true, host: w.smtp.Host(), messages: 2, wrote: append([]string{"PUT only /smtp"}, testAndSave...),
				}},
			},
		},
	})
}

// TestAccSettingsRenamed: without a moved block Terraform would destroy and create in no certain order.
func TestAccSettingsRenamed(t *testing.T) {
	w := newWorld(t, smtptest.Config{}, "only")
	renamed := strings.Replace(w.config(), `"smtp_settings" "test"`, `"smtp_settings" "renamed"`, 1)
	untouched := expect{w: w, site: "only", enabled: true, host: w.smtp.Host(), messages: 1}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            w.config(),
				ConfigStateChecks: []statecheck.StateCheck{expect{w: w, site: "only", enabled: true, host: w.smtp.Host(), messages: 1, wrote: testAndSave}},
			},
			{
				Config:      renamed,
				ExpectError: regexp.MustCompile(`(?s)Site has two resources.*moved \{`),
			},
			{
				Config:            renamed + "moved {\n  from = smtp_settings.test\n  to   = smtp_settings.renamed\n}\n",
				ConfigPlanChecks:  preApply(plancheck.ExpectEmptyPlan()),
				ConfigStateChecks: []statecheck.StateCheck{untouched},
			},
		},
	})
}
