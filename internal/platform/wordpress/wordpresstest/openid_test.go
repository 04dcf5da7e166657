//go:build linux && wordpress

package wordpresstest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestApplyWithToken applies a login with a token to a site, with zitadel/oidc as the token server: a test and a save, a rotated secret,
// and failures that leave the site's mail unchanged. The site's own mail is then sent with a token too.
func TestApplyWithToken(t *testing.T) {
	tokens := oauthtest.StartOpenID(t)
	c := startWith(t, smtptest.Config{CheckToken: tokens.Check})
	allow := func(clientSecret string, mailboxes ...string) {
		t.Helper()
		if err := tokens.SetApp(clientID, oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: mailboxes}); err != nil {
			t.Fatal(err)
		}
	}
	ws := workspace(t, fmt.Sprintf(`
provider "smtp" {
  url            = %q
  platform       = "wordpress"
  username       = %q
  password       = %q
  test_recipient = %q
}
resource "smtp_settings" "site" {
  host       = %q
  port       = %d
  encryption = "starttls"
  username   = %q
  oauth2 = {
    token_url                = %q
    scopes                   = [%q]
    client_id                = %q
    client_secret_wo         = var.client_secret
    client_secret_wo_version = var.secret_version
  }
}
variable "client_secret" {
  type      = string
  ephemeral = true
}
variable "secret_version" { type = number }
`, c.URL, c.Username, c.Password.Reveal(), recipient, c.mail.Host(), c.mail.Port(), mailer, tokens.URL(), oauthtest.Scope, clientID))
	apply := func(clientSecret string, version int) (string, error) {
		cmd := ws.Command(t.Context(), "apply", "-auto-approve", "-no-color")
		cmd.Env = append(cmd.Env, "TF_VAR_client_secret="+clientSecret, fmt.Sprintf("TF_VAR_secret_version=%d", version))
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), canary) {
			t.Errorf("the apply shows a secret:\n%s", out)
		}
		return string(out), err
	}
	passes := func(clientSecret string, version int) {
		t.Helper()
		c.messages(1, func() {
			if out, err := apply(clientSecret, version); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
	fails := func(clientSecret string, version int, says string) {
		t.Helper()
		before := c.read().raw
		c.messages(0, func() {
			if out, err := apply(clientSecret, version); err == nil || !strings.Contains(out, says) {
				t.Errorf("want %q:\n%s", says, out)
			}
		})
		equal(t, c.read().raw, before)
	}
	first, second := canary+"-first", canary+"-second"
	allow(first, mailer)
	passes(first, 1)
	read := c.read().object
	equal(t, read["enabled"], any(true))
	equal(t, read["settings"].(object)["grant"], any("client_credentials"))
	fails(canary+"-wrong", 2, "401 invalid_client")
	allow(second, mailer)
	passes(second, 3)
	c.messages(1, func() { equal(t, c.Eval(t, send), "sent") })
	allow(second)
	fails(second, 4, "535")
}
