package oauthtest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
)

// TestOpenID: a login needs a token that the provider itself signed, that has not expired, and that is for the mailbox.
func TestOpenID(t *testing.T) {
	tokens, other := oauthtest.StartOpenID(t), oauthtest.StartOpenID(t)
	const mailbox = "shop@client.example"
	fetch := func(t *testing.T, o *oauthtest.OpenID, lifetime time.Duration) secret.Text {
		t.Helper()
		if err := o.SetApp("app", oauthtest.App{Secret: secret.New("s3cret"), Mailboxes: []string{mailbox}}); err != nil {
			t.Fatal(err)
		}
		if err := o.SetLifetime(lifetime); err != nil {
			t.Fatal(err)
		}
		token, err := oauth.Client{}.Fetch(t.Context(), oauth.Request{
			TokenURL: o.URL(), Grant: site.ClientCredentials, ClientID: "app", Scopes: oauthtest.Scope, Secret: secret.New("s3cret"),
		})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := fetch(t, tokens, time.Hour)
	unsigned := good.Reveal()[:strings.LastIndex(good.Reveal(), ".")+1]
	for name, c := range map[string]struct {
		user  string
		token secret.Text
		says  string
	}{
		"Good":          {mailbox, good, ""},
		"OtherMailbox":  {"other@client.example", good, "no permission"},
		"Expired":       {mailbox, fetch(t, tokens, -time.Minute), "has expired"},
		"OtherProvider": {mailbox, fetch(t, other, time.Hour), "signed by somebody else"},
		"Unsigned":      {mailbox, secret.New(unsigned), "signed by somebody else"},
		"NoToken":       {mailbox, secret.New("password"), "not a JSON Web Token"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tokens.Check(c.user, c.token); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}
