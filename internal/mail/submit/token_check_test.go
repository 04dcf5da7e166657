package submit_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestCheckToken: a login with a token is whole, or it names what is missing.
func TestCheckToken(t *testing.T) {
	whole := site.Settings{Username: user, Grant: site.ClientCredentials, TokenURL: "https://login.example.test/token", ClientID: clientID, Scopes: "a b"}
	for name, c := range map[string]struct {
		change func(*site.Settings)
		field  string
	}{
		"Whole":           {func(*site.Settings) {}, ""},
		"NoScopes":        {func(s *site.Settings) { s.Scopes = "" }, ""},
		"Password":        {func(s *site.Settings) { *s = site.Settings{Username: user} }, ""},
		"NoLogin":         {func(s *site.Settings) { *s = site.Settings{} }, ""},
		"GrantAlone":      {func(s *site.Settings) { *s = site.Settings{Username: user, Grant: site.ClientCredentials} }, "token_url"},
		"NoGrant":         {func(s *site.Settings) { s.Grant = "" }, "grant"},
		"OnlyTokenURL":    {func(s *site.Settings) { *s = site.Settings{TokenURL: whole.TokenURL} }, "grant"},
		"OnlyClientID":    {func(s *site.Settings) { *s = site.Settings{ClientID: clientID} }, "grant"},
		"OnlyScopes":      {func(s *site.Settings) { *s = site.Settings{Scopes: "a"} }, "grant"},
		"UnknownGrant":    {func(s *site.Settings) { s.Grant = "password" }, "grant"},
		"NoUsername":      {func(s *site.Settings) { s.Username = "" }, "username"},
		"NoClientID":      {func(s *site.Settings) { s.ClientID = "" }, "client_id"},
		"UnsortedScopes":  {func(s *site.Settings) { s.Scopes = "b a" }, "scopes"},
		"EndpointInClear": {func(s *site.Settings) { s.TokenURL = "http://login.example.test/token" }, "token_url"},
	} {
		t.Run(name, func(t *testing.T) {
			s := whole
			c.change(&s)
			if field, err := submit.CheckToken(s); field != c.field || (err == nil) != (c.field == "") {
				t.Errorf("got %q, %v, want %q", field, err, c.field)
			}
		})
	}
}

func TestCheckClientID(t *testing.T) {
	checked(t, submit.CheckClientID, map[string]string{
		"UUID": clientID, "Google": "123-abc.apps.googleusercontent.com", "Space": "my app", "Tilde": "~", "Longest": strings.Repeat("a", 255),
	}, map[string]string{
		"Empty": "", "TooLong": strings.Repeat("a", 256), "Control": "a\nb", "Delete": "a\x7f", "NotASCII": "ä",
	})
}

func TestCheckScopes(t *testing.T) {
	checked(t, submit.CheckScopes, map[string]string{
		"None": "", "One": "https://outlook.office365.com/.default", "Sorted": "! a b~", "Longest": strings.Repeat("a", 1024),
	}, map[string]string{
		"TooLong": strings.Repeat("a", 1025), "Unsorted": "b a", "TwoSpaces": "a  b", "SpaceAtTheEnd": "a ", "Quote": `a"`, "Backslash": `a\`,
		"Tab": "a\tb", "Control": "a\x01b", "Delete": "a\x7f", "NotASCII": "ä",
	})
}

// TestR28StoredRefreshTokenIsRedacted: the endpoint repeats the token that it was asked with, which replaced that of the candidate.
func TestR28StoredRefreshTokenIsRedacted(t *testing.T) {
	const stored = "Stored~refresh-token/41"
	tokens, _, sender, c := startWithTokens(t, smtptest.Config{})
	c = withRefreshToken(tokens, c)
	_, clientSecret := c.Password.Split()
	sender.Refresh = func(_ site.Candidate, fetch func(secret.Text, func(secret.Text) error) error) error {
		return fetch(secret.Join(secret.New(stored), clientSecret), func(secret.Text) error { return nil })
	}
	tokens.Answer(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"unknown: ` + r.PostFormValue("refresh_token") + `"}`))
	})
	if r := sender.Login(t.Context(), c); !strings.Contains(r.Error, "unknown: [redacted]") || strings.Contains(r.Error, stored) {
		t.Errorf("got %+v", r)
	}
}
