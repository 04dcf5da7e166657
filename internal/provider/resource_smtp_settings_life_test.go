package provider_test

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestAccSettingsImport(t *testing.T) {
	t.Parallel()
	withoutPassword := arguments{"password_wo": "", "password_wo_version": "", "from_name": hcl("Client")}
	named := arguments{"from_name": hcl("Client")}

	t.Run("Command", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		tb.enable("only")
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{
				{
					Config:             tb.config(withoutPassword),
					ResourceName:       settings,
					ImportState:        true,
					ImportStateId:      "default",
					ImportStatePersist: true,
				},
				{ // the same settings without a password need no change
					Config:            tb.config(withoutPassword),
					ConfigPlanChecks:  preApply(plancheck.ExpectEmptyPlan()),
					ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1}},
				},
				{ // adding one tests and saves once
					Config:            tb.config(named),
					ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
					ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 2, wrote: testAndSave}},
				},
			},
		})
	})

	t.Run("R23_BlockThenAFailedTestKeepsTheResource", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		tb.enable("only")
		block := "import {\n  to = smtp_settings.test\n  id = \"default\"\n}\n"
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{
				{
					Config:      block + tb.config(named, arguments{"password_wo": hcl("wrong")}),
					ExpectError: regexp.MustCompile("535"),
				},
				{
					PreConfig: expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: []string{"PUT only /smtp/tests"}}.now,
					Config:    block + tb.config(named),
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
						plancheck.ExpectResourceAction(settings, plancheck.ResourceActionUpdate),
					}},
					ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 2, wrote: testAndSave}},
				},
			},
		})
	})
}

// enable sets a site up like a person at its admin page.
func (tb *testbed) enable(name string) {
	tb.t.Helper()
	tb.enableAs(name, mailbox)
}

func (tb *testbed) enableAs(name, mailbox string) {
	tb.t.Helper()
	candidate := site.Candidate{
		Settings: site.Settings{
			Host: tb.smtp.Host(), Port: tb.smtp.Port(), Encryption: site.STARTTLS, Username: mailbox, FromAddress: mailbox, FromName: "Client",
		},
		Password: secret.New(password),
	}
	tb.pass(name, candidate)
	_, err := tb.site(name).Commit("somebody", core.Write{SaveRequest: site.SaveRequest{
		Settings: candidate.Settings, Password: candidate.Password, Enabled: true, Revision: tb.state(name).Revision,
	}})
	if err != nil {
		tb.t.Fatal(err)
	}
}

func TestAccSettingsExisting(t *testing.T) {
	t.Parallel()
	t.Run("R24_OtherSettingsAreNotOverwritten", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		tb.enable("only")
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{
				{Config: tb.config(), PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)already sends mail.*import \{`)},
				{
					PreConfig:         expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1}.now,
					Config:            tb.config(arguments{"overwrite_existing": "true"}),
					ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionCreate)...),
					ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 2, wrote: testAndSave}},
				},
			},
		})
	})

	t.Run("R24_EqualSettingsAreAdopted", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		tb.enable("only")
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{{
				Config:            tb.config(arguments{"from_name": hcl("Client")}),
				ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionCreate)...),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 2, wrote: testAndSave}},
			}},
		})
	})
}

func TestAccSettingsDestroy(t *testing.T) {
	t.Parallel()
	for how, left := range map[string]expect{
		"disable": {wrote: []string{"PUT only /smtp"}, messages: 1},
		"clear":   {wrote: []string{"DELETE only /smtp"}, messages: 1},
		"keep":    {enabled: true, messages: 1},
	} {
		t.Run(how, func(t *testing.T) {
			tb := newTestbed(t, smtptest.Config{}, "only")
			left.tb, left.site = tb, "only"
			if how != "clear" {
				left.host = tb.smtp.Host()
			}
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{
					{
						Config:            tb.config(arguments{"on_destroy": hcl(how)}),
						ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}},
					},
					{ // destroying does not need the password
						Config:            tb.provider(),
						ConfigStateChecks: []statecheck.StateCheck{left},
					},
				},
			})
			if passwordKept := tb.state("only").PasswordSet; passwordKept != (how != "clear") {
				t.Errorf("password set: %t", passwordKept)
			}
		})
	}
}

func TestAccSettingsSiteKey(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "client-a", "client-b")
	provider := func(keyOfA string) string {
		return `provider "smtp" {
  test_recipient = "` + recipient + `"
  sites = {
    ` + keyOfA + ` = { url = "` + tb.http.URL + `/client-a", token = "` + tb.tokens["client-a"] + `" }
    other          = { url = "` + tb.http.URL + `/client-b", token = "` + tb.tokens["client-b"] + `" }
  }
}
`
	}
	at := func(key string) string { return tb.resource(arguments{"site": hcl(key)}) }
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: provider("before") + at("befor"), ExpectError: regexp.MustCompile(`(?s)Did\s+you\s+mean\s+"before"`)},
			{Config: provider("before") + tb.resource(), ExpectError: regexp.MustCompile(`has\s+2\s+sites`)},
			{Config: provider("before") + at("before")},
			{ // a renamed key of the same site
				PreConfig:         func() { tb.wrote() },
				Config:            provider("after") + at("after"),
				ConfigPlanChecks:  preApply(plancheck.ExpectResourceAction(settings, plancheck.ResourceActionUpdate)),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "client-a", enabled: true, host: tb.smtp.Host(), messages: 1}},
			},
			{ // the state still needs the old entry
				Config:      provider("gone") + at("after"),
				ExpectError: regexp.MustCompile(`is not a key`),
			},
			{ // another site
				Config:            provider("after") + at("other"),
				ConfigPlanChecks:  preApply(plancheck.ExpectResourceAction(settings, plancheck.ResourceActionDestroyBeforeCreate)),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "client-b", enabled: true, host: tb.smtp.Host(), messages: 2, wrote: []string{"PUT client-a /smtp", "PUT client-b /smtp/tests", "PUT client-b /smtp"}}},
			},
			{ // two resources for one site
				Config:      provider("after") + at("other") + `resource "smtp_settings" "second" {` + "\n site = \"other\"\n preset = \"gmail\"\n username = \"x@example.com\"\n password_wo = \"p\"\n password_wo_version = 1\n}\n",
				ExpectError: regexp.MustCompile(`(?s)two\s+smtp_settings.*smtp\.gmail\.com`),
			},
		},
	})
}

func TestAccSettingsRespelled(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	nothing := func(host, from string) resource.TestStep {
		return resource.TestStep{
			Config:            tb.config(arguments{"host": hcl(host), "from_address": hcl(from)}),
			ConfigPlanChecks:  preApply(plancheck.ExpectEmptyPlan()),
			ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: "localhost", messages: 1}},
		}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:            tb.config(arguments{"host": hcl("localhost"), "from_address": hcl("web@bücher.example")}),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: "localhost", messages: 1, wrote: testAndSave}},
			},
			nothing("LOCALHOST", "web@bücher.example"),
			nothing("localhost.", "web@BÜCHER.example"),
			nothing("localhost", "web@xn--bcher-kva.example"),
		},
	})
}

func TestAccSettingsRepin(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "old", "new")
	provider := func(name, repin string) string {
		return `provider "smtp" {
  test_recipient = "` + recipient + `"
  sites = { site = { url = "` + tb.http.URL + "/" + name + `", token = "` + tb.tokens[name] + `", repin = ` + repin + ` } }
}
`
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: provider("old", "false") + tb.resource()},
			{Config: provider("new", "false") + tb.resource(), ExpectError: regexp.MustCompile("Another site answers")},
			{
				PreConfig:         func() { tb.wrote() },
				Config:            provider("new", "true") + tb.resource(),
				ConfigPlanChecks:  preApply(willTest(plancheck.ResourceActionUpdate)...),
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "new", enabled: true, host: tb.smtp.Host(), messages: 2, wrote: []string{"PUT new /smtp/tests", "PUT new /smtp"}}},
			},
			{
				Config:           provider("new", "false") + tb.resource(),
				ConfigPlanChecks: preApply(plancheck.ExpectEmptyPlan()),
			},
		},
	})
}

func TestAccSettingsIdentity(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	tb.enable("only")
	identity := func(id string) string {
		return "import {\n  to = smtp_settings.test\n  identity = {\n    site    = \"default\"\n    site_id = \"" + id + "\"\n  }\n}\n"
	}
	config := tb.config(arguments{"password_wo": "", "password_wo_version": "", "from_name": hcl("Client")})
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_12_0)},
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: identity("another") + config, ExpectError: regexp.MustCompile(`(?s)Another site answers.*the\s+import\s+asks\s+for.*Nothing\s+was\s+imported`)},
			{
				Config: identity(tb.site("only").ID()) + config,
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectIdentity(settings, map[string]knownvalue.Check{
						"site":    knownvalue.StringExact("default"),
						"site_id": knownvalue.StringExact(tb.site("only").ID()),
					}),
					expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1},
				},
			},
		},
	})
}
