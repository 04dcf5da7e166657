package oauth_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// TestRefreshToken: a refresh token that the endpoint replaces is handed over before the access token is returned.
func TestRefreshToken(t *testing.T) {
	for name, c := range map[string]struct {
		clientSecret, answer string
		asks                 string
		// stored are the refresh tokens that were handed over.
		stored   []string
		storeErr error
		says     string
	}{
		"Kept":          {"", `{"access_token":"token"}`, "client_id=id&grant_type=refresh_token&refresh_token=old&scope=a+b", nil, nil, ""},
		"ClientSecret":  {"s3cret", `{"access_token":"token"}`, "client_id=id&client_secret=s3cret&grant_type=refresh_token&refresh_token=old&scope=a+b", nil, nil, ""},
		"SameAgain":     {"", `{"access_token":"token","refresh_token":"old"}`, "client_id=id&grant_type=refresh_token&refresh_token=old&scope=a+b", nil, nil, ""},
		"Replaced":      {"s3cret", `{"access_token":"token","refresh_token":"new"}`, "client_id=id&client_secret=s3cret&grant_type=refresh_token&refresh_token=old&scope=a+b", []string{"new"}, nil, ""},
		"NotStored":     {"", `{"access_token":"token","refresh_token":"new"}`, "client_id=id&grant_type=refresh_token&refresh_token=old&scope=a+b", []string{"new"}, errors.New("disk full"), "could not be stored: disk full"},
		"NotUsable":     {"", `{"access_token":"token","refresh_token":"n\new"}`, "client_id=id&grant_type=refresh_token&refresh_token=old&scope=a+b", nil, nil, "no refresh token that can be used"},
		"TooLong":       {"", `{"access_token":"token","refresh_token":"` + strings.Repeat("x", 8<<10+1) + `"}`, "client_id=id&grant_type=refresh_token&refresh_token=old&scope=a+b", nil, nil, "no refresh token that can be used"},
		"WithoutAccess": {"", `{"refresh_token":"new"}`, "client_id=id&grant_type=refresh_token&refresh_token=old&scope=a+b", nil, nil, "no access token that can be used"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := ""
			r := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				asked = r.PostForm.Encode()
				saying(200, "application/json", c.answer)(w, r)
			})
			var stored []string
			r.Grant, r.Secret = site.RefreshToken, secret.Join(secret.New("old"), secret.New(c.clientSecret))
			r.Replaced = func(next secret.Text) error {
				stored = append(stored, next.Reveal())
				return c.storeErr
			}
			token, err := oauth.Client{}.Fetch(t.Context(), r)
			if asked != c.asks || !slices.Equal(stored, c.stored) {
				t.Errorf("asked %q, stored %q", asked, stored)
			}
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) || (token.Reveal() == "token") != (err == nil) {
				t.Errorf("got %q, %v", token.Reveal(), err)
			}
		})
	}
}

// TestRefreshTokenNeedsStorage: without a place for its successor, a refresh token is not sent.
func TestRefreshTokenNeedsStorage(t *testing.T) {
	asked := 0
	r := endpoint(t, func(http.ResponseWriter, *http.Request) { asked++ })
	for grant, says := range map[site.Grant]string{site.RefreshToken: "stored", "password": "must be one of"} {
		r.Grant = grant
		if _, err := (oauth.Client{}).Fetch(t.Context(), r); err == nil || !strings.Contains(err.Error(), says) || asked != 0 {
			t.Errorf("%s: asked %d times: %v", grant, asked, err)
		}
	}
}

// TestOtherGrantsReplaceNothing: a refresh token in the answer to another grant is ignored.
func TestOtherGrantsReplaceNothing(t *testing.T) {
	r := endpoint(t, saying(200, "application/json", `{"access_token":"token","refresh_token":"new"}`))
	r.Replaced = func(secret.Text) error { return errors.New("called") }
	if token, err := (oauth.Client{}).Fetch(t.Context(), r); err != nil || token.Reveal() != "token" {
		t.Errorf("got %q, %v", token.Reveal(), err)
	}
}
