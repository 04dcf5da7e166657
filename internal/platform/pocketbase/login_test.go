package pocketbase_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/pocketbase"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var admin = adminapi.Account{Username: "admin@example.test", Password: secret.New("Admin12345!")}

// carries expects an Authorization header in a step.
func carries(value string, s step) step {
	s.Check = func(t adminapitest.T, r *http.Request, _ string) {
		if got := r.Header.Get("Authorization"); got != value {
			t.Errorf("%s: Authorization is %q, want %q", r.URL.Path, got, value)
		}
	}
	return s
}

func TestCredentials(t *testing.T) {
	loggedIn := with(`{"identity":"admin@example.test","password":"Admin12345!"}`,
		on(postLogin, `{"record":{"id":"i89ncepevhbfe18"},"token":"jwt-1"}`))
	unauthorized := refuses(getSettings, 401, `{"data":{},"message":"The request requires valid record authorization token.","status":401}`)
	for name, tt := range map[string]struct {
		account adminapi.Account
		steps   []step
	}{
		"Token": {token, []step{carries("Bearer t0ken", recognised()), carries("Bearer t0ken", on(getSettings, enabled))}},
		"Login": {admin, []step{loggedIn, carries("jwt-1", recognised()), carries("jwt-1", on(getSettings, enabled))}},
		"ExpiredSession": {admin, []step{
			loggedIn, recognised(), carries("jwt-1", unauthorized), on(postLogin, `{"token":"jwt-2"}`), carries("jwt-2", on(getSettings, enabled)),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if _, err := play(t, tt.account, tt.steps...).Read(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestRefusedLogins(t *testing.T) {
	for name, tt := range map[string]struct {
		status     int
		body, text string
		kind       site.Kind
	}{
		"WrongPassword": {400, `{"data":{},"message":"Failed to authenticate.","status":400}`, "Failed to authenticate.", site.Unauthorized},
		"SecondFactor":  {401, `{"mfaId":"5jx83q1o9zl4w2k"}`, "second factor", site.Unauthorized},
		"OldVersion":    {404, `{"data":{},"message":"The requested resource wasn't found.","status":404}`, "PocketBase 0.23", site.Unauthorized},
		"NoToken":       {200, `{"record":{}}`, "returned no token", site.Unexpected},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := play(t, admin, refuses(postLogin, tt.status, tt.body)).Read(t.Context())
				if site.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), admin.Password.Reveal()) {
					t.Errorf("got %q: %v", site.KindOf(err), err)
				}
			})
		})
	}
}

func TestInvalidAccounts(t *testing.T) {
	_, err := pocketbase.Open(adminapi.NewPool(adminapi.PoolOptions{}), adminapi.Config{URL: adminapitest.URL, Limits: adminapi.DefaultLimits()},
		adminapi.Account{Username: "admin@example.test"})
	if e, ok := errors.AsType[*adminapi.ConfigError](err); !ok || e.Attribute != "password" {
		t.Errorf("got %v", err)
	}
}

// writes are the calls that change something or send a message, for a site with the given ID.
func writes(id string) map[string]func(context.Context, site.Site) error {
	return map[string]func(context.Context, site.Site) error{
		"Test": func(ctx context.Context, opened site.Site) error {
			_, err := opened.Test(ctx, site.TestRequest{Recipient: recipient, SiteID: id})
			return err
		},
		"Save": func(ctx context.Context, opened site.Site) error {
			_, err := opened.Save(ctx, site.SaveRequest{Settings: settings, Password: password, SiteID: id})
			return err
		},
		"Clear": func(ctx context.Context, opened site.Site) error { return opened.Clear(ctx, site.ClearRequest{}) },
	}
}

func TestNothingIsSentToAnotherSite(t *testing.T) {
	for _, call := range []string{"Test", "Save"} {
		synctest.Test(t, func(t *testing.T) {
			err := writes("installed long ago")[call](t.Context(), play(t, token, recognised()))
			if site.KindOf(err) != site.WrongSite || !strings.Contains(err.Error(), siteID) {
				t.Errorf("%s: got %v", call, err)
			}
		})
	}
}

func TestNothingIsSentToOtherSoftware(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   site.Kind
	}{
		"a page":       {adminapitest.HTML(200), site.Unexpected},
		"another API":  {adminapitest.JSON(200, `{"hello":"world"}`), site.Unexpected},
		"null":         {adminapitest.JSON(200, `null`), site.Unexpected},
		"not found":    {adminapitest.JSON(404, `{"message":"The requested resource wasn't found."}`), site.Unexpected},
		"unauthorized": {adminapitest.JSON(403, `{"message":"The authorized record is not allowed to perform this action."}`), site.Unauthorized},
	} {
		calls := writes("")
		calls["Read"] = func(ctx context.Context, opened site.Site) error {
			_, err := opened.Read(ctx)
			return err
		}
		for call, run := range calls {
			t.Run(call+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					err := run(t.Context(), play(t, token, step{Call: getSuperusers, Answer: tt.answer}))
					if site.KindOf(err) != tt.want {
						t.Errorf("got %q: %v", site.KindOf(err), err)
					}
				})
			})
		}
	}
	t.Run("settings of another shape", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, err := play(t, token, recognised(), on(getSettings, `{"smtp":{}}`)).Read(t.Context())
			if site.KindOf(err) != site.Unexpected || !strings.Contains(err.Error(), "check url and platform") {
				t.Errorf("got %v", err)
			}
		})
	})
}
