package oauthtest_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
)

// TestAssertions changes one thing at a time in what a service account signs. The diagnosis of each refusal names its cause: at the
// endpoint in Google's words, and at the OpenID provider.
func TestAssertions(t *testing.T) {
	const account, mailbox = "mailer@project.example", "shop@client.example"
	app, key, err := oauthtest.Account(mailbox)
	if err != nil {
		t.Fatal(err)
	}
	google, openID := oauthtest.Start(t), oauthtest.StartOpenID(t)
	google.SetApp(account, app)
	if err := openID.SetApp(account, app); err != nil {
		t.Fatal(err)
	}
	later := func(by time.Duration) func() time.Time {
		return func() time.Time { return time.Now().Add(by) }
	}
	for name, c := range map[string]struct {
		change func(*oauth.Request)
		now    func() time.Time
		// google and openID are the rows of the diagnosis; empty for a token.
		google, openID string
	}{
		"Right":          {},
		"OtherIssuer":    {change: func(r *oauth.Request) { r.ClientID = "other@project.example" }, google: "token-account-unknown", openID: "token-grant-refused"},
		"OtherAudience":  {change: func(r *oauth.Request) { r.TokenURL = strings.Replace(r.TokenURL, "127.0.0.1", "localhost", 1) }, google: "token-audience", openID: "token-audience"},
		"OtherSubject":   {change: func(r *oauth.Request) { r.Subject = "other@client.example" }, google: "token-delegation", openID: "token-grant-refused"},
		"OtherScope":     {change: func(r *oauth.Request) { r.Scopes = "other" }, google: "token-delegation"},
		"OtherSignature": {change: func(r *oauth.Request) { r.Secret = otherKey(t) }, google: "token-clock-or-key", openID: "token-grant-invalid"},
		"ClockBehind":    {now: later(-time.Hour), google: "token-clock-or-key", openID: "token-clock-or-key"},
		"ClockAhead":     {now: later(time.Hour), google: "token-clock-or-key", openID: "token-clock-or-key"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := site.Settings{Host: "smtp.gmail.com", Grant: site.JWTBearer}
			for endpoint, want := range map[string]string{google.URL(): c.google, openID.URL(): c.openID} {
				r := oauth.Request{TokenURL: endpoint, Grant: site.JWTBearer, ClientID: account, Scopes: oauthtest.Scope, Secret: key, Subject: mailbox}
				if c.change != nil {
					c.change(&r)
				}
				_, err := oauth.Client{Now: c.now}.Fetch(t.Context(), r)
				if (err == nil) != (want == "") {
					t.Errorf("%s: %v", endpoint, err)
				}
				if err == nil {
					continue
				}
				if got := diagnosis.Of(site.TestResult{Status: site.Failed, Stage: site.StageToken, Error: err.Error()}, settings); got.ID != want {
					t.Errorf("%v is %s, want %s", err, got.ID, want)
				}
			}
		})
	}
}

// otherKey returns a private key that no account has.
func otherKey(t *testing.T) secret.Text {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}
