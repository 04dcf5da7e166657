package provider_test

import (
	"context"
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

func TestAccSettingsDrift(t *testing.T) {
	t.Parallel()
	fixed := func(tb *testbed, messages int) []statecheck.StateCheck {
		return []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: messages, wrote: testAndSave}}
	}
	for name, somebody := range map[string]func(*site.SaveRequest){
		"Disabled": func(s *site.SaveRequest) { s.Enabled = false },
		"OtherSettings": func(s *site.SaveRequest) {
			s.Enabled, s.Password = false, secret.New(password)
			s.Settings.FromName, s.Settings.HELOName = "Somebody", "mail.example.com"
		},
		"OtherPassword": func(s *site.SaveRequest) { s.Enabled, s.Password = false, secret.New("something else") },
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTestbed(t, smtptest.Config{}, "only")
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{
					{Config: tb.config(), ConfigStateChecks: fixed(tb, 1)},
					{
						PreConfig:         func() { tb.edit("only", somebody) },
						Config:            tb.config(),
						ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
						ConfigStateChecks: fixed(tb, 2),
					},
				},
			})
		})
	}

	t.Run("R25_OnlyThePassword", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{
				{Config: tb.config(), ConfigStateChecks: fixed(tb, 1)},
				{
					// The same password entered again has a different ID, because passwords cannot be compared.
					PreConfig:         func() { tb.edit("only", func(s *site.SaveRequest) { s.Password = secret.New(password) }) },
					Config:            tb.config(),
					ConfigPlanChecks:  preApply(append(willTest(plancheck.ResourceActionUpdate), passwordWillBeSet)...),
					ConfigStateChecks: fixed(tb, 2),
				},
			},
		})
	})

	t.Run("ClearedSite", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{
				{Config: tb.config(), ConfigStateChecks: fixed(tb, 1)},
				{
					PreConfig: func() {
						if _, err := tb.site("only").Clear("somebody", "", tb.state("only").Revision); err != nil {
							t.Fatal(err)
						}
					},
					Config:            tb.config(),
					ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
					ConfigStateChecks: fixed(tb, 2),
				},
			},
		})
	})
}

var passwordWillBeSet = plancheck.ExpectKnownValue(settings, tfjsonpath.New("password_wo_version"), knownvalue.StringExact("1"))

// during is a plan check that runs a function between plan and apply.
type during func()

func (d during) CheckPlan(context.Context, plancheck.CheckPlanRequest, *plancheck.CheckPlanResponse) {
	d()
}

func TestAccSettingsStale(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	edit := during(func() {
		tb.edit("only", func(s *site.SaveRequest) {
			s.Enabled, s.Password, s.Settings.FromName = false, secret.New(password), "Somebody"
		})
	})
	renamed := tb.config(arguments{"host": hcl("localhost")})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            tb.config(),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}},
			},
			{
				Config:           renamed,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{edit}},
				ExpectError:      regexp.MustCompile(`(?s)changed by someone.*from_name\s+is\s+"Somebody"`),
			},
			{
				PreConfig: func() {
					expect{tb: tb, site: "only", host: tb.smtp.Host(), messages: 2, wrote: testAndSave}.now()
				},
				Config:            renamed,
				ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: "localhost", messages: 3, wrote: testAndSave}},
			},
		},
	})
}
