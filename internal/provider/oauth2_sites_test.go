package provider_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestAccOAuth2PlatformsWithPasswordsOnly: a genuine PocketBase, and a listmonk, refuse a login with a token in the plan, once, and
// no token is asked for.
func TestAccOAuth2PlatformsWithPasswordsOnly(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		platform.PocketBase: `(?s)Platform cannot do this.*oauth2 = .*PocketBase can log in to\s+mail\s+servers only with a password`,
		platform.Listmonk:   `(?s)Platform cannot do this.*oauth2 = .*listmonk can log in to\s+mail\s+servers only with a password`,
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTokenTestbed(t)
			s := tb.startPlatform(name)
			config := fmt.Sprintf("provider \"smtp\" {\n  url = %q\n  platform = %q\n  username = %q\n  password = %q\n  test_recipient = %q\n}\n", s.URL, s.Platform, s.Username, s.Password, recipient) +
				tb.resource(tb.login(clientSecret, 1), arguments{"from_name": hcl("Client A"), "from_address": hcl(mailbox)})
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps:                    []resource.TestStep{{Config: config, PlanOnly: true, ExpectError: regexp.MustCompile(says)}},
			})
			ws := newWorkspace(t, config)
			out, ok := ws.run("plan", "-no-color")
			if ok || strings.Count(out, "Error: ") != 1 {
				t.Errorf("the plan printed %s", out)
			}
			if got := tb.tokens.Requests(); len(got) != 0 {
				t.Errorf("got token requests %+v", got)
			}
		})
	}
}

// TestAccOAuth2OfTheSamePlan: the same apply creates the application and its secret; replacing the secret's resource rotates it.
func TestAccOAuth2OfTheSamePlan(t *testing.T) {
	t.Parallel()
	tb := newTokenTestbed(t)
	config := func(secret string) string {
		return fmt.Sprintf(`
resource "terraform_data" "application" {
  input = "app"
}
resource "terraform_data" "secret" {
  input            = %q
  triggers_replace = %[1]q
}
`, secret) + tb.config(arguments{"password_wo": "", "password_wo_version": "", "oauth2": fmt.Sprintf(
			"{\n    token_url = %q\n    scopes = [%q]\n    client_id = terraform_data.application.output\n    client_secret_wo = terraform_data.secret.output\n    client_secret_wo_version = terraform_data.secret.id\n  }",
			tb.tokens.URL(), oauthtest.Scope)})
	}
	on := func(messages int) []statecheck.StateCheck {
		return []statecheck.StateCheck{expect{tb: tb.testbed, site: "only", enabled: true, host: tb.smtp.Host(), messages: messages, wrote: testAndSave}}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: config(clientSecret), ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionCreate)...), ConfigStateChecks: on(1)},
			{
				PreConfig: func() { tb.setSecret("rotated") },
				Config:    config("rotated"), ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionUpdate)...), ConfigStateChecks: on(2),
			},
		},
	})
}

// TestAccOAuth2EndpointThatLimits: a token endpoint that limits requests, as Microsoft's does when many sites are tested, is asked again
// after a pause. No message was sent before.
func TestAccOAuth2EndpointThatLimits(t *testing.T) {
	t.Parallel()
	tb := newTokenTestbed(t)
	tb.tokens.Answer(func(w http.ResponseWriter, _ *http.Request) {
		tb.tokens.Answer(nil)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"AADSTS50196: The server terminated an operation because it encountered a client request loop."}`)
	})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{Config: tb.config(tb.login(clientSecret, 1)), ConfigStateChecks: []statecheck.StateCheck{
			expect{tb: tb.testbed, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: append(slices.Clone(testAndSave[:1]), testAndSave...)},
		}}},
	})
	if got := len(tb.tokens.Requests()); got != 2 {
		t.Errorf("%d requests", got)
	}
}

// TestMovingManyMailboxesToTokens does what the guide says: ten sites with passwords; one is moved, then all others. One mailbox
// lacks its permission, keeps its password, and follows in the next apply. No site is off at any time.
func TestMovingManyMailboxesToTokens(t *testing.T) {
	tokens := oauthtest.Start(t)
	names := []string{"client-0", "client-1", "client-2", "client-3", "client-4", "client-5", "client-6", "client-7", "client-8", "client-9"}
	tb := newTestbed(t, smtptest.Config{CheckToken: tokens.Check}, names...)
	mailboxOf := func(name string) string { return name + "@example.com" }
	allow := func(missing string) {
		var mailboxes []string
		for _, name := range names {
			tb.smtp.SetUser(mailboxOf(name), secret.New(password))
			if name != missing {
				mailboxes = append(mailboxes, mailboxOf(name))
			}
		}
		tokens.SetApp("app", oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: mailboxes})
	}
	moved := func(some ...string) string {
		return fmt.Sprintf(`
locals {
  moved = toset(%s)
}

resource "smtp_settings" "client" {
  for_each   = toset(%s)
  site       = each.key
  host       = %q
  port       = %d
  encryption = "starttls"
  username   = "${each.key}@example.com"

  password_wo         = contains(local.moved, each.key) ? null : %q
  password_wo_version = contains(local.moved, each.key) ? null : 1

  oauth2 = contains(local.moved, each.key) ? {
    token_url                = %q
    scopes                   = [%q]
    client_id                = "app"
    client_secret_wo         = %q
    client_secret_wo_version = 1
  } : null
}
`, list(some), list(names), tb.smtp.Host(), tb.smtp.Port(), password, tokens.URL(), oauthtest.Scope, clientSecret)
	}
	allow("client-7")
	ws := newWorkspace(t, tb.provider()+moved())
	apply := func(config string, succeeds bool) string {
		t.Helper()
		ws.configure(tb.provider() + config)
		out, ok := ws.run("apply", "-auto-approve", "-no-color")
		if ok != succeeds {
			t.Fatal(out)
		}
		return out
	}
	holds := func(withTokens int) {
		t.Helper()
		with := 0
		for _, name := range names {
			state := tb.state(name)
			if !state.Enabled {
				t.Errorf("mail of %s is off", name)
			}
			if state.Settings.Grant != "" {
				with++
			}
		}
		if with != withTokens {
			t.Errorf("%d sites log in with a token, want %d", with, withTokens)
		}
	}
	apply(moved(), true)
	holds(0)
	apply(moved("client-0"), true)
	holds(1)
	out := apply(moved(names...), false)
	holds(9)
	if strings.Count(out, "Error: ") != 1 || !strings.Contains(out, `"client-7"`) || !strings.Contains(out, "535") {
		t.Errorf("the apply printed %s", out)
	}
	allow("")
	apply(moved(names...), true)
	holds(10)
	for _, call := range tb.wrote() {
		if strings.HasPrefix(call, "DELETE ") {
			t.Errorf("got request %s", call)
		}
	}
}

// list returns a list of strings in HCL.
func list(values []string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = hcl(value)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
