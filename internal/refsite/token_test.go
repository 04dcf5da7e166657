package refsite_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const clientSecret = "client-secret-7f3a~canary"

// tokenWorld is a testbed with a token endpoint, and a mail server that requires its tokens.
type tokenWorld struct {
	*testbed
	tokens *oauthtest.Server
	mail   *smtptest.Server
}

func startWithTokens(t *testing.T, change ...func(*refsite.Config)) tokenWorld {
	t.Helper()
	tokens := oauthtest.Start(t)
	tokens.SetApp("app", oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{mailer}})
	mail := smtptest.Start(t, smtptest.Config{CheckToken: tokens.Check})
	change = append(change, func(c *refsite.Config) { c.RootCAs = mail.RootCAs() })
	return tokenWorld{start(t, change...), tokens, mail}
}

func (w tokenWorld) settings(changes object) object {
	s := w.testbed.settings(object{
		"host": w.mail.Host(), "port": float64(w.mail.Port()),
		"grant": "client_credentials", "token_url": w.tokens.URL(), "client_id": "app", "scopes": oauthtest.Scope,
	})
	maps.Copy(s, changes)
	return s
}

func (w tokenWorld) enable(c *client) answer {
	w.t.Helper()
	if got := c.test(object{"settings": w.settings(nil), "password": clientSecret, "recipient": recipient}).want(w.t, http.StatusOK, ""); got.object["status"] != "passed" {
		w.t.Fatalf("got %s", got.raw)
	}
	return c.put(object{"settings": w.settings(nil), "password": clientSecret, "enabled": true}).want(w.t, http.StatusOK, "")
}

// TestTokenLogin tests, saves, enables, and tests again after a restart.
func TestTokenLogin(t *testing.T) {
	w := startWithTokens(t)
	c := w.site("client-a")
	on := w.enable(c)
	equal(t, on.object["settings"], any(w.settings(object{"reply_to": ""})))
	if on.object["enabled"] != true || on.object["password_set"] != true {
		t.Errorf("got %s", on.raw)
	}
	if got := w.mail.Messages(); len(got) != 1 || got[0].User != mailer {
		t.Errorf("got %+v", got)
	}
	w.restart(func() {})
	equal(t, c.read().object, on.object)
	// A test of the saved settings fetches a new token, so that a revoked secret is noticed.
	asked := len(w.tokens.Requests())
	if got := c.test(object{"recipient": recipient}).want(t, http.StatusOK, ""); got.object["status"] != "passed" || len(w.tokens.Requests()) != asked+1 {
		t.Errorf("got %s", got.raw)
	}
	w.tokens.SetApp("app", oauthtest.App{Secret: secret.New("another"), Mailboxes: []string{mailer}})
	got := c.test(object{"recipient": recipient}).want(t, http.StatusOK, "")
	if text, _ := got.object["error"].(string); got.object["stage"] != "token" || !strings.Contains(text, "401 invalid_client: AADSTS7000215") || got.object["reply"] != nil {
		t.Errorf("got %s", got.raw)
	}
	for _, answer := range []answer{on, got, c.read()} {
		if strings.Contains(string(answer.raw), clientSecret) {
			t.Errorf("I8: a response shows the client secret: %s", answer.raw)
		}
	}
	if strings.Contains(w.log.String(), clientSecret) {
		t.Error("I8: the log holds the secret")
	}
}

// TestMailboxPermissionIsMissing: the result has both the reply and the reason that preceded it.
func TestMailboxPermissionIsMissing(t *testing.T) {
	w := startWithTokens(t)
	c := w.site("client-a")
	w.tokens.SetApp("app", oauthtest.App{Secret: secret.New(clientSecret)})
	got := c.test(object{"settings": w.settings(nil), "password": clientSecret, "recipient": recipient}).want(t, http.StatusOK, "")
	reply, _ := got.object["reply"].(object)
	if got.object["stage"] != "auth" || reply["code"] != 535.0 || got.object["error"] != smtptest.TokenRefusal {
		t.Errorf("got %s", got.raw)
	}
}

// TestSecretStaysWithItsTokenEndpoint: like the mail server, the token endpoint is one of the settings that a secret is bound to.
func TestSecretStaysWithItsTokenEndpoint(t *testing.T) {
	w := startWithTokens(t)
	c := w.site("client-a")
	before := w.enable(c)
	trap := oauthtest.Start(t)
	asked := len(w.tokens.Requests())
	changes := object{"token_url": trap.URL(), "client_id": "another", "scopes": "mail"}
	for _, f := range site.AllSettings() {
		if !f.OfToken() || f.Name == "grant" {
			continue
		}
		t.Run("R2_"+f.Name, func(t *testing.T) {
			changed := w.settings(object{f.Name: changes[f.Name]})
			for _, enabled := range []bool{false, true} {
				c.put(object{"settings": changed, "enabled": enabled}).want(t, http.StatusUnprocessableEntity, "password_required")
			}
			c.test(object{"settings": changed, "recipient": recipient}).want(t, http.StatusUnprocessableEntity, "password_required")
		})
	}
	t.Run("R2_grant", func(t *testing.T) {
		// The client secret is not a password of the mailbox.
		c.put(object{"settings": w.testbed.settings(nil), "enabled": false}).want(t, http.StatusUnprocessableEntity, "password_required")
	})
	equal(t, c.read().object, before.object)
	if len(trap.Requests()) > 0 || len(w.tokens.Requests()) != asked {
		t.Errorf("the new token endpoint was asked %+v", trap.Requests())
	}
}

// TestTokenEndpointObeysTheDialRules: the address rules apply to the token endpoint too.
func TestTokenEndpointObeysTheDialRules(t *testing.T) {
	w := startWithTokens(t)
	c := w.site("client-a")
	for _, address := range []string{"https://10.1.2.3/token", "https://169.254.169.254/token", "https://[fd00::1]/token"} {
		t.Run("R31_"+address, func(t *testing.T) {
			got := c.test(object{"settings": w.settings(object{"token_url": address}), "password": clientSecret, "recipient": recipient}).want(t, http.StatusOK, "")
			if text, _ := got.object["error"].(string); got.object["stage"] != "token" || !strings.Contains(text, "is not public") {
				t.Errorf("got %s", got.raw)
			}
		})
	}
	for _, address := range []string{"http://login.example.com/token", "https://user:password@login.example.com/token", "file:///etc/passwd"} {
		got := c.test(object{"settings": w.settings(object{"token_url": address}), "password": clientSecret, "recipient": recipient}).want(t, http.StatusUnprocessableEntity, "invalid")
		equal(t, got.object["field"], any("token_url"))
	}
	if n := w.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections to the mail server, want 0", n)
	}
}
