package provider_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestAccSettingsReplaced: Terraform plans a requested replacement twice, but it is still one resource.
func TestAccSettingsReplaced(t *testing.T) {
	t.Parallel()
	config := func(tb *testbed, lifecycle, trigger string, overrides ...arguments) string {
		return strings.Replace(tb.config(overrides...), "resource \"smtp_settings\" \"test\" {", `resource "terraform_data" "trigger" {
  input = "`+trigger+`"
}
resource "smtp_settings" "test" {
  lifecycle {
    replace_triggered_by = [terraform_data.trigger]
    `+lifecycle+`
  }`, 1)
	}
	offAndOn := append([]string{"PUT only /smtp"}, testAndSave...)
	for name, c := range map[string]struct {
		lifecycle string
		second    arguments
		action    plancheck.ResourceActionType
		wrote     []string
	}{
		"DestroyedFirst":    {action: plancheck.ResourceActionDestroyBeforeCreate, wrote: offAndOn},
		"WithOtherSettings": {second: arguments{"from_name": hcl("Another")}, action: plancheck.ResourceActionDestroyBeforeCreate, wrote: offAndOn},
		"CreatedFirst":      {lifecycle: "create_before_destroy = true", action: plancheck.ResourceActionCreateBeforeDestroy, wrote: testAndSave},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTestbed(t, smtptest.Config{}, "only")
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{
					{
						Config:            config(tb, c.lifecycle, "one"),
						ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}},
					},
					{
						Config:            config(tb, c.lifecycle, "two", c.second),
						ConfigPlanChecks:  preApply(plancheck.ExpectResourceAction(settings, c.action)),
						ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 2, wrote: c.wrote}},
					},
				},
			})
		})
	}
}

// TestAccSettingsRenamed: without a moved block, Terraform would destroy and create in an undefined order.
func TestAccSettingsRenamed(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	renamed := strings.Replace(tb.config(), `"smtp_settings" "test"`, `"smtp_settings" "renamed"`, 1)
	untouched := expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            tb.config(),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}},
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

// TestAccSettingsTwice: removing one of two resources for one site, as the error advises, leaves mail on.
func TestAccSettingsTwice(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	second := strings.Replace(tb.resource(), `"smtp_settings" "test"`, `"smtp_settings" "second"`, 1)
	untouched := expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            tb.config(),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}},
			},
			{ // equal, including the description
				Config:      tb.config() + second,
				ExpectError: regexp.MustCompile(`(?s)managed by two\s+smtp_settings.*destroy = false`),
			},
			{ // an import has no plan in which it could be refused
				Config:             tb.config() + second,
				ResourceName:       "smtp_settings.second",
				ImportState:        true,
				ImportStateId:      "default",
				ImportStatePersist: true,
			},
			{
				Config:      tb.config() + second,
				ExpectError: regexp.MustCompile(`(?s)managed by two\s+smtp_settings.*destroy = false`),
			},
			{
				Config:      tb.config(),
				ExpectError: regexp.MustCompile(`(?s)Destroying\s+one.*removed \{`),
			},
			{
				Config:            tb.config() + "removed {\n  from = smtp_settings.second\n  lifecycle {\n    destroy = false\n  }\n}\n",
				ConfigStateChecks: []statecheck.StateCheck{untouched},
			},
			{
				Config:            tb.config(),
				ConfigPlanChecks:  preApply(plancheck.ExpectEmptyPlan()),
				ConfigStateChecks: []statecheck.StateCheck{untouched},
			},
		},
	})
}

// TestAccSettingsShifted: with count, inserting a site shifts the resources. The second one leaves a site that the third takes over.
func TestAccSettingsShifted(t *testing.T) {
	t.Parallel()
	tb := newTestbedWithoutLogin(t, "a", "b", "c")
	config := func(sites string) string {
		return tb.provider() + fmt.Sprintf(`
locals { sites = %s }
resource "smtp_settings" "test" {
  count        = length(local.sites)
  site         = local.sites[count.index]
  host         = %q
  port         = %d
  encryption   = "none"
  from_address = "web@example.com"
}
`, sites, tb.smtp.Host(), tb.smtp.Port())
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: config(`["a", "b"]`)},
			{Config: config(`["c", "a", "b"]`), ExpectError: regexp.MustCompile(`Site has two resources`)},
			{
				PreConfig: func() { tb.wrote() },
				Config:    config(`["a", "b", "c"]`),
				ConfigStateChecks: []statecheck.StateCheck{
					expect{tb: tb, site: "a", enabled: true, host: tb.smtp.Host(), messages: 3, wrote: []string{"PUT c /smtp/tests", "PUT c /smtp"}},
					expect{tb: tb, site: "b", enabled: true, host: tb.smtp.Host(), messages: 3},
				},
			},
		},
	})
}

// TestAccSettingsTwoKeys: two keys with the same address are one site.
func TestAccSettingsTwoKeys(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	provider := func(keys ...string) string {
		entries := ""
		for i, key := range keys {
			entries += fmt.Sprintf("    %s = { url = %q, token = %q }\n", key, tb.http.URL+"/only"+strings.Repeat("/", i), tb.tokens["only"])
		}
		return fmt.Sprintf("provider \"smtp\" {\n  test_recipient = %q\n  sites = {\n%s  }\n}\n", recipient, entries)
	}
	at := func(name string) string {
		return strings.Replace(tb.resource(arguments{"site": hcl(name)}), `"smtp_settings" "test"`, fmt.Sprintf(`"smtp_settings" %q`, name), 1)
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: provider("before", "after") + at("before") + at("after"), ExpectError: regexp.MustCompile(`managed by two\s+smtp_settings`)},
			{Config: provider("before") + at("before")},
			{Config: provider("before", "after") + at("after"), ExpectError: regexp.MustCompile(`(?s)Site has two resources.*moved \{`)},
			{
				PreConfig:         func() { tb.wrote() },
				Config:            provider("after") + at("after") + "moved {\n  from = smtp_settings.before\n  to   = smtp_settings.after\n}\n",
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1}},
			},
		},
	})
}

// TestAccSettingsImportOfNothing: an unread site is not imported; otherwise the next apply would accept any site.
func TestAccSettingsImportOfNothing(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	tb.enable("only")
	dead := strings.Replace(tb.config(), "url = \"http://127.0.0.1", "on_unreachable = \"warn\"\n  max_retries = 0\n  url = \"http://127.1.2.3", 1)
	for name, c := range map[string]struct{ config, id, want string }{
		"NoSuchKey":   {tb.config(), "https://client.example", `is not a key`},
		"Unreachable": {dead, "default", `Site cannot be reached`},
	} {
		t.Run(name, func(t *testing.T) {
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{{
					Config:        c.config,
					ResourceName:  settings,
					ImportState:   true,
					ImportStateId: c.id,
					ExpectError:   regexp.MustCompile(c.want),
				}},
			})
		})
	}
}

// TestAccSettingsRenamedKeyOfAStaleSite: after a failed change of a site with a renamed key, the change can be planned again.
func TestAccSettingsRenamedKeyOfAStaleSite(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	at := func(key string, overrides ...arguments) string {
		return fmt.Sprintf("provider \"smtp\" {\n  test_recipient = %q\n  sites = { %s = { url = %q, token = %q } }\n}\n", recipient, key, tb.http.URL+"/only", tb.tokens["only"]) +
			tb.resource(append(overrides, arguments{"site": hcl(key)})...)
	}
	named := arguments{"from_name": hcl("Client")}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: at("before")},
			{
				PreConfig:   func() { tb.enable("only") },
				Config:      at("after", named),
				ExpectError: regexp.MustCompile(`changed by someone else`),
			},
			{
				PreConfig:         func() { tb.wrote() },
				Config:            at("after", named),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 4, wrote: testAndSave}},
			},
		},
	})
}
