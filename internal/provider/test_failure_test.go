package provider_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// opaque returns a site that reports failed tests without a reason.
func opaque(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		var test map[string]any
		if strings.Contains(r.URL.Path, "/tests/") && json.Unmarshal(body, &test) == nil && test["status"] == "failed" {
			maps.Copy(test, map[string]any{"stage": nil, "reply": nil, "diagnosis": nil, "stages": []any{}, "error": "could not send"})
			body, _ = json.Marshal(test)
		}
		maps.Copy(rw.Header(), answer.Header())
		rw.Header().Del("Content-Length")
		rw.WriteHeader(answer.Code)
		_, _ = bytes.NewReader(body).WriteTo(rw)
	})
}

func TestAccExplainsFromHere(t *testing.T) {
	t.Parallel()
	config := func(tb *testbed, localCheck string, overrides ...arguments) string {
		provider := strings.Replace(tb.provider(), "{\n", "{\n  local_check = "+localCheck+"\n", 1)
		return provider + tb.resource(append(overrides, arguments{"encryption": hcl("none")})...)
	}
	for name, c := range map[string]struct {
		overrides  arguments
		localCheck string
		says       string
		logins     int
	}{
		"RefusedLoginSeenFromHere": {overrides: arguments{"password_wo": hcl("wrong")}, localCheck: "true", says: `(?s)could not send.*From this machine to .*535`, logins: 2},
		"NothingWrongFromHere":     {overrides: arguments{"test": `{ recipient = "refused@example.test" }`}, localCheck: "true", says: `(?s)could not send.*accepts the\s+login`, logins: 2},
		"SwitchedOff":              {overrides: arguments{"password_wo": hcl("wrong")}, localCheck: "false", says: `could not send`, logins: 1},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTestbed(t, smtptest.Config{Encryption: site.NoEncryption}, "only")
			tb.smtp.SetFaults(smtptest.Faults{RcptErr: refuse("refused@example.test")})
			tamper := opaque
			tb.tamper.Store(&tamper)
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps:                    []resource.TestStep{{Config: config(tb, c.localCheck, c.overrides), ExpectError: regexp.MustCompile(c.says)}},
			})
			if got := tb.smtp.Counters().Logins; got != c.logins {
				t.Errorf("got %d logins, want %d", got, c.logins)
			}
			if got := len(tb.smtp.Messages()); got != 0 {
				t.Errorf("got %d messages, want 0", got)
			}
		})
	}

	t.Run("NotAfterARefusedLogin", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{Encryption: site.NoEncryption}, "only")
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{{
				Config: config(tb, "true", arguments{"password_wo": hcl("wrong")}), ExpectError: regexp.MustCompile("535"),
			}},
		})
		if got := tb.smtp.Counters().Logins; got != 1 {
			t.Errorf("got %d logins, want 1", got)
		}
	})
}

// TestAccExplainsTokenFromHere does the same for logins with a token. A refresh token is not tried from here: the site uses it, and
// using it may replace it.
func TestAccExplainsTokenFromHere(t *testing.T) {
	t.Parallel()
	const unexplained, tried = "could not send", "tried this from this machine"
	for name, c := range map[string]struct {
		grant, secret string
		permitted     bool
		says          string
		fromHere      bool
		requests      int
	}{
		"WrongSecret":          {"client_credentials", "wrong", true, "AADSTS7000215", true, 2},
		"PermissionMissing":    {"client_credentials", clientSecret, false, "535", true, 2},
		"NothingWrongFromHere": {"client_credentials", clientSecret, true, "accepts the login", true, 2},
		"RefreshToken":         {"refresh_token", clientSecret, true, unexplained, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tokens := oauthtest.Start(t)
			tb := tokenTestbed{newTestbed(t, smtptest.Config{Encryption: site.NoEncryption, CheckToken: tokens.Check}, "only"), tokens}
			tb.smtp.SetFaults(smtptest.Faults{RcptErr: refuse("refused@example.test")})
			app := oauthtest.App{Secret: secret.New(clientSecret), Rotates: true}
			if c.permitted {
				app.Mailboxes = []string{mailbox}
			}
			tokens.SetApp("app", app)
			tamper := opaque
			tb.tamper.Store(&tamper)
			login := fmt.Sprintf("grant = %q, token_url = %q, scopes = [%q], client_id = \"app\", client_secret_wo = %q, client_secret_wo_version = 1", c.grant, tokens.URL(), oauthtest.Scope, c.secret)
			if c.grant == "refresh_token" {
				login += fmt.Sprintf(", refresh_token_wo = %q, refresh_token_wo_version = 1", tokens.Consent("app", mailbox).Reveal())
			}
			ws := newWorkspace(t, tb.config(arguments{
				"encryption": hcl("none"), "password_wo": "", "password_wo_version": "", "oauth2": "{ " + login + " }", "test": `{ recipient = "refused@example.test" }`,
			}))
			out, ok := ws.run("apply", "-auto-approve", "-no-color")
			out = unwrapped(out)
			if ok || !strings.Contains(out, unexplained) || !strings.Contains(out, c.says) || strings.Contains(out, tried) != c.fromHere {
				t.Errorf("the apply printed %s", out)
			}
			if got := len(tokens.Requests()); got != c.requests {
				t.Errorf("%d tokens requested, want %d", got, c.requests)
			}
		})
	}
}
