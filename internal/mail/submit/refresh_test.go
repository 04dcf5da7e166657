package submit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// withRefreshToken is the candidate with what a person allowed its application, whose refresh tokens work once.
func withRefreshToken(tokens *oauthtest.Server, c site.Candidate) site.Candidate {
	tokens.SetApp(clientID, oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{user}, Rotates: true})
	c.Settings.Grant = site.RefreshToken
	c.Password = secret.Join(tokens.Consent(clientID, user), secret.New(clientSecret))
	return c
}

// keep is the simplest [submit.Sender.Refresh]: for one candidate, in memory.
func keep(sender *submit.Sender, c site.Candidate, stored func() error) {
	current, clientSecret := c.Password.Split()
	sender.Refresh = func(_ site.Candidate, fetch func(secret.Text, func(secret.Text) error) error) error {
		return fetch(secret.Join(current, clientSecret), func(next secret.Text) error {
			current = next
			return stored()
		})
	}
}

// TestRefreshToken: each test uses the token that the last one brought.
func TestRefreshToken(t *testing.T) {
	tokens, mail, sender, c := startWithTokens(t, smtptest.Config{})
	c = withRefreshToken(tokens, c)
	kept := 0
	keep(sender, c, func() error { kept++; return nil })
	for range 3 {
		if r := sender.Send(t.Context(), c, recipient); r.Status != site.Passed {
			t.Fatalf("got %+v, reply %v", r, r.Reply)
		}
	}
	if len(mail.Messages()) != 3 || kept != 3 {
		t.Errorf("got %d messages and %d kept tokens, want 3 of each", len(mail.Messages()), kept)
	}
	asked := tokens.Requests()[0]
	token, _ := c.Password.Split()
	if asked.Grant != "refresh_token" || !asked.RefreshToken.Equal(token) || !asked.Secret.Equal(secret.New(clientSecret)) || asked.Scope != oauthtest.Scope {
		t.Errorf("the endpoint was asked %+v", asked)
	}
}

// TestR60RefreshTokenIsStoredFirst: an access token whose refresh token could not be stored is not used, so that the failure shows
// while somebody looks.
func TestR60RefreshTokenIsStoredFirst(t *testing.T) {
	tokens, mail, sender, c := startWithTokens(t, smtptest.Config{})
	c = withRefreshToken(tokens, c)
	keep(sender, c, func() error { return errors.New("no space left on device") })
	r := sender.Send(t.Context(), c, recipient)
	if r.Status != site.Failed || r.Stage != site.StageToken || !strings.Contains(r.Error, "successor could not be stored: no space left") {
		t.Errorf("got %+v", r)
	}
	if got := mail.Counters(); got != (smtptest.Counters{}) {
		t.Errorf("the mail server saw %+v", got)
	}
}

// TestRefreshTokenIsNotUsedUp: a sender that cannot store a successor asks for no token at all.
func TestRefreshTokenIsNotUsedUp(t *testing.T) {
	tokens, _, sender, c := startWithTokens(t, smtptest.Config{})
	c = withRefreshToken(tokens, c)
	if r := sender.Send(t.Context(), c, recipient); r.Status != site.Failed || r.Stage != site.StageToken || !strings.Contains(r.Error, "a refresh token can be used only where") {
		t.Errorf("got %+v", r)
	}
	if got := tokens.Requests(); len(got) != 0 {
		t.Errorf("got token requests %+v", got)
	}
}

// TestServiceAccount signs for the mailbox with its private key, also with one that lost its line breaks.
func TestServiceAccount(t *testing.T) {
	tokens, mail, sender, c := startWithTokens(t, smtptest.Config{})
	account, key, err := oauthtest.Account(user)
	if err != nil {
		t.Fatal(err)
	}
	tokens.SetApp(clientID, account)
	c.Settings.Grant = site.JWTBearer
	spellings := map[string]string{
		"PEM": key.Reveal(), "OneLine": strings.ReplaceAll(key.Reveal(), "\n", ""), "Escaped": strings.ReplaceAll(key.Reveal(), "\n", `\n`),
		"CRLF": strings.ReplaceAll(key.Reveal(), "\n", "\r\n"),
	}
	for name, spelling := range spellings {
		t.Run(name, func(t *testing.T) {
			c.Password = secret.New(spelling)
			if r := sender.Send(t.Context(), c, recipient); r.Status != site.Passed {
				t.Errorf("got %+v", r)
			}
		})
	}
	if got := len(mail.Messages()); got != len(spellings) {
		t.Errorf("got %d messages", got)
	}
	tokens.SetApp(clientID, oauthtest.App{Key: account.Key})
	if r := sender.Send(t.Context(), c, recipient); r.Stage != site.StageToken || !strings.Contains(r.Error, "401 unauthorized_client: Client is unauthorized") {
		t.Errorf("without delegation: got %+v", r)
	}
	c.Password = secret.New("no key")
	if r := sender.Send(t.Context(), c, recipient); r.Stage != site.StageAuth || !strings.Contains(r.Error, "password: must be an RSA key in PEM") {
		t.Errorf("without a key: got %+v", r)
	}
}
