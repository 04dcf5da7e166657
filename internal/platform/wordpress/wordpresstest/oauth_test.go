//go:build linux && wordpress

package wordpresstest_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const clientID = "6731de76-14a6-49ae-97bc-6eba6914391e"

// startWithTokens returns a site, a token endpoint that knows an application, whose secret is the client's password, and a mail server
// that believes the endpoint's tokens.
func startWithTokens(t *testing.T, config smtptest.Config) (*client, *oauthtest.Server) {
	t.Helper()
	tokens := oauthtest.Start(t)
	config.CheckToken = tokens.Check
	c := startWith(t, config)
	tokens.SetApp(clientID, oauthtest.App{Secret: secret.New(c.password), Mailboxes: []string{mailer}})
	return c, tokens
}

// withToken returns the settings of a login with a token.
func withToken(tokens *oauthtest.Server) object {
	return object{"grant": "client_credentials", "token_url": tokens.URL(), "client_id": clientID, "scopes": oauthtest.Scope}
}

func TestLoginWithAToken(t *testing.T) {
	for name, mechanisms := range map[string][]string{
		"Microsoft":   {sasl.Login, "XOAUTH2"},
		"OAUTHBEARER": {sasl.OAuthBearer, sasl.Plain},
	} {
		t.Run(name, func(t *testing.T) {
			c, tokens := startWithTokens(t, smtptest.Config{Mechanisms: mechanisms})
			got := c.mustTest(withToken(tokens), "passed", "data")
			equal(t, got.object["stages"].([]any)[0].(object)["stage"], any("token"))
			asked := tokens.Requests()
			if len(asked) != 1 || asked[0].Grant != "client_credentials" || asked[0].ClientID != clientID || asked[0].Scope != oauthtest.Scope || asked[0].Secret.Reveal() != c.password {
				t.Errorf("got token requests %+v", asked)
			}
			saved := c.put(object{"settings": c.settings(withToken(tokens)), "password": c.password, "enabled": true}).want(t, http.StatusOK, "")
			settings := saved.object["settings"].(object)
			for name, want := range withToken(tokens) {
				equal(t, settings[name], want)
			}
			equal(t, saved.object["auth_methods"], any([]any{"password", "oauth2"}))
			c.messages(2, func() { c.Eval(t, plain+plain) })
			sent := c.mail.Messages()
			equal(t, sent[len(sent)-1].User, mailer)
		})
	}
}

// TestTokensAreKept: mail does not wait for the token endpoint each time, and a test never uses a kept token.
func TestTokensAreKept(t *testing.T) {
	c, tokens := startWithTokens(t, smtptest.Config{})
	c.enable(withToken(tokens))
	asks := func(t *testing.T, want int, do func()) {
		t.Helper()
		before := len(tokens.Requests())
		do()
		if got := len(tokens.Requests()) - before; got != want {
			t.Errorf("asked for %d tokens, want %d", got, want)
		}
	}
	mails := func() { c.messages(1, func() { equal(t, c.Eval(t, send), "sent") }) }
	asks(t, 1, mails)
	asks(t, 0, mails)
	asks(t, 1, func() { c.mustTest(withToken(tokens), "passed", "data") })
	asks(t, 1, func() { c.test(object{"recipient": recipient}).want(t, http.StatusOK, "") })
	asks(t, 0, mails)
	t.Run("IsReusedUntilFiveMinutesBeforeItExpires", func(t *testing.T) {
		c.later(54 * time.Minute)
		asks(t, 0, mails)
		c.later(56 * time.Minute)
		asks(t, 1, mails)
		c.configure(t, "")
	})
	t.Run("IsSealedAndBoundToTheSettings", func(t *testing.T) {
		row := c.Eval(t, `echo SiteSMTP\Store::get("site_smtp_access_token");`)
		given := tokens.Tokens()
		if last := given[len(given)-1].Reveal(); !strings.Contains(row, `"sealed"`) || strings.Contains(row, last[:20]) {
			t.Error("the row holds the token in plain text")
		}
		equal(t, c.Eval(t, `
$settings = SiteSMTP\Site::read()->settings;
$secret = SiteSMTP\Site::read()->password;
$other = clone $settings;
$other->host = "192.0.2.1";
foreach (array(array($settings, $secret), array($other, $secret), array($settings, new SiteSMTP\Secret("x"))) as $of) {
	echo null === SiteSMTP\TokenEndpoint::kept(...$of) ? "no " : "yes ";
}`), "yes no no ")
	})
	t.Run("RefusedTokenIsFetchedAgain", func(t *testing.T) {
		// The kept one is not the endpoint's any more.
		c.Eval(t, `
$settings = SiteSMTP\Site::read()->settings;
$belongs = new ReflectionMethod("SiteSMTP\TokenEndpoint", "belonging");
$sealed = SiteSMTP\Keys::seal(new SiteSMTP\Secret("revoked"), $belongs->invoke(null, $settings, SiteSMTP\Site::read()->password));
SiteSMTP\Store::change("site_smtp_access_token", fn() => json_encode(array("until" => time() + 3600, "sealed" => $sealed)));`)
		asks(t, 1, mails)
		asks(t, 0, mails)
	})
	t.Run("IsClearedWithTheSettings", func(t *testing.T) {
		c.call(http.MethodDelete, "/smtp", nil, "If-Match", c.etag()).want(t, http.StatusOK, "")
		equal(t, c.Eval(t, `echo SiteSMTP\Store::get("site_smtp_access_token") ?? "none";`), "none")
	})
}

// TestTokensThatAreRefused: the endpoint refuses before any mail server is dialled, or the mail server refuses.
func TestTokensThatAreRefused(t *testing.T) {
	c, tokens := startWithTokens(t, smtptest.Config{})
	fails := func(t *testing.T, changes object, stage, text string) answer {
		t.Helper()
		settings := withToken(tokens)
		maps.Copy(settings, changes)
		got := c.mustTest(settings, "failed", stage)
		if !strings.Contains(got.object["error"].(string), text) {
			t.Errorf("the error does not say %q: %s", text, got.raw)
		}
		return got
	}
	tokens.SetApp(clientID, oauthtest.App{Secret: secret.New("another"), Mailboxes: []string{mailer}})
	got := fails(t, nil, "token", "token endpoint answered 401 invalid_client: AADSTS7000215: Invalid client secret provided.")
	if text := got.object["error"].(string); strings.Contains(text, "Trace ID") || !strings.HasSuffix(text, "(Correlation ID 00000000-0000-4000-8000-000000000002)") {
		t.Errorf("got %s", text)
	}
	equal(t, c.diagnosed(got), "token-secret-wrong")
	tokens.SetApp(clientID, oauthtest.App{Secret: secret.New(c.password), Mailboxes: []string{mailer}})
	fails(t, object{"client_id": "nobody"}, "token", "AADSTS700016")
	fails(t, object{"scopes": "mail"}, "token", "AADSTS1002012")
	fails(t, object{"token_url": fmt.Sprintf("http://127.0.0.1:%d/token", closedPort(t))}, "token", "connection refused")
	fails(t, object{"token_url": "https://nowhere.invalid/token"}, "token", "no such host")
	fails(t, object{"token_url": "https://169.254.169.254/token"}, "token", "address is not public")
	fails(t, object{"token_url": strings.Replace(tokens.URL(), "http:", "https:", 1)}, "token", "tls: ")
	t.Run("ByAFaultyEndpoint", func(t *testing.T) {
		elsewhere := 0
		for text, answer := range map[string]http.HandlerFunc{
			"307: a redirect, which is not followed": func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
				elsewhere++
			},
			"200: not the JSON of a token endpoint, but text/html": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, _ = w.Write([]byte("<p>Sign in</p>"))
			},
			"200: more than 65536 bytes": func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"access_token":"` + strings.Repeat("x", 70000) + `"}`))
			},
			"200: no access token that can be used": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"access_token":"a\r\nb"}`)) },
			"200: a token of another type than Bearer": func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"access_token":"ab","token_type":"mac"}`))
			},
			"200: no refresh token that can be used": func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"access_token":"ab","refresh_token":["cd"]}`))
			},
			"503: not the JSON": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
			"answered 400 invalid_client: wrong: [redacted] and [redacted]": func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusBadRequest)
				said := r.PostFormValue("client_secret")
				_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":"wrong: %s and %s"}`, said, base64.StdEncoding.EncodeToString([]byte(said)))
			},
		} {
			tokens.Answer(answer)
			fails(t, nil, "token", text)
		}
		equal(t, elsewhere, 1)
		tokens.Answer(nil)
	})
	equal(t, c.mail.Counters().Connections, 0)
	t.Run("RefusedByTheMailServer", func(t *testing.T) {
		tokens.SetApp(clientID, oauthtest.App{Secret: secret.New(c.password)})
		got := fails(t, nil, "auth", smtptest.TokenRefusal)
		reply := got.object["reply"].(object)
		if reply["code"] != 535.0 || reply["enhanced_code"] != "5.7.8" {
			t.Errorf("got %s", got.raw)
		}
		equal(t, c.mail.Counters().Logins, 1)
	})
	t.Run("ServerWithoutTokenLogins", func(t *testing.T) {
		c, tokens := startWithTokens(t, smtptest.Config{Mechanisms: []string{sasl.Plain, sasl.Login}})
		got := c.mustTest(withToken(tokens), "failed", "auth")
		equal(t, got.object["error"], any("server offers no login with a token, only PLAIN LOGIN"))
	})
}

// TestSettingsOfATokenLogin: invalid settings are refused before anything is dialled.
func TestSettingsOfATokenLogin(t *testing.T) {
	c, tokens := startWithTokens(t, smtptest.Config{})
	for _, wrong := range []struct {
		field   string
		changes object
	}{
		{"grant", object{"grant": "password"}},
		{"grant", object{"grant": ""}},
		{"username", object{"username": ""}},
		{"token_url", object{"token_url": ""}},
		{"token_url", object{"token_url": "http://login.example.com/token"}},
		{"token_url", object{"token_url": "https://user@login.example.com/token"}},
		{"token_url", object{"token_url": "https://login.example.com/token#a"}},
		{"token_url", object{"token_url": "https://login.example.com/to ken"}},
		{"token_url", object{"token_url": "ftp://login.example.com/"}},
		{"client_id", object{"client_id": ""}},
		{"client_id", object{"client_id": "a\r\nb"}},
		{"scopes", object{"scopes": "b a"}},
		{"scopes", object{"scopes": "a  b"}},
		{"scopes", object{"scopes": "a\"b"}},
	} {
		settings := withToken(tokens)
		maps.Copy(settings, wrong.changes)
		body := object{"settings": c.settings(settings), "password": c.password, "enabled": false}
		if wrong.field == "username" {
			delete(body, "password")
		}
		refused := c.put(body).want(t, http.StatusUnprocessableEntity, "invalid")
		equal(t, refused.object["field"], any(wrong.field))
	}
	if asked := tokens.Requests(); len(asked) != 0 {
		t.Errorf("got token requests %+v", asked)
	}
	t.Run("TheProviderLearnsTheGrants", func(t *testing.T) {
		pool := adminapi.NewPool(adminapi.PoolOptions{})
		defer pool.Close()
		opened, err := platform.Open(pool, platform.Config{
			Platform: platform.WordPress, API: adminapi.Config{URL: c.URL, Limits: adminapi.DefaultLimits()},
			Account: adminapi.Account{Username: c.Username, Password: c.Password},
		})
		if err != nil {
			t.Fatal(err)
		}
		if grants, err := opened.(site.TokenLogins).Grants(t.Context()); err != nil || !slices.Equal(grants, site.Grants()) {
			t.Errorf("got %v, %v", grants, err)
		}
	})
}
