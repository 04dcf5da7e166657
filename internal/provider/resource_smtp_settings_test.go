package provider_test

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// The write requests of an apply that tests and saves.
var testAndSave = []string{"PUT only /smtp/tests", "PUT only /smtp"}

func preApply(checks ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: checks, PostApplyPostRefresh: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
}

// willTest expects the plan to show a test and a save.
func willTest(action plancheck.ResourceActionType) []plancheck.PlanCheck {
	return []plancheck.PlanCheck{
		plancheck.ExpectResourceAction(settings, action),
		plancheck.ExpectUnknownValue(settings, tfjsonpath.New("verification")),
		plancheck.ExpectUnknownValue(settings, tfjsonpath.New("updated_at")),
	}
}

func value(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(settings, tfjsonpath.New(attribute), check)
}

func TestAccSettings(t *testing.T) {
	t.Parallel()
	for _, encryption := range []site.Encryption{site.STARTTLS, site.TLS, site.NoEncryption} {
		t.Run("CreateTestsSavesAndEnables/"+string(encryption), func(t *testing.T) {
			tb := newTestbed(t, smtptest.Config{Encryption: encryption, Mechanisms: []string{"LOGIN"}}, "only")
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{
					{
						Config:           tb.config(arguments{"encryption": hcl(string(encryption))}),
						ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionCreate)...),
						ConfigStateChecks: []statecheck.StateCheck{
							expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave},
							value("id", knownvalue.StringExact(tb.site("only").ID())),
							value("site", knownvalue.StringExact("default")),
							value("enabled", knownvalue.Bool(true)),
							value("from_address", knownvalue.StringExact(mailbox)),
							value("from_name", knownvalue.Null()),
							value("password_wo", knownvalue.Null()),
							value("password_set", knownvalue.Bool(true)),
							value("verification", knownvalue.ObjectPartial(map[string]knownvalue.Check{
								"recipient": knownvalue.StringExact(recipient),
								"reply":     knownvalue.StringRegexp(regexp.MustCompile(`^250 `)),
							})),
						},
					},
					{
						Config:            tb.config(arguments{"encryption": hcl(string(encryption))}),
						ConfigPlanChecks:  preApply(plancheck.ExpectEmptyPlan()),
						ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1}},
					},
				},
			})
		})
	}
}

func TestAccSettingsUpdate(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	renamed := arguments{"host": hcl("localhost")}
	rotated := arguments{"host": hcl("localhost"), "password_wo": hcl("another password"), "password_wo_version": "2"}
	readElsewhere := arguments{"test": `{ recipient = "else@example.test", retry_for = "1m" }`}
	disabled := arguments{"enabled": "false"}
	unchanged := plancheck.ExpectKnownValue(settings, tfjsonpath.New("verification").AtMapKey("recipient"), knownvalue.StringExact(recipient))
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            tb.config(),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}},
			},
			{ // the host
				Config:            tb.config(renamed),
				ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: "localhost", messages: 2, wrote: testAndSave}},
			},
			{ // the password alone
				PreConfig:         func() { tb.smtp.SetUser(mailbox, secret.New("another password")) },
				Config:            tb.config(rotated),
				ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: "localhost", messages: 3, wrote: testAndSave}},
			},
			{ // the recipient alone: no setting, no message
				Config:            tb.config(rotated, readElsewhere),
				ConfigPlanChecks:  preApply(plancheck.ExpectResourceAction(settings, plancheck.ResourceActionUpdate), unchanged),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: "localhost", messages: 3}},
			},
			{ // mail off: saved without a test
				Config:            tb.config(rotated, readElsewhere, disabled),
				ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", host: "localhost", messages: 3, wrote: []string{"PUT only /smtp"}}},
			},
			{ // and on again: through a test
				Config:           tb.config(rotated, readElsewhere),
				ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionUpdate)...),
				ConfigStateChecks: []statecheck.StateCheck{
					expect{tb: tb, site: "only", enabled: true, host: "localhost", messages: 4, wrote: testAndSave},
					statecheck.ExpectKnownValue(settings, tfjsonpath.New("verification").AtMapKey("recipient"), knownvalue.StringExact("else@example.test")),
				},
			},
			{ // the password argument for older Terraform
				Config:            tb.config(rotated, arguments{"password": hcl("another password"), "password_wo": "", "password_wo_version": ""}),
				ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: "localhost", messages: 5, wrote: testAndSave}},
			},
		},
	})
}

func TestAccSettingsWithoutLogin(t *testing.T) {
	t.Parallel()
	tb := newTestbedWithoutLogin(t, "only")
	relay := arguments{"username": "", "password_wo": "", "password_wo_version": "", "encryption": hcl("none"), "from_address": hcl("site@example.com")}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config:           tb.config(relay),
			ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionCreate)...),
			ConfigStateChecks: []statecheck.StateCheck{
				expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave},
				value("password_set", knownvalue.Bool(false)),
				value("username", knownvalue.Null()),
			},
		}},
	})
}

func TestAccSettingsFailedTest(t *testing.T) {
	t.Parallel()
	refused := regexp.MustCompile(`(?s)535.*Nothing was saved`)
	wrong := arguments{"password_wo": hcl("wrong"), "password_wo_version": "2"}

	t.Run("R23_FailedCreateSavesAndTaintsNothing", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{
				{Config: tb.config(wrong), ExpectError: refused},
				{
					PreConfig:         expect{tb: tb, site: "only", wrote: []string{"PUT only /smtp/tests"}}.now,
					Config:            tb.config(),
					ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionCreate)...),
					ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}},
				},
			},
		})
	})

	t.Run("R23_FailedUpdateLeavesTheSiteUnchangedAndEnabled", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		var before site.State
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{
				{
					Config:            tb.config(),
					ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}},
				},
				{
					PreConfig:   func() { before = tb.state("only") },
					Config:      tb.config(wrong, arguments{"host": hcl("localhost")}),
					ExpectError: refused,
				},
				{
					PreConfig: func() {
						expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: []string{"PUT only /smtp/tests"}}.now()
						if now := tb.state("only"); now.Revision != before.Revision {
							t.Errorf("got revision %s after the failed test, want %s as before", now.Revision, before.Revision)
						}
					},
					// The state is unchanged too: the previous configuration needs no change.
					Config:            tb.config(),
					ConfigPlanChecks:  preApply(plancheck.ExpectEmptyPlan()),
					ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1}},
				},
			},
		})
	})

	t.Run("NextApplyRetriesTheChange", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		changed := arguments{"password_wo": hcl("not yet known"), "password_wo_version": "2"}
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{
				{
					Config:            tb.config(),
					ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}},
				},
				{Config: tb.config(changed), ExpectError: refused},
				{
					PreConfig: func() {
						expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: []string{"PUT only /smtp/tests"}}.now()
						tb.smtp.SetUser(mailbox, secret.New("not yet known"))
					},
					Config:            tb.config(changed),
					ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
					ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 2, wrote: testAndSave}},
				},
			},
		})
	})
}
