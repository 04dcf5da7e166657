package siteadmin_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func openWordPress(t *testing.T, url string, account adminapi.Account, steps ...step) (site.Site, error) {
	t.Helper()
	scripted := adminapitest.Play(t, steps...)
	pool := adminapi.NewPool(adminapi.PoolOptions{DialContext: scripted.DialContext})
	t.Cleanup(pool.Close)
	return siteadmin.OpenWordPress(pool, adminapi.Config{URL: url, Limits: quickLimits()}, account)
}

func TestWordPress(t *testing.T) {
	for url, call := range map[string]string{
		adminapitest.URL:            "GET /wp-json/site-smtp/v1/smtp",
		adminapitest.URL + "/blog/": "GET /blog/wp-json/site-smtp/v1/smtp",
	} {
		synctest.Test(t, func(t *testing.T) {
			account := adminapi.Account{Username: "admin", Password: secret.New("abcd EFGH 1234 ijkl MNOP 5678")}
			opened, err := openWordPress(t, url, account, step{Call: call, Answer: smtp(""), Check: func(t adminapitest.T, r *http.Request, _ string) {
				if name, password, ok := r.BasicAuth(); !ok || name != account.Username || password != account.Password.Reveal() {
					t.Errorf("got username %q, %t", name, ok)
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if state, err := opened.Read(t.Context()); err != nil || state.Settings != settings {
				t.Errorf("got %+v, %v", state, err)
			}
		})
	}
}

// A staging site has a login of its web server, which takes the Authorization header.
func TestWordPressTakesItsTokenBesideALogin(t *testing.T) {
	account := adminapi.Account{Token: token.Token, Username: "staging", Password: secret.New("door")}
	synctest.Test(t, func(t *testing.T) {
		opened, err := openWordPress(t, adminapitest.URL, account, step{
			Call: "GET /wp-json/site-smtp/v1/smtp", Answer: smtp(""),
			Check: func(t adminapitest.T, r *http.Request, _ string) {
				name, password, _ := r.BasicAuth()
				if got := r.Header.Get("X-Site-SMTP-Token"); got != token.Token.Reveal() || name != "staging" || password != "door" {
					t.Errorf("got username %q, password %q and token %q", name, password, got)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened.Read(t.Context()); err != nil {
			t.Error(err)
		}
	})
	for want, half := range map[string]adminapi.Account{
		"password": {Token: token.Token, Username: "staging"},
		"username": {Token: token.Token, Password: secret.New("door")},
		"token":    {Token: secret.New("t0ken\n"), Username: "staging", Password: secret.New("door")},
	} {
		_, err := openWordPress(t, adminapitest.URL, half)
		if refused, ok := errors.AsType[*adminapi.ConfigError](err); !ok || refused.Attribute != want {
			t.Errorf("%s: got %v", want, err)
		}
	}
	if _, err := siteadmin.Open(adminapi.NewPool(adminapi.PoolOptions{}), adminapi.Config{URL: adminapitest.URL}, account); err == nil {
		t.Error("accepted headers that only WordPress allows")
	}
}

func TestWordPressTakesItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened, err := openWordPress(t, adminapitest.URL, token, step{
			Call: "GET /wp-json/site-smtp/v1/smtp", Answer: smtp(""),
			Check: func(t adminapitest.T, r *http.Request, _ string) {
				if got, want := r.Header.Get("Authorization"), "Bearer "+token.Token.Reveal(); got != want {
					t.Errorf("got Authorization %q, want %q", got, want)
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opened.Read(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAURLThatEndsInAQueryIsRefused(t *testing.T) {
	for _, url := range []string{adminapitest.URL + "/?page_id=2", adminapitest.URL + "#top", ""} {
		_, err := openWordPress(t, url, adminapi.Account{})
		if e, ok := errors.AsType[*adminapi.ConfigError](err); !ok || e.Attribute != "url" {
			t.Errorf("%q: got %v", url, err)
		}
	}
}
