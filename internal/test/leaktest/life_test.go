package leaktest_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/ses"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/leaktest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The mail passwords; encoders change them in every way.
const (
	firstPassword = `grackle "1" Zü%&<+'/ nest`
	nextPassword  = `heron {2} Ößt\ &= pond`
	wrongPassword = `ibis <3> $HOME ;é reeds`
	// pagePassword is typed at the admin page, keptPassword is the argument password, which Terraform stores.
	pagePassword = `jackdaw [4] "ñ" + steeple`
	keptPassword = `kestrel /5/ 'å' % meadow`
	// inboxPassword is that of the mailbox in which the test messages of one site are looked for.
	inboxPassword = `lapwing |6| "ø" ^ marsh`
	// inboxClientSecret is the secret of the application that gets tokens for it.
	inboxClientSecret = `merlin ~7~ "ç" @ moor`
	// clientSecret accompanies a refresh token.
	clientSecret = `magpie ~7~ "ü" : hedge`

	secretAccessKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	accessKeyID     = "AKIAIOSFODNN7EXAMPLE"
	region          = "eu-central-1"
)

const config = `
terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

variable "url" { type = string }
variable "authority" { type = string }
variable "inbox_authority" { type = string }
variable "inbox_by_token" { type = bool }
variable "port" { type = number }
variable "encryption" { type = string }
variable "version_of_password" { type = number }
variable "oauth_port" { type = number }
variable "oauth_encryption" { type = string }
variable "version_of_token" { type = number }
%s
variable "kept_password" {
  type      = string
  sensitive = true
}

provider "smtp" {
  test_recipient     = "ops@example.test"
  ca_certificate     = var.authority
  client_certificate = var.client_certificate
  test_inbox = {
    host           = "localhost"
    port           = %[3]d
    password       = var.inbox_by_token ? null : var.inbox_password
    oauth2 = var.inbox_by_token ? {
      token_url     = "%[4]s"
      scopes        = ["` + oauthtest.Scope + `"]
      client_id     = "inbox"
      client_secret = var.inbox_client_secret
    } : null
    ca_certificate = var.inbox_authority
  }
  sites = {
    "token" = { url = "${var.url}/token", token = var.api_token }
    "login" = { url = "${var.url}/login", username = "admin", password = var.admin_password }
    "ses"   = { url = "${var.url}/ses", token = var.ses_token }
    "oauth" = { url = "${var.url}/oauth", token = var.oauth_token }
  }
}

resource "smtp_settings" "token" {
  site                = "token"
  host                = "127.0.0.1"
  port                = var.port
  encryption          = var.encryption
  username            = "token@example.com"
  password_wo         = var.mail_password
  password_wo_version = var.version_of_password
  test                = { require = "delivered" }
  on_destroy          = "clear"
}

resource "smtp_settings" "login" {
  site       = "login"
  host       = "127.0.0.1"
  port       = %[2]d
  encryption = "starttls"
  username   = "login@example.com"
  password   = var.kept_password
  on_destroy = "clear"
}

resource "smtp_settings" "oauth" {
  site       = "oauth"
  host       = "127.0.0.1"
  port       = var.oauth_port
  encryption = var.oauth_encryption
  username   = "oauth@example.com"
  on_destroy = "clear"
  oauth2 = {
    grant                    = "refresh_token"
    token_url                = %[4]q
    scopes                   = [%[5]q]
    client_id                = "app"
    client_secret_wo         = var.client_secret
    client_secret_wo_version = 1
    refresh_token_wo         = var.refresh_token
    refresh_token_wo_version = var.version_of_token
  }
}

ephemeral "smtp_ses_password" "ses" {
  secret_access_key = var.secret_access_key
  region            = "` + region + `"
}

resource "smtp_settings" "ses" {
  site                = "ses"
  host                = "127.0.0.1"
  port                = %[2]d
  encryption          = "starttls"
  username            = "` + accessKeyID + `"
  from_address        = "ses@example.com"
  password_wo         = ephemeral.smtp_ses_password.ses.password
  password_wo_version = 1
  on_destroy          = "clear"
}

output "all" {
  value     = [smtp_settings.token, smtp_settings.ses]
  sensitive = true
}
`

// TestR30NoSecretShows lives whole lives with everything logged (R7, R28, R29, I8), until there is enough to look through.
// TF_LOG_SDK_PROTO_DATA_DIR is not set, because it logs complete messages between Terraform and a provider.
func TestR30NoSecretShows(t *testing.T) {
	w := newTestbed(t)
	w.confide()
	random, searched, lives := soaktest.Random(t), 0, 0
	for ; searched < soaktest.Count(50)<<20 && !t.Failed(); lives++ {
		w.live()
		w.keepAll()
		secrets := w.allSecrets()
		scanner := leaktest.New(secrets)
		searched += scanner.Search(t, random, w.sinks)
		checkSees(t, scanner, w.sinks)
		t.Logf("life %d: %d secrets in %d things, %.1f MB in all", lives, len(secrets), len(w.sinks), float64(searched)/(1<<20))
		w.sinks = nil
	}
	if w.certificates == 0 {
		t.Error("no request presented the client certificate")
	}
}

// checkSees checks that the search finds secrets where they are allowed: in the state, and in the compressed plan.
func checkSees(t *testing.T, scanner *leaktest.Scanner, sinks []leaktest.Sink) {
	t.Helper()
	for _, want := range []struct{ sink, form string }{{"terraform.tfstate", "plain"}, {"saved.tfplan", "plain in tfplan"}} {
		seen := false
		for _, sink := range sinks {
			seen = seen || sink.Name == want.sink && slices.ContainsFunc(scanner.Find(sink.Data), func(l leaktest.Leak) bool {
				return l.Secret == "password in the state" && l.Form == want.form
			})
		}
		if !seen {
			t.Errorf("did not find the password in %s, which holds it by design", want.sink)
		}
	}
}

// confide gives the mail server and the plan their secrets.
func (w *testbed) confide() {
	maps.Copy(w.secrets, map[string]string{
		"mail password": nextPassword, "previous password": firstPassword, "wrong password": wrongPassword, "password at the page": pagePassword,
		"password in the state": keptPassword, "secret access key": secretAccessKey, "password of the test inbox": inboxPassword,
		"client secret": clientSecret, "client secret of the test inbox": inboxClientSecret,
		"password of SES": ses.Password(secret.New(secretAccessKey), region).Reveal(),
	})
	w.byDesign = []string{"password in the state"}
	w.mail.SetUser("login@example.com", secret.New(keptPassword))
	w.mail.SetUser("page@example.com", secret.New(pagePassword))
	w.mail.SetUser(accessKeyID, ses.Password(secret.New(secretAccessKey), region))
	w.variables = map[string]string{
		"url": w.front.URL, "authority": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.front.Certificate().Raw})),
		"client_certificate": w.client, "api_token": w.secrets["API token of token"], "ses_token": w.secrets["API token of ses"],
		"admin_password": w.secrets["admin password of login"], "secret_access_key": secretAccessKey, "kept_password": keptPassword,
		"oauth_token": w.secrets["API token of oauth"], "client_secret": clientSecret,
		"inbox_password": inboxPassword, "inbox_authority": string(w.inbox.CAPEM()), "inbox_client_secret": inboxClientSecret,
	}
	var ephemeral strings.Builder
	for _, name := range []string{
		"client_certificate", "api_token", "ses_token", "oauth_token", "admin_password", "secret_access_key", "mail_password",
		"inbox_password", "inbox_client_secret", "client_secret", "refresh_token",
	} {
		fmt.Fprintf(&ephemeral, "variable %q {\n  type = string\n  ephemeral = true\n  sensitive = true\n}\n", name)
	}
	if err := w.workspace.Init(w.t.Context(), fmt.Sprintf(config, ephemeral.String(), w.mail.Port(), w.inbox.Port(), w.endpoint.URL(), oauthtest.Scope)); err != nil {
		w.t.Fatal(err)
	}
}

// wants is the planned configuration of the site "token".
func (w *testbed) wants(password string, version int) {
	w.variables["port"], w.variables["encryption"] = strconv.Itoa(w.mail.Port()), "starttls"
	w.variables["mail_password"], w.variables["version_of_password"] = password, strconv.Itoa(version)
}

// signIn simulates a person who consents again.
func (w *testbed) signIn(version int) {
	w.endpoint.SetApp("app", oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{"oauth@example.com"}, Rotates: true})
	w.variables["oauth_port"], w.variables["oauth_encryption"] = strconv.Itoa(w.mail.Port()), "starttls"
	w.variables["refresh_token"], w.variables["version_of_token"] = w.endpoint.Consent("app", "oauth@example.com").Reveal(), strconv.Itoa(version)
}

// live runs the whole life of the resources.
func (w *testbed) live() {
	w.t.Helper()
	w.variables["inbox_by_token"] = "false"
	w.wants(firstPassword, 1)
	w.signIn(1)
	w.mail.SetUser("token@example.com", secret.New(firstPassword))
	w.must("init", "-reconfigure")
	w.must("plan", "-out=saved.tfplan")
	w.must("show", "-json", "saved.tfplan")
	w.must("apply", "saved.tfplan")

	w.fail("R28_EchoedLogin", "535", func() {
		w.wants(wrongPassword, 2)
		w.variables["port"], w.variables["encryption"] = strconv.Itoa(w.repeating.Port()), "none"
	})
	w.wants(firstPassword, 1)
	w.fail("R28_EchoedToken", "535", func() {
		w.signIn(2)
		w.variables["oauth_port"], w.variables["oauth_encryption"] = strconv.Itoa(w.repeating.Port()), "none"
	})
	w.signIn(2)
	w.fail("R28_EchoingTokenEndpoint", "token endpoint answered 401", func() { w.endpoint.Answer(leaktest.RepeatSecret) })
	w.endpoint.Answer(nil)
	w.must("apply", "-auto-approve")
	w.fail("R28_RefusedLogin", "535", func() { w.wants(wrongPassword, 2) })
	w.wants(nextPassword, 2)
	w.variables["inbox_by_token"] = "true"
	w.fail("R28_RefusedToken", "invalid_client", func() { w.endpoint.Answer(leaktest.RepeatSecret) })
	w.endpoint.Answer(nil)
	w.mail.SetUser("token@example.com", secret.New(nextPassword))
	w.fail("R29_Crash", "SIGQUIT", func() { w.crashOnce() })
	w.must("apply", "-auto-approve")
	w.must("apply", "-refresh-only", "-auto-approve")
	w.must("output", "-json")
	w.must("show", "-json")
	w.must("state", "rm", "smtp_settings.ses")
	w.must("import", "smtp_settings.ses", "ses")
	w.must("plan")
	w.visit()
	w.keepFiles()
	w.must("destroy", "-auto-approve")
}

// fail makes a change, applies, and checks that Terraform reports why that fails.
func (w *testbed) fail(name, says string, change func()) {
	w.t.Helper()
	change()
	out, ok := w.run("apply", "-auto-approve")
	if ok || !strings.Contains(out, says) {
		w.t.Fatalf("%s: succeeded: %t, want an error with %q: %s", name, ok, says, complaint(out))
	}
}

// crashOnce makes the provider crash during the next test, when it holds all secrets. Go then prints all goroutines, as in a panic.
func (w *testbed) crashOnce() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.onTest = func(ctx context.Context) {
		provider, err := w.workspace.Provider()
		if err == nil {
			err = provider.Signal(syscall.SIGQUIT)
		}
		if err != nil {
			w.t.Error(err)
		}
		<-ctx.Done()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.onTest = nil
	}
}

// visit does at the admin page what Terraform does.
func (w *testbed) visit() {
	w.t.Helper()
	b := w.browser("page")
	b.open()
	b.submit("/login", url.Values{"username": {"admin"}, "password": {wrongPassword}})
	b.submit("/login", url.Values{"username": {"admin"}, "password": {w.secrets["admin password of page"]}})
	if !strings.Contains(b.page, "Outgoing mail") {
		w.t.Fatalf("the login failed: %s", b.page)
	}
	settings := func(host string, port int, encryption string) url.Values {
		return url.Values{
			"host": {host}, "port": {strconv.Itoa(port)}, "encryption": {encryption}, "username": {"page@example.com"}, "password": {pagePassword},
			"from_address": {"page@example.com"}, "recipient": {"ops@example.test"},
		}
	}
	b.submit("/save", settings("", 0, "?")) // refused: the form is shown again
	for _, s := range []url.Values{
		settings(w.repeating.Host(), w.repeating.Port(), "none"), settings(w.mail.Host(), w.mail.Port(), "starttls"),
	} {
		b.submit("/save", s)
		b.open()
		b.submit("/test", s)
		b.open()
	}
	b.submit("/switch", url.Values{"enabled": {"true"}})
	b.open()
	if !strings.Contains(b.page, "Successfully sent") && !strings.Contains(b.page, "passed") {
		w.t.Errorf("no test passed: %s", b.page)
	}
	b.submit("/logout", url.Values{})
}

// keepAll collects what is left at the end of a life.
func (w *testbed) keepAll() {
	w.t.Helper()
	w.keepFiles()
	data, err := os.ReadFile(w.files.Data)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	answers := w.answers.String()
	w.answers.Reset()
	w.mu.Unlock()
	var messages strings.Builder
	for _, m := range w.mail.Messages() {
		messages.Write(m.Data)
	}
	for name, content := range map[string]string{
		"data file": string(data), "log of the site": w.site.Log(), "answers": answers, "test messages": messages.String(),
	} {
		w.sinks = append(w.sinks, leaktest.Sink{Name: name, Data: []byte(content)})
	}
}

// allSecrets returns the planted secrets and those that were issued.
func (w *testbed) allSecrets() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, token := range w.sessions {
		w.secrets[fmt.Sprint("session token ", i)] = token
	}
	for i, token := range w.endpoint.Tokens() {
		w.secrets[fmt.Sprint("access token ", i)] = token.Reveal()
		w.secrets[fmt.Sprint("signature of access token ", i)] = token.Reveal()[strings.LastIndexByte(token.Reveal(), '.')+1:]
	}
	for i, token := range w.endpoint.RefreshTokens() {
		w.secrets[fmt.Sprint("refresh token ", i)] = token.Reveal()
	}
	return w.secrets
}
