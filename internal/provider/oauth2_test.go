package provider_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const clientSecret = "client-secret-7f3a~canary"

// tokenTestbed is a testbed with a token endpoint. The mail server accepts its tokens as well as the mailbox's password.
type tokenTestbed struct {
	*testbed
	tokens *oauthtest.Server
}

func newTokenTestbed(t *testing.T) tokenTestbed {
	t.Helper()
	tokens := oauthtest.Start(t)
	tb := tokenTestbed{newTestbed(t, smtptest.Config{CheckToken: tokens.Check}, "only"), tokens}
	tb.setSecret(clientSecret)
	return tb
}

// setSecret gives the application a secret, and the permission to send the mailbox's mail.
func (tb tokenTestbed) setSecret(value string) {
	tb.tokens.SetApp("app", oauthtest.App{Secret: secret.New(value), Mailboxes: []string{mailbox}})
}

// login returns the arguments of a login with a token.
func (tb tokenTestbed) login(secret string, version int) arguments {
	return arguments{"password_wo": "", "password_wo_version": "", "oauth2": fmt.Sprintf(
		"{\n    token_url = %q\n    scopes = [%q]\n    client_id = \"app\"\n    client_secret_wo = %q\n    client_secret_wo_version = %d\n  }",
		tb.tokens.URL(), oauthtest.Scope, secret, version)}
}

// TestAccOAuth2: a test and a save with a token, a rotated secret, a secret that is wrong and a permission that is missing,
// each of which leaves mail as it was, and drift.
func TestAccOAuth2(t *testing.T) {
	t.Parallel()
	tb := newTokenTestbed(t)
	host := tb.smtp.Host()
	member := func(name string) tfjsonpath.Path { return tfjsonpath.New("oauth2").AtMapKey(name) }
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				Config:           tb.config(tb.login(clientSecret, 1)),
				ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionCreate)...),
				ConfigStateChecks: []statecheck.StateCheck{
					expect{tb: tb.testbed, site: "only", enabled: true, host: host, messages: 1, wrote: testAndSave},
					statecheck.ExpectKnownValue(settings, member("client_secret_wo"), knownvalue.Null()),
					statecheck.ExpectKnownValue(settings, member("grant"), knownvalue.Null()),
					value("password_set", knownvalue.Bool(true)),
				},
			},
			{
				PreConfig:        func() { tb.setSecret("rotated") },
				Config:           tb.config(tb.login("rotated", 2)),
				ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionUpdate)...),
				ConfigStateChecks: []statecheck.StateCheck{
					expect{tb: tb.testbed, site: "only", enabled: true, host: host, messages: 2, wrote: testAndSave},
				},
			},
			{
				Config:      tb.config(tb.login("the id of the secret", 3)),
				ExpectError: regexp.MustCompile(`(?s)rejected the client secret.*401 invalid_client:\s+AADSTS7000215`),
			},
			{
				PreConfig: func() {
					expect{tb: tb.testbed, site: "only", enabled: true, host: host, messages: 2, wrote: testAndSave[:1]}.now()
					tb.tokens.SetApp("app", oauthtest.App{Secret: secret.New("rotated")})
				},
				Config:      tb.config(tb.login("rotated", 4)),
				ExpectError: regexp.MustCompile(`535`),
			},
			{
				PreConfig: func() {
					expect{tb: tb.testbed, site: "only", enabled: true, host: host, messages: 2, wrote: testAndSave[:1]}.now()
					tb.setSecret("rotated")
					tb.edit("only", func(s *site.SaveRequest) {
						s.Settings.Scopes, s.Password, s.Enabled = "another", secret.New("rotated"), false
					})
				},
				Config: tb.config(tb.login("rotated", 4)),
				ConfigPlanChecks: preApply(append(willTest(plancheck.ResourceActionUpdate),
					plancheck.ExpectKnownValue(settings, member("scopes"), knownvalue.SetExact([]knownvalue.Check{knownvalue.StringExact(oauthtest.Scope)})))...),
				ConfigStateChecks: []statecheck.StateCheck{
					expect{tb: tb.testbed, site: "only", enabled: true, host: host, messages: 3, wrote: testAndSave},
				},
			},
			{
				ResourceName: settings, ImportState: true, ImportStateId: "default", ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"oauth2.%", "oauth2.grant", "oauth2.client_secret_wo_version", "overwrite_existing", "on_destroy"},
			},
		},
	})
	if got := tb.smtp.Messages()[0].User; got != mailbox {
		t.Errorf("logged in as %q", got)
	}
}

// TestAccOAuth2FromPassword moves a mailbox from a password to tokens and back. Each change is tested before it is saved.
func TestAccOAuth2FromPassword(t *testing.T) {
	t.Parallel()
	tb := newTokenTestbed(t)
	on := func(messages int) []statecheck.StateCheck {
		return []statecheck.StateCheck{expect{tb: tb.testbed, site: "only", enabled: true, host: tb.smtp.Host(), messages: messages, wrote: testAndSave}}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: tb.config(), ConfigStateChecks: on(1)},
			{Config: tb.config(tb.login(clientSecret, 1)), ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionUpdate)...), ConfigStateChecks: on(2)},
			{Config: tb.config(), ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionUpdate)...), ConfigStateChecks: on(3)},
		},
	})
	if got := tb.state("only").Settings.Grant; got != "" || len(tb.tokens.Requests()) != 1 {
		t.Errorf("got grant %q and %d tokens", got, len(tb.tokens.Requests()))
	}
}

// TestAccOAuth2Refused: invalid configurations fail the plan at the argument at fault, without any request.
func TestAccOAuth2Refused(t *testing.T) {
	t.Parallel()
	tb := newTokenTestbed(t)
	noPassword := arguments{"password_wo": "", "password_wo_version": ""}
	microsoft := arguments{"preset": hcl("microsoft365"), "host": "", "port": "", "encryption": ""}
	google := arguments{"preset": hcl("google-workspace"), "host": "", "port": "", "encryption": ""}
	login := func(members string) arguments {
		return arguments{"oauth2": "{\n    client_id = \"app\"\n    client_secret_wo = \"s\"\n    client_secret_wo_version = 1\n    " + members + "\n  }"}
	}
	var steps []resource.TestStep
	for _, refused := range []struct {
		overrides []arguments
		says      string
	}{
		{[]arguments{noPassword, login(`token_url = "http://login.example.com/token"`)}, `token_url: must begin with\s+https`},
		{[]arguments{noPassword, login(``)}, `Token endpoint is missing`},
		{[]arguments{noPassword, login(`tenant = "client.example"`)}, `Preset has no token endpoint`},
		{[]arguments{noPassword, microsoft, {"region": hcl("china")}, login(`tenant = "client.example"`)}, `Preset has no token endpoint`},
		{[]arguments{noPassword, microsoft, login("tenant = \"client.example\"\n    token_url = \"https://login.example.com/token\"")}, `Token endpoint is ambiguous`},
		{[]arguments{noPassword, microsoft, login(`tenant = "common"`)}, `Tenant does not name one organization`},
		{[]arguments{noPassword, microsoft, login(`tenant = "a/b"`)}, `tenant: must be a domain`},
		{[]arguments{noPassword, microsoft, login("token_url = \"https://login.microsoftonline.us/Organizations/oauth2/v2.0/token\"\n    scopes = [\"https://outlook.office365.us/.default\"]")}, `Tenant does not name one organization`},
		{[]arguments{noPassword, login(`token_url = "https://login.partner.microsoftonline.cn/client.example/oauth2/v2.0/token"`)}, `Scope is not valid for an application`},
		{[]arguments{noPassword, microsoft, login("tenant = \"client.example\"\n    scopes = [\"https://outlook.office.com/SMTP.Send\"]")}, `Scope is not valid for an application`},
		{[]arguments{noPassword, microsoft, login(`token_url = "https://login.microsoftonline.com/client.example/oauth2/v2.0/token"`)}, `Scope is not valid for an application`},
		{[]arguments{noPassword, login("token_url = \"https://login.example.com/token\"\n    scopes = [\"mail send\"]")}, `Each element of scopes must be one scope`},
		{[]arguments{noPassword, login("token_url = \"https://login.example.com/token\"\n    scopes = [\"\"]")}, `Each element of scopes must be one scope`},
		{[]arguments{noPassword, login("token_url = \"https://login.example.com/token\"\n    grant = \"authorization_code\"")}, `grant value must be one of`},
		{[]arguments{noPassword, {"username": "", "from_address": hcl(mailbox)}, login(`token_url = "https://login.example.com/token"`)}, `Username is missing`},
		{[]arguments{login(`token_url = "https://login.example.com/token"`)}, `Login is ambiguous`},
		{[]arguments{noPassword, {"oauth2": `{ token_url = "https://login.example.com/token", client_id = "app" }`}}, `Client secret is missing`},
		{[]arguments{noPassword, {"oauth2": `{ grant = "refresh_token", token_url = "https://login.example.com/token", client_id = "app" }`}}, `(?s)Refresh token is missing.*refresh_token_wo_version`},
		{[]arguments{noPassword, {"oauth2": `{ grant = "jwt_bearer", token_url = "https://login.example.com/token", client_id = "app" }`}}, `(?s)Private key is missing.*private_key_wo_version`},
		{[]arguments{noPassword, login("token_url = \"https://login.example.com/token\"\n    grant = \"refresh_token\"")}, `(?s)Refresh token is missing.*client_secret_wo and\s+refresh_token_wo together`},
		{[]arguments{noPassword, login("token_url = \"https://login.example.com/token\"\n    grant = \"jwt_bearer\"")}, `(?s)Secret is for another grant.*uses\s+private_key_wo`},
		{[]arguments{noPassword, login("token_url = \"https://login.example.com/token\"\n    refresh_token_wo = \"s\"\n    refresh_token_wo_version = 1")}, `Secret is for another grant`},
		{[]arguments{noPassword, {"oauth2": `{ grant = "jwt_bearer", token_url = "https://login.example.com/token", client_id = "app", private_key_wo = "s", private_key_wo_version = 1 }`}}, `private_key_wo: must be an\s+RSA key in PEM`},
		{[]arguments{noPassword, google, {"oauth2": `{ client_id = "app", client_secret_wo = "s", client_secret_wo_version = 1 }`}}, `(?s)Mail service has no such grant.*"refresh_token", "jwt_bearer"`},
		{[]arguments{noPassword, google, {"oauth2": `{ tenant = "client.example", grant = "refresh_token", client_id = "app", refresh_token_wo = "s", refresh_token_wo_version = 1 }`}}, `Preset has no token endpoint`},
		{[]arguments{noPassword, {"username": hcl("mailer@project.iam.gserviceaccount.com")}, login(`token_url = "https://login.example.com/token"`)}, `Username is not a mailbox`},
		{[]arguments{noPassword, {"oauth2": `{ token_url = "https://login.example.com/token", client_id = "app", client_secret_wo = "s" }`}}, `(?s)Version is missing.*client_secret_wo_version`},
	} {
		steps = append(steps, resource.TestStep{Config: tb.config(refused.overrides...), PlanOnly: true, ExpectError: regexp.MustCompile(refused.says)})
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps})
	expect{tb: tb.testbed, site: "only"}.now()
	if got := tb.smtp.Counters(); got.Connections != 0 || len(tb.tokens.Requests()) != 0 {
		t.Errorf("got connections %+v and token requests %+v, want none", got, tb.tokens.Requests())
	}
}

// TestOAuth2OneError: a secret that is missing in a table of clients, or for another grant, is one error, not two.
func TestOAuth2OneError(t *testing.T) {
	tb := newTokenTestbed(t)
	ws := newWorkspace(t, tb.config())
	for name, c := range map[string]struct{ members, says string }{
		"ClientSecret":          {`client_secret_wo_version = 1`, "client_secret_wo_version is set, but client_secret_wo is not. Set both."},
		"RefreshToken":          {`grant = "refresh_token", client_secret_wo = "s", client_secret_wo_version = 1, refresh_token_wo_version = 1`, "refresh_token_wo_version is set, but refresh_token_wo is not. Set both."},
		"PrivateKey":            {`grant = "jwt_bearer", private_key_wo_version = 1`, "private_key_wo_version is set, but private_key_wo is not. Set both."},
		"VersionOfClientSecret": {`client_secret_wo = "s"`, "Terraform cannot see that client_secret_wo changes. Set client_secret_wo_version too"},
		"VersionOfAnotherGrant": {`client_secret_wo = "s", client_secret_wo_version = 1, private_key_wo_version = 1`, "private_key_wo is for grant = \"jwt_bearer\""},
	} {
		t.Run(name, func(t *testing.T) {
			ws.configure(tb.config(arguments{
				"password_wo": "", "password_wo_version": "", "oauth2": fmt.Sprintf(`{ token_url = %q, client_id = "app", %s }`, tb.tokens.URL(), c.members),
			}))
			out, ok := ws.run("plan", "-no-color")
			if ok || strings.Count(out, "Error: ") != 1 || !strings.Contains(unwrapped(out), c.says) {
				t.Errorf("the plan printed %s", out)
			}
		})
	}
}

// TestOAuth2Warnings: what is usually a mistake is a warning of the plan, which does not repeat a secret.
func TestOAuth2Warnings(t *testing.T) {
	tb := newTokenTestbed(t)
	ws := newWorkspace(t, tb.config())
	const id = "6731de76-14a6-49ae-97bc-6eba6914391e"
	for name, c := range map[string]struct{ preset, members, says string }{
		"SecretID":       {"microsoft365", `tenant = "client.example", client_id = "` + id + `", client_secret_wo = "` + strings.ToUpper(id) + `", client_secret_wo_version = 1`, "Client secret looks like an ID"},
		"Secret":         {"microsoft365", `tenant = "client.example", client_id = "` + id + `", client_secret_wo = "Q~8` + id + `", client_secret_wo_version = 1`, ""},
		"SecretOfOthers": {"sendgrid", `token_url = "https://login.example.com/token", client_id = "app", client_secret_wo = "` + id + `", client_secret_wo_version = 1`, "SendGrid is known to take passwords, not tokens."},
		"NumericID":      {"google-workspace", `grant = "jwt_bearer", client_id = "123456789012345678901", private_key_wo = ` + hcl(serviceKey(t)) + `, private_key_wo_version = 1`, `client_id = "123456789012345678901": with jwt_bearer, it is the email address of the service account`},
		"ServiceAccount": {"google-workspace", `grant = "jwt_bearer", client_id = "mailer@project.example", private_key_wo = ` + hcl(serviceKey(t)) + `, private_key_wo_version = 1`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			ws.configure(tb.config(arguments{
				"preset": hcl(c.preset), "host": "", "port": "", "encryption": "", "from_address": hcl(mailbox), "password_wo": "", "password_wo_version": "", "oauth2": "{ " + c.members + " }",
			}))
			out := unwrapped(ws.must("plan", "-no-color"))
			warned := strings.Contains(strings.ReplaceAll(out, "Warning: Provider development overrides", ""), "Warning: ")
			if warned != (c.says != "") || !strings.Contains(out, c.says) || strings.Contains(out, strings.ToUpper(id)) {
				t.Errorf("the plan printed %s", out)
			}
		})
	}
}

// TestAccOAuth2Preset: for Microsoft, the tenant is sufficient. Neither Microsoft's token endpoint nor its mail server is contacted.
func TestAccOAuth2Preset(t *testing.T) {
	t.Parallel()
	tb := newTokenTestbed(t)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config: tb.config(arguments{
				"preset": hcl("microsoft365"), "host": "", "port": "", "encryption": "", "password_wo": "", "password_wo_version": "", "enabled": "false",
				"oauth2": `{ tenant = "client.example", client_id = "app", client_secret_wo = "s", client_secret_wo_version = 1 }`,
			}),
			ConfigPlanChecks: preApply(),
			ConfigStateChecks: []statecheck.StateCheck{
				expect{tb: tb.testbed, site: "only", host: "smtp.office365.com", wrote: testAndSave[1:]},
			},
		}},
	})
	got := tb.state("only").Settings
	if got.TokenURL != "https://login.microsoftonline.com/client.example/oauth2/v2.0/token" || got.Scopes != "https://outlook.office365.com/.default" || got.Grant != site.ClientCredentials {
		t.Errorf("got saved settings %+v", got)
	}
}

// TestAccOAuth2Grants: the presets' defaults for the other grants. Neither Microsoft nor Google is contacted.
func TestAccOAuth2Grants(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ preset, oauth2, tokenURL, scopes string }{
		"Google":         {"gmail", `{ grant = "refresh_token", client_id = "app", client_secret_wo = "s", client_secret_wo_version = 1, refresh_token_wo = "r", refresh_token_wo_version = 1 }`, "https://oauth2.googleapis.com/token", "https://mail.google.com/"},
		"Microsoft":      {"microsoft365", `{ grant = "refresh_token", tenant = "common", client_id = "app", refresh_token_wo = "r", refresh_token_wo_version = 1 }`, "https://login.microsoftonline.com/common/oauth2/v2.0/token", "https://outlook.office.com/SMTP.Send offline_access"},
		"Outlook":        {"outlook", `{ grant = "refresh_token", client_id = "app", refresh_token_wo = "r", refresh_token_wo_version = 1 }`, "https://login.microsoftonline.com/consumers/oauth2/v2.0/token", "https://outlook.office.com/SMTP.Send offline_access"},
		"ServiceAccount": {"google-workspace", `{ grant = "jwt_bearer", client_id = "app", private_key_wo = ` + hcl(serviceKey(t)) + `, private_key_wo_version = 1 }`, "https://oauth2.googleapis.com/token", "https://mail.google.com/"},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTokenTestbed(t)
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{{
					Config: tb.config(arguments{
						"preset": hcl(c.preset), "host": "", "port": "", "encryption": "", "password_wo": "", "password_wo_version": "", "enabled": "false", "oauth2": c.oauth2,
					}),
					ConfigPlanChecks: preApply(),
				}},
			})
			if got := tb.state("only").Settings; got.TokenURL != c.tokenURL || got.Scopes != c.scopes {
				t.Errorf("got saved settings %+v", got)
			}
		})
	}
}

func serviceKey(t *testing.T) string {
	t.Helper()
	_, key, err := oauthtest.Account()
	if err != nil {
		t.Fatal(err)
	}
	return key.Reveal()
}

// TestAccOAuth2RefreshToken: the token endpoint replaces the refresh token at each use, and neither a test nor an apply uses up
// what the configuration says; rotation by either version; drift; import.
func TestAccOAuth2RefreshToken(t *testing.T) {
	t.Parallel()
	tb := newTokenTestbed(t)
	allow := func(secretText string) {
		tb.tokens.SetApp("app", oauthtest.App{Secret: secret.New(secretText), Mailboxes: []string{mailbox}, Rotates: true})
	}
	allow(clientSecret)
	first, second := tb.tokens.Consent("app", mailbox).Reveal(), tb.tokens.Consent("app", mailbox).Reveal()
	login := func(token string, tokenVersion int, clientSecret string, secretVersion int, more ...arguments) string {
		return tb.config(append([]arguments{{"password_wo": "", "password_wo_version": "", "oauth2": fmt.Sprintf(
			"{\n    grant = \"refresh_token\"\n    token_url = %q\n    scopes = [%q]\n    client_id = \"app\"\n    client_secret_wo = %q\n    client_secret_wo_version = %d\n    refresh_token_wo = %q\n    refresh_token_wo_version = %d\n  }",
			tb.tokens.URL(), oauthtest.Scope, clientSecret, secretVersion, token, tokenVersion)}}, more...)...)
	}
	on := func(messages int) []statecheck.StateCheck {
		return []statecheck.StateCheck{expect{tb: tb.testbed, site: "only", enabled: true, host: tb.smtp.Host(), messages: messages, wrote: testAndSave}}
	}
	tested := preApply(willTest(plancheck.ResourceActionUpdate)...)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: login(first, 1, clientSecret, 1), ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionCreate)...), ConfigStateChecks: append(on(1),
				statecheck.ExpectKnownValue(settings, tfjsonpath.New("oauth2").AtMapKey("refresh_token_wo"), knownvalue.Null()))},
			// The configured token has been replaced, but still works.
			{Config: login(first, 1, clientSecret, 1, arguments{"from_name": hcl("Client A")}), ConfigPlanChecks: tested, ConfigStateChecks: on(2)},
			{PreConfig: func() { allow("rotated") }, Config: login(first, 1, "rotated", 2, arguments{"from_name": hcl("Client A")}), ConfigPlanChecks: tested, ConfigStateChecks: on(3)},
			{Config: login(second, 2, "rotated", 2), ConfigPlanChecks: tested, ConfigStateChecks: on(4)},
			{
				PreConfig:   func() { tb.tokens.Revoke("app") },
				Config:      login(second, 3, "rotated", 2),
				ExpectError: regexp.MustCompile(`(?s)refresh token or key is no longer valid.*AADSTS70008.*refresh_token_wo`),
			},
			{
				PreConfig: func() {
					expect{tb: tb.testbed, site: "only", enabled: true, host: tb.smtp.Host(), messages: 4, wrote: testAndSave[:1]}.now()
					tb.edit("only", func(s *site.SaveRequest) { s.Password, s.Enabled = secret.New("somebody's"), false })
					second = tb.tokens.Consent("app", mailbox).Reveal()
				},
				RefreshState: true, ExpectNonEmptyPlan: true,
			},
			{
				ResourceName: settings, ImportState: true, ImportStateId: "default", ImportStateVerify: true,
				ImportStateVerifyIgnore: []string{"oauth2.client_secret_wo_version", "oauth2.refresh_token_wo_version", "overwrite_existing", "on_destroy"},
			},
		},
	})
}

// TestAccOAuth2ServiceAccount: a service account signs for the mailbox; its key is replaced by version.
func TestAccOAuth2ServiceAccount(t *testing.T) {
	t.Parallel()
	tb := newTokenTestbed(t)
	account, key, err := oauthtest.Account(mailbox)
	if err != nil {
		t.Fatal(err)
	}
	tb.tokens.SetApp("mailer@project.example", account)
	login := func(version int) string {
		return tb.config(arguments{"password_wo": "", "password_wo_version": "", "oauth2": fmt.Sprintf(
			"{\n    grant = \"jwt_bearer\"\n    token_url = %q\n    scopes = [%q]\n    client_id = \"mailer@project.example\"\n    private_key_wo = %s\n    private_key_wo_version = %d\n  }",
			tb.tokens.URL(), oauthtest.Scope, hcl(key.Reveal()), version)})
	}
	on := func(messages int) []statecheck.StateCheck {
		return []statecheck.StateCheck{expect{tb: tb.testbed, site: "only", enabled: true, host: tb.smtp.Host(), messages: messages, wrote: testAndSave}}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: login(1), ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionCreate)...), ConfigStateChecks: on(1)},
			{Config: login(2), ConfigPlanChecks: preApply(willTest(plancheck.ResourceActionUpdate)...), ConfigStateChecks: on(2)},
			{
				PreConfig:   func() { tb.tokens.SetApp("mailer@project.example", oauthtest.App{Key: account.Key}) },
				Config:      login(3),
				ExpectError: regexp.MustCompile(`(?s)token endpoint rejected the application.*401 unauthorized_client:\s+Client\s+is`),
			},
		},
	})
}

// TestAccOAuth2NeedsTheSite: nothing about a token login is sent to a site that does not report support for it, or for this grant.
func TestAccOAuth2NeedsTheSite(t *testing.T) {
	t.Parallel()
	tb := newTokenTestbed(t)
	without := func(member string) func() {
		old := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				recorded := httptest.NewRecorder()
				next.ServeHTTP(recorded, r)
				var body map[string]any
				if json.Unmarshal(recorded.Body.Bytes(), &body) == nil {
					delete(body, member)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(recorded.Code)
				_ = json.NewEncoder(w).Encode(body)
			})
		}
		return func() { tb.tamper.Store(&old) }
	}
	refresh := fmt.Sprintf("{\n    grant = \"refresh_token\"\n    token_url = %q\n    client_id = \"app\"\n    refresh_token_wo = \"r\"\n    refresh_token_wo_version = 1\n  }", tb.tokens.URL())
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{
				PreConfig: without("auth_methods"), Config: tb.config(tb.login(clientSecret, 1)), PlanOnly: true,
				ExpectError: regexp.MustCompile(`(?s)Site cannot do this.*only\s+with\s+a\s+password`),
			},
			{
				PreConfig: without("grants"), Config: tb.config(tb.login(clientSecret, 1), arguments{"oauth2": refresh}), PlanOnly: true,
				ExpectError: regexp.MustCompile(`(?s)Site cannot do this.*grant\s+"refresh_token",\s+only\s+"client_credentials"`),
			},
		},
	})
	expect{tb: tb.testbed, site: "only"}.now()
	if got := tb.tokens.Requests(); len(got) != 0 {
		t.Errorf("got token requests %+v", got)
	}
}

// TestOAuth2SecretsStayOut: neither the secret nor a token is in the state, in the plan, or in what Terraform prints.
func TestOAuth2SecretsStayOut(t *testing.T) {
	tb := newTokenTestbed(t)
	ws := newWorkspace(t, tb.config(tb.login(clientSecret, 1)))
	out, ok := ws.run("apply", "-auto-approve", "-no-color")
	if !ok {
		t.Fatal(out)
	}
	tb.tokens.SetApp("app", oauthtest.App{Secret: secret.New(clientSecret)})
	ws.configure(tb.config(tb.login(clientSecret, 2)))
	failed, ok := ws.run("apply", "-auto-approve", "-no-color")
	if ok || !strings.Contains(failed, "535") {
		t.Errorf("got %s", failed)
	}
	state, _ := ws.run("state", "pull")
	secrets := map[string]string{"client secret": clientSecret}
	for i, token := range tb.tokens.Tokens() {
		secrets[fmt.Sprintf("token %d", i)] = token.Reveal()
	}
	for name, value := range secrets {
		if strings.Contains(out+failed+state, value) {
			t.Errorf("I8: the output or the state shows the %s", name)
		}
	}
}

// TestActionSendTestWithToken tests a login with a token without saving it.
func TestActionSendTestWithToken(t *testing.T) {
	tb := newTokenTestbed(t)
	p := startProtocol(t, tb.testbed)
	candidate := func(secret string) map[string]any {
		return map[string]any{
			"host": tb.smtp.Host(), "port": tb.smtp.Port(), "encryption": "starttls", "username": mailbox,
			"oauth2": map[string]any{"token_url": tb.tokens.URL(), "scopes": tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, []tftypes.Value{tftypes.NewValue(tftypes.String, oauthtest.Scope)}), "client_id": "app", "client_secret_wo": secret},
		}
	}
	progress, failure := p.invoke(candidate(clientSecret))
	if failure != "" || !strings.Contains(strings.Join(progress, "\n"), "passed token") {
		t.Errorf("got progress %q and failure %q", progress, failure)
	}
	if _, failure := p.invoke(candidate("wrong")); !strings.Contains(failure, "AADSTS7000215") {
		t.Errorf("got failure %q", failure)
	}
	if state := tb.state("only"); !state.Settings.IsZero() || len(tb.smtp.Messages()) != 1 {
		t.Errorf("got saved settings %+v", state.Settings)
	}
}

// TestAccOneWrongClientSecretOfManySites: a wrong client secret is tried only a few times, not once per site.
func TestAccOneWrongClientSecretOfManySites(t *testing.T) {
	t.Parallel()
	names := make([]string, 8)
	for i := range names {
		names[i] = fmt.Sprintf("client-%d", i)
	}
	tokens := oauthtest.Start(t)
	tb := tokenTestbed{newTestbed(t, smtptest.Config{CheckToken: tokens.Check}, names...), tokens}
	tb.setSecret(clientSecret)
	every := "variable \"clients\" {\n  type    = set(string)\n  default = [\"" + strings.Join(names, `", "`) + "\"]\n}\n"
	config := func(secret string) string {
		return every + tb.provider() + tb.resource(tb.login(secret, 1), arguments{"for_each": "var.clients", "site": "each.key"})
	}
	ws := newWorkspace(t, config("the id of the secret"))
	out, ok := ws.run("apply", "-auto-approve", "-no-color")
	if ok || len(tokens.Requests()) > 3 {
		t.Errorf("got %d requests, succeeded: %t", len(tokens.Requests()), ok)
	}
	if got := strings.Count(out, "Token endpoint refused this client before"); got != len(names)-3 || !strings.Contains(unwrapped(out), "AADSTS7000215") {
		t.Errorf("got %d of %d sites that were not tried, want all but 3:\n%s", got, len(names), out)
	}
	ws.configure(config(clientSecret))
	ws.must("apply", "-auto-approve")
	for _, name := range names {
		if !tb.state(name).Enabled {
			t.Errorf("mail of %s is off", name)
		}
	}
}
