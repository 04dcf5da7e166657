package provider_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/ses"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestAccSettingsMoved(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	moved := strings.Replace(tb.config(), `"smtp_settings" "test"`, `"smtp_settings" "renamed"`, 1) +
		"moved {\n  from = smtp_settings.test\n  to = smtp_settings.renamed\n}\n"
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: tb.config()},
			{
				PreConfig: func() { tb.wrote() },
				Config:    moved,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction("smtp_settings.renamed", plancheck.ResourceActionNoop),
				}},
				ConfigStateChecks: []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1}},
			},
		},
	})
}

// TestAccSettingsGenerated lets the CLI generate the configuration of imported sites.
func TestAccSettingsGenerated(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "client-a", "client-b")
	tb.enable("client-a")
	ws := newWorkspace(t, tb.provider()+"import {\n  to = smtp_settings.sending\n  id = \"client-a\"\n}\nimport {\n  to = smtp_settings.empty\n  id = \"client-b\"\n}\n")
	if out, ok := ws.run("plan", "-no-color", "-generate-config-out=generated.tf"); ok {
		t.Errorf("planning the import of a site without settings succeeded:\n%s", out)
	}
	if err := os.Remove(filepath.Join(ws.Dir, "generated.tf")); err != nil {
		t.Fatal(err)
	}
	ws.configure(tb.provider() + "import {\n  to = smtp_settings.sending\n  id = \"client-a\"\n}\n")
	out, ok := ws.run("plan", "-no-color", "-generate-config-out=generated.tf")
	if !ok || !strings.Contains(out, "1 to import, 0 to add, 0 to change, 0 to destroy") {
		t.Fatal(out)
	}
	generated, err := os.ReadFile(filepath.Join(ws.Dir, "generated.tf"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(generated), `""`) || strings.Contains(string(generated), password) {
		t.Errorf("the generated configuration holds empty values or the password:\n%s", generated)
	}
	if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok || !strings.Contains(out, "0 added, 0 changed, 0 destroyed") {
		t.Error(out)
	}
	if len(tb.wrote()) > 0 || len(tb.smtp.Messages()) != 1 {
		t.Error("importing changed the site or sent a message")
	}
}

// TestAccSettingsImportEach imports many sites with one block.
func TestAccSettingsImportEach(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "client-a", "client-b")
	tb.enable("client-a")
	tb.enable("client-b")
	each := arguments{
		"for_each": "var.clients", "site": "each.key", "from_name": hcl("Client"), "password_wo": "", "password_wo_version": "",
	}
	ws := newWorkspace(t, tb.provider()+`
variable "clients" { default = { client-a = {}, client-b = {} } }
import {
  for_each = var.clients
  to       = smtp_settings.test[each.key]
  id       = each.key
}
`+tb.resource(each))
	if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok || !strings.Contains(out, "2 imported, 0 added, 0 changed, 0 destroyed") {
		t.Fatal(out)
	}
	if len(tb.wrote()) > 0 || len(tb.smtp.Messages()) != 2 {
		t.Error("importing changed the site or sent a message")
	}
}

// TestAccSettingsRotatesByKey changes the key that a password is derived from, as in the guide to rotation.
func TestAccSettingsRotatesByKey(t *testing.T) {
	t.Parallel()
	const newID, newKey = "AKIAI44QH8DHBEXAMPLE", "another+secret+key"
	tb := newExampleTestbed(t, false)
	ws := tb.example("password-rotation")
	if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok {
		t.Fatal(out)
	}
	tb.smtp.SetUser(newID, ses.Password(secret.New(newKey), "eu-west-1"))
	tb.wrote()
	out, ok := ws.run("apply", "-auto-approve", "-no-color", "-var=iam_key_id="+newID, "-var=iam_secret_key="+newKey)
	if !ok || !strings.Contains(out, "0 added, 1 changed, 0 destroyed") || strings.Contains(out, newKey) {
		t.Fatal(out)
	}
	if got := tb.wrote(); len(got) != 2 || got[0] != "PUT client-b /smtp/tests" || got[1] != "PUT client-b /smtp" {
		t.Errorf("got writes %q", got)
	}
	if got := tb.state("client-b").Settings.Username; got != newID {
		t.Errorf("got username %q", got)
	}
}

// TestAccActionInvoke invokes an action directly.
func TestAccActionInvoke(t *testing.T) {
	t.Parallel()
	since(t, "1.14")
	tb := newTestbed(t, smtptest.Config{}, "only")
	tb.enable("only")
	ws := newWorkspace(t, tb.provider()+"action \"smtp_send_test\" \"check\" {}\n")
	out, ok := ws.run("apply", "-auto-approve", "-no-color", "-invoke=action.smtp_send_test.check")
	if !ok || !strings.Contains(out, "accepted by 127.0.0.1 for "+recipient) || len(tb.smtp.Messages()) != 2 {
		t.Fatal(out)
	}
}

func TestAccSettingsDataSource(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	read := func(attribute string, check knownvalue.Check) statecheck.StateCheck {
		return statecheck.ExpectKnownValue("data.smtp_settings.site", path(attribute), check)
	}
	config := tb.provider() + "data \"smtp_settings\" \"site\" {}\n"
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config: config,
				ConfigStateChecks: []statecheck.StateCheck{
					read("enabled", knownvalue.Bool(false)), read("host", knownvalue.Null()), read("port", knownvalue.Null()), read("verification", knownvalue.Null()),
				},
			},
			{
				PreConfig: func() { tb.enable("only") },
				Config:    config,
				ConfigStateChecks: []statecheck.StateCheck{
					read("id", knownvalue.StringExact(tb.site("only").ID())),
					read("site", knownvalue.StringExact("default")),
					read("enabled", knownvalue.Bool(true)),
					read("host", knownvalue.StringExact(tb.smtp.Host())),
					read("port", knownvalue.Int64Exact(int64(tb.smtp.Port()))),
					read("username", knownvalue.StringExact(mailbox)),
					read("from_name", knownvalue.StringExact("Client")),
					read("updated_by", knownvalue.StringExact("somebody")),
					read("password_set", knownvalue.Bool(true)),
					read("verification", knownvalue.ObjectPartial(map[string]knownvalue.Check{"recipient": knownvalue.StringExact(recipient)})),
					read("last_success", knownvalue.Null()), read("last_failure", knownvalue.Null()),
				},
			},
			{
				PreConfig: func() {
					tells := answersWith(`"api_version":1`, `"api_version":1,"last_success":"2026-11-30T11:00:00Z","last_failure":{"at":"2026-11-30T12:00:00Z",`+
						`"stage":"auth","reply":{"code":535,"enhanced_code":"5.7.8","text":"No \u001b[31msuch login"},"error":null}`)
					tb.tamper.Store(&tells)
				},
				Config: config,
				ConfigStateChecks: []statecheck.StateCheck{
					read("last_success", knownvalue.StringExact("2026-11-30T11:00:00Z")),
					read("last_failure", knownvalue.ObjectExact(map[string]knownvalue.Check{
						"at": knownvalue.StringExact("2026-11-30T12:00:00Z"), "stage": knownvalue.StringExact("auth"), "said": knownvalue.StringExact("535 5.7.8 No such login"),
					})),
				},
			},
		},
	})
}
