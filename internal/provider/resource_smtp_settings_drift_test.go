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
	fixed := func(w *world, messages int) []statecheck.StateCheck {
		return []statecheck.StateCheck{expect{w: w, site: "only", enabled: true, host: w.smtp.Host(), messages: messages, wrote: testAndSave}}
	}
	for name, somebody := range map[string]func(*site.Save){
		"Disabled": func(s *site.Save) { s.Enabled = false },
		"OtherSettings": func(s *site.Save) {
			s.Enabled, s.Password = false, secret.New(password)
			s.Settings.FromName, s.Settings.HELOName = "Somebody", "mail.example.com"
		},
		"OtherPassword": func(s *site.Save) { s.Enabled, s.Password = false, secret.New("something else") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, smtptest.Config{}, "only")
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{
					{Config: w.config(), ConfigStateChecks: fixed(w, 1)},
					{
						PreConfig:         func() { w.edit("only", somebody) },
						Config:            w.config(),
						ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
						ConfigStateChecks: fixed(w, 2),
					},
				},
			})
		})
	}

	t.Run("R25_PasswordAlone", func(t *testing.T) {
		w := newWorld(t, smtptest.Config{}, "only")
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{
				{Config: w.config(), ConfigStateChecks: fixed(w, 1)},
				{
					// The same password entered again is another one by its id: nobody can compare passwords.
					PreConfig:         func() { w.edit("only", func(s *site.Save) { s.Password = secret.New(password) }) },
					Config:            w.config(),
					ConfigPlanChecks:  preApply(append(willTest(plancheck.ResourceActionUpdate), passwordWillBeSet)...),
					ConfigStateChecks: fixed(w, 2),
				},
			},
		})
	})

	t.Run("ClearedSite", func(t *testing.T) {
		w := newWorld(t, smtptest.Config{}, "only")
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{
				{Config: w.config(), ConfigStateChecks: fixed(w, 1)},
				{
					PreConfig: func() {
						if _, err := w.site("only").Clear("somebody", w.state("only").Revision); err != nil {
							t.Fatal(err)
						}
					},
					Config:            w.config(),
					ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
					ConfigStateChecks: fixed(w, 2),
				},
			},
		})
	})
}

var passwordWillBeSet = plancheck.ExpectKnownValue(settings, tfjsonpath.New("password_wo_version"), knownvalue.Int64Exact(1))

// during is a plan check that does something between plan and apply.
type during func()

func (d during) CheckPlan(context.Context, plancheck.CheckPlanRequest, *plancheck.CheckPlanResponse) {
	d()
}

func TestAccSettingsStale(t *testing.T) {
	w := newWorld(t, smtptest.Config{}, "only")
	edit := during(func() {
		w.edit("only", func(s *site.Save) {
			s.Enabled, s.Password, s.Settings.FromName = false, secret.New(password), "Somebody"
		})
	})
	renamed := w.config(arguments{"host": hcl("localhost")})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            w.config(),
				ConfigStateChecks: []statecheck.StateCheck{expect{w: w, site: "only", enabled: true, host: w.smtp.Host(), messages: 1, wrote: testAndSave}},
			},
			{
				Config:           renamed,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{edit}},
				ExpectError:      regexp.MustCompile(`(?s)changed by somebody.*from_name\s+is\s+"Somebody"`),
			},
			{
				PreConfig: func() {
					expect{w: w, site: "only", host: w.smtp.Host(), messages: 2, wrote: testAndSave}.now()
				},
				Config:            renamed,
				ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
				ConfigStateChecks: []statecheck.StateCheck{expect{w: w, site: "only", enabled: true, host: "localhost", messages: 3, wrote: testAndSave}},
			},
		},
	})
}
