package page_test

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const clientSecret = "canary of the application"

// tokenTestbed is a testbed whose mail server accepts the tokens of a token endpoint.
type tokenTestbed struct {
	*testbed
	tokens *oauthtest.Server
	mail   *smtptest.Server
}

func startWithTokens(t *testing.T) tokenTestbed {
	t.Helper()
	tokens := oauthtest.Start(t)
	tokens.SetApp("app", oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{mailer}, Rotates: true})
	mail := smtptest.Start(t, smtptest.Config{CheckToken: tokens.Check})
	return tokenTestbed{start(t, func(c *refsite.Config) { c.RootCAs = mail.RootCAs() }), tokens, mail}
}

// entries are the form with a login by this grant.
func (w tokenTestbed) entries(grant, password string) url.Values {
	v := w.settings()
	v.Set("host", w.mail.Host())
	v.Set("port", strconv.Itoa(w.mail.Port()))
	for name, value := range map[string]string{
		"grant": grant, "token_url": w.tokens.URL(), "client_id": "app", "scopes": oauthtest.Scope, "password": password,
	} {
		v.Set(name, value)
	}
	return v
}

// TestTokenLogin enters the client secret, then a refresh token with the client secret, then a private key.
func TestTokenLogin(t *testing.T) {
	w := startWithTokens(t)
	b := w.loggedIn()
	b.submit("/save", w.entries("client_credentials", clientSecret))
	b.want("notice", "Saved.")
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {"wrong"}})
	b.want("outcome", "The test failed: The token endpoint rejected the client secret")
	b.want("outcome", "token failed dns not reached")
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {clientSecret}})
	b.want("outcome", "token passed dns passed")
	b.submit("/switch", on)
	b.want("state", "Mail is on.")

	token := w.tokens.Consent("app", mailer).Reveal()
	entries := w.entries("refresh_token", token)
	entries.Set("client_secret", clientSecret)
	b.submit("/save", entries)
	b.want("notice", "Mail is off until these settings pass a test.")
	for range 2 { // each replaces the token, and the new one is stored
		b.submit("/test", url.Values{"recipient": {recipient}, "password": {token}, "client_secret": {clientSecret}})
		b.want("outcome", "The server accepted the message.")
	}
	b.submit("/switch", on)
	b.want("state", "Mail is on.")
	b.submit("/save", url.Values{"client_secret": {clientSecret}})
	b.want("notice", "Password must come with Client secret")

	account, key, err := oauthtest.Account(mailer)
	if err != nil {
		t.Fatal(err)
	}
	w.tokens.SetApp("app", account)
	b.submit("/save", w.entries("jwt_bearer", "no key"))
	b.want("notice", "must be an RSA key in PEM")
	b.submit("/save", w.entries("jwt_bearer", key.Reveal()))
	b.submit("/test", url.Values{"recipient": {recipient}, "password": {key.Reveal()}})
	b.want("outcome", "The server accepted the message.")
	b.submit("/switch", on)
	b.want("state", "Mail is on.")
	if got := len(w.mail.Messages()); got != 4 {
		t.Errorf("got %d messages, want 4", got)
	}
}
