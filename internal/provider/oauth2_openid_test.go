package provider_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestAccOAuth2OpenID tries each grant at zitadel/oidc. The mail server verifies the tokens with the published keys. After each failed
// apply, the site's mail is unchanged.
func TestAccOAuth2OpenID(t *testing.T) {
	t.Parallel()
	tokens := oauthtest.StartOpenID(t)
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	account, key, err := oauthtest.Account(mailbox)
	do(err)
	apply := func(t *testing.T, grant string, steps func(tb *testbed, login func(secrets string) string, on func(messages int) []statecheck.StateCheck) []resource.TestStep) {
		t.Helper()
		tb := newTestbed(t, smtptest.Config{CheckToken: tokens.Check}, "only")
		login := func(secrets string) string {
			return tb.config(arguments{"password_wo": "", "password_wo_version": "", "oauth2": fmt.Sprintf(
				"{\n    grant = %q\n    token_url = %q\n    scopes = [%q]\n    client_id = \"app\"\n    %s\n  }", grant, tokens.URL(), oauthtest.Scope, secrets)})
		}
		on := func(messages int) []statecheck.StateCheck {
			return []statecheck.StateCheck{expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: messages, wrote: testAndSave}}
		}
		resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps(tb, login, on)})
	}
	still := func(tb *testbed, messages int) {
		expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: messages, wrote: testAndSave[:1]}.now()
	}
	t.Run("ClientCredentials", func(t *testing.T) {
		app := func(value string, mailboxes ...string) {
			do(tokens.SetApp("app", oauthtest.App{Secret: secret.New(value), Mailboxes: mailboxes}))
		}
		with := func(value string, version int) string {
			return fmt.Sprintf("client_secret_wo = %q\n    client_secret_wo_version = %d", value, version)
		}
		app(clientSecret, mailbox)
		apply(t, "client_credentials", func(tb *testbed, login func(string) string, on func(int) []statecheck.StateCheck) []resource.TestStep {
			return []resource.TestStep{
				{Config: login(with(clientSecret, 1)), ConfigStateChecks: on(1)},
				{Config: login(with("wrong", 2)), ExpectError: regexp.MustCompile(`(?s)rejected the client secret.*401\s+invalid_client`)},
				{
					PreConfig: func() { still(tb, 1); app("rotated", mailbox) },
					Config:    login(with("rotated", 3)), ConfigStateChecks: on(2),
				},
				{PreConfig: func() { app("rotated") }, Config: login(with("rotated", 4)), ExpectError: regexp.MustCompile(`535`)},
				{
					PreConfig:   func() { still(tb, 2); app("rotated", mailbox); do(tokens.SetLifetime(-time.Minute)) },
					Config:      login(with("rotated", 5)),
					ExpectError: regexp.MustCompile(`535`),
				},
				{
					PreConfig: func() { still(tb, 2); do(tokens.SetLifetime(time.Hour)) },
					Config:    login(with("rotated", 6)), ConfigStateChecks: on(3),
				},
			}
		})
	})
	t.Run("RefreshToken", func(t *testing.T) {
		do(tokens.SetApp("app", oauthtest.App{Secret: secret.New(clientSecret)}))
		do(tokens.Consent("app", mailbox, secret.New("rt-first")))
		do(tokens.Consent("app", mailbox, secret.New("rt-second")))
		with := func(clientSecret, token string, version int) string {
			return fmt.Sprintf("client_secret_wo = %q\n    client_secret_wo_version = %d\n    refresh_token_wo = %q\n    refresh_token_wo_version = %[2]d", clientSecret, version, token)
		}
		apply(t, "refresh_token", func(tb *testbed, login func(string) string, on func(int) []statecheck.StateCheck) []resource.TestStep {
			return []resource.TestStep{
				{Config: login(with(clientSecret, "rt-first", 1)), ConfigStateChecks: on(1)},
				// The first test used up the configured token; from then on the site uses its successor.
				{Config: login(with(clientSecret, "rt-first", 2)), ConfigStateChecks: on(2)},
				{Config: login(with(clientSecret, "rt-second", 3)), ConfigStateChecks: on(3)},
				{Config: login(with(clientSecret, "rt-revoked", 4)), ExpectError: regexp.MustCompile(`(?s)refresh token or key is no longer valid.*400\s+invalid_grant`)},
				{
					PreConfig:   func() { still(tb, 3) },
					Config:      login(with("wrong", "rt-second", 5)),
					ExpectError: regexp.MustCompile(`401\s+invalid_client`),
				},
			}
		})
	})
	t.Run("ServiceAccount", func(t *testing.T) {
		do(tokens.SetApp("app", account))
		with := func(version int) string {
			return fmt.Sprintf("private_key_wo = %s\n    private_key_wo_version = %d", hcl(key.Reveal()), version)
		}
		apply(t, "jwt_bearer", func(tb *testbed, login func(string) string, on func(int) []statecheck.StateCheck) []resource.TestStep {
			return []resource.TestStep{
				{Config: login(with(1)), ConfigStateChecks: on(1)},
				{
					PreConfig: func() {
						do(tokens.SetApp("app", oauthtest.App{Key: account.Key, Mailboxes: []string{"other@example.com"}}))
					},
					Config:      login(with(2)),
					ExpectError: regexp.MustCompile(`unauthorized_client`),
				},
				{
					PreConfig: func() { still(tb, 1); do(tokens.SetApp("app", account)) },
					Config:    login(with(3)), ConfigStateChecks: on(2),
				},
			}
		})
	})
}
