package provider_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestActionSendTest(t *testing.T) {
	tb := newTestbed(t, smtptest.Config{}, "client-a", "client-b")
	tb.enable("client-a")
	p := startProtocol(t, tb)
	candidate := func(password string) map[string]any {
		return map[string]any{
			"site": "client-b", "host": tb.smtp.Host(), "port": tb.smtp.Port(), "encryption": "starttls", "username": mailbox, "password_wo": password,
		}
	}
	for name, c := range map[string]struct {
		config   map[string]any
		progress string
		failure  string
		messages int
	}{
		"SavedSettings":    {config: map[string]any{"site": "client-a"}, progress: "client-a: accepted by 127.0.0.1 for " + recipient, messages: 1},
		"Candidate":        {config: candidate(password), progress: "client-b: accepted by 127.0.0.1", messages: 1},
		"RefusedCandidate": {config: candidate("wrong"), progress: "client-b: passed starttls", failure: "535 5.7.8"},
		"NoSavedSettings":  {config: map[string]any{"site": "client-b"}, failure: "client-b"},
		"UnknownSite":      {config: map[string]any{"site": "client-x"}, failure: "is not a key"},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(tb.smtp.Messages())
			progress, failure := p.invoke(c.config)
			if !strings.Contains(strings.Join(progress, "\n"), c.progress) {
				t.Errorf("progress %q lacks %q", progress, c.progress)
			}
			if (failure == "") != (c.failure == "") || !strings.Contains(failure, c.failure) {
				t.Errorf("failure %q, want %q", failure, c.failure)
			}
			if got := len(tb.smtp.Messages()) - before; got != c.messages {
				t.Errorf("%d messages, want %d", got, c.messages)
			}
			if slices.ContainsFunc(append(progress, failure), func(s string) bool { return strings.Contains(s, password) }) {
				t.Error("the output shows the password")
			}
		})
	}
	if state := tb.state("client-b"); !state.Settings.IsZero() {
		t.Errorf("the candidate was saved: %+v", state)
	}
}

// TestActionReadsAnew: the site may have been set up in the same run.
func TestActionReadsAnew(t *testing.T) {
	tb := newTestbed(t, smtptest.Config{}, "client-a", "client-b")
	p := startProtocol(t, tb)
	if _, failure := p.invoke(map[string]any{"site": "client-a"}); failure == "" {
		t.Error("the action succeeded on a site without settings")
	}
	tb.enable("client-a")
	progress, failure := p.invoke(map[string]any{"site": "client-a"})
	if failure != "" || !strings.Contains(strings.Join(progress, "\n"), "accepted by "+tb.smtp.Host()) {
		t.Errorf("got progress %q and failure %q", progress, failure)
	}
}

// invoke returns the progress messages of smtp_send_test, and why it failed.
func (p protocol) invoke(config map[string]any) (progress []string, failure string) {
	p.t.Helper()
	stream, err := p.InvokeAction(p.t.Context(), &tfprotov6.InvokeActionRequest{
		ActionType: "smtp_send_test",
		Config:     p.value(p.schema.ActionSchemas["smtp_send_test"].Schema, config),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	for event := range stream.Events {
		switch e := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, e.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			for _, d := range e.Diagnostics {
				failure += fmt.Sprintf("%s: %s\n", d.Summary, d.Detail)
			}
		}
	}
	return progress, failure
}

func TestAccActionTrigger(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	config := func(recipient string) string {
		return tb.config() + `
resource "terraform_data" "dns" {
  input = "` + recipient + `"
  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.smtp_send_test.check]
    }
  }
  depends_on = [smtp_settings.test]
}
action "smtp_send_test" "check" {
  config { recipient = "` + recipient + `" }
}
`
	}
	resource.UnitTest(t, resource.TestCase{
		TerraformVersionChecks:   []tfversion.TerraformVersionCheck{tfversion.SkipBelow(tfversion.Version1_14_0)},
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config: config("dns@example.test"),
				PostApplyFunc: func() {
					messages := tb.smtp.Messages()
					if len(messages) != 2 || messages[1].To[0] != "dns@example.test" {
						t.Errorf("got messages %+v, want one of the apply and one of the action", messages)
					}
				},
			},
			{
				PreConfig:   func() { tb.smtp.SetFaults(smtptest.Faults{RcptErr: refuse("refused@example.test")}) },
				Config:      config("refused@example.test"),
				ExpectError: regexp.MustCompile(`550`),
			},
		},
	})
}

// TestAccActionCandidate: the password of a candidate comes from a variable, through all steps before Terraform invokes an action. With
// "apply -invoke", and only then, Terraform 1.16 and later do not pass ephemeral values.
func TestAccActionCandidate(t *testing.T) {
	t.Parallel()
	since(t, "1.14")
	keepsEphemeral := version.Must(version.NewVersion(cli.Version)).Core().LessThan(version.Must(version.NewVersion("1.16.0")))
	tb := newTestbed(t, smtptest.Config{}, "only")
	candidate := func(name, password string) string {
		return fmt.Sprintf("action \"smtp_send_test\" %q {\n  config {\n    host = %q\n    port = %d\n    encryption = \"starttls\"\n    username = %q\n    password_wo = %s\n  }\n}\n",
			name, tb.smtp.Host(), tb.smtp.Port(), mailbox, password)
	}
	ws := newWorkspace(t, tb.provider()+`
variable "app_password" {
  type      = string
  ephemeral = true
}
variable "sensitive_password" {
  type      = string
  sensitive = true
}
variable "trigger" { default = "no" }
resource "terraform_data" "trigger" {
  count = var.trigger == "no" ? 0 : 1
  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.smtp_send_test.ephemeral]
    }
  }
}
`+candidate("ephemeral", "var.app_password")+candidate("sensitive", "var.sensitive_password"))
	accepted := "accepted by 127.0.0.1 for " + recipient
	for _, c := range []struct {
		name     string
		command  []string
		password string
		fails    bool
		says     string
		messages int
	}{
		{name: "Validate", command: []string{"validate"}, says: "The configuration is valid."},
		{name: "Plan", command: []string{"plan"}, password: password, says: "No changes."},
		{name: "PlanInvocation", command: []string{"plan", "-invoke=action.smtp_send_test.ephemeral"}, password: password, says: "action.smtp_send_test.ephemeral will be invoked"},
		{name: "EphemeralInvoked", command: []string{"apply", "-auto-approve", "-invoke=action.smtp_send_test.ephemeral"}, password: password, says: accepted, messages: 1},
		{name: "SensitiveInvoked", command: []string{"apply", "-auto-approve", "-invoke=action.smtp_send_test.sensitive"}, password: password, says: accepted, messages: 1},
		{name: "EphemeralTriggered", command: []string{"apply", "-auto-approve", "-var=trigger=yes"}, password: password, says: accepted, messages: 1},
		{name: "RefusedLogin", command: []string{"apply", "-auto-approve", "-invoke=action.smtp_send_test.sensitive"}, password: "wrong", fails: true, says: "535 5.7.8"},
		{name: "EmptyPassword", command: []string{"apply", "-auto-approve", "-invoke=action.smtp_send_test.sensitive"}, fails: true, says: "The provider received an empty password_wo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "EphemeralInvoked" && !keepsEphemeral {
				c.fails, c.says, c.messages = true, "Terraform 1.16 and later do not pass ephemeral values", 0
			}
			before := len(tb.smtp.Messages())
			args := append(slices.Clone(c.command), "-no-color")
			if c.command[0] != "validate" {
				args = append(args, "-var=app_password="+c.password, "-var=sensitive_password="+c.password)
			}
			out, ok := ws.run(args...)
			if ok == c.fails || !strings.Contains(strings.Join(strings.Fields(out), " "), c.says) || strings.Contains(out, password) {
				t.Errorf("succeeded: %t, want %t and %q:\n%s", ok, !c.fails, c.says, out)
			}
			if got := len(tb.smtp.Messages()) - before; got != c.messages {
				t.Errorf("%d messages, want %d", got, c.messages)
			}
		})
	}
}
