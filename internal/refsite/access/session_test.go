package access

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

func TestUser(t *testing.T) {
	now := longAgo
	g := guard(t, filepath.Join(t.TempDir(), "data"), func() time.Time { return now })
	password, err := g.SetLogin(t.Context(), siteID, "admin")
	if err != nil {
		t.Fatal(err)
	}
	login := func() secret.Text {
		t.Helper()
		opened, err := g.Login(t.Context(), siteID, here, "admin", password)
		if err != nil {
			t.Fatal(err)
		}
		return opened.Token
	}
	token, other := login(), login()
	if name, err := g.User(siteID, token); err != nil || name != "admin" {
		t.Errorf("%q %v", name, err)
	}
	t.Run("RefusesAnAPIToken", func(t *testing.T) {
		api, err := g.SetToken(siteID, "terraform")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.User(siteID, api); codeOf(err) != problem.Unauthorized {
			t.Errorf("%v", err)
		}
		if err := g.Logout(siteID, api); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Name(siteID, api); err != nil {
			t.Errorf("logging out with an API token revoked it: %v", err)
		}
	})
	t.Run("LogoutEndsOneSession", func(t *testing.T) {
		for range 2 {
			if err := g.Logout(siteID, token); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := g.User(siteID, token); codeOf(err) != problem.Unauthorized {
			t.Errorf("%v", err)
		}
		if _, err := g.User(siteID, other); err != nil {
			t.Error(err)
		}
	})
	t.Run("Expires", func(t *testing.T) {
		now = now.Add(sessionLife)
		if _, err := g.User(siteID, other); codeOf(err) != problem.Unauthorized {
			t.Errorf("%v", err)
		}
	})
	t.Run("RefusesAnEmptyToken", func(t *testing.T) {
		if _, err := g.User(siteID, secret.Text{}); codeOf(err) != problem.Unauthorized {
			t.Errorf("%v", err)
		}
	})
}

func TestClient(t *testing.T) {
	for name, test := range map[string]struct {
		proxy     bool
		forwarded []string
		want      string
	}{
		"Direct":                          {false, nil, "192.0.2.1"},
		"IgnoresTheHeaderOfADirectClient": {false, []string{"198.51.100.1"}, "192.0.2.1"},
		"Proxy":                           {true, []string{"198.51.100.1"}, "198.51.100.1"},
		"LastElementCounts":               {true, []string{"203.0.113.1, 198.51.100.1"}, "198.51.100.1"},
		"LastHeaderCounts":                {true, []string{"203.0.113.1", "203.0.113.2, 2001:db8::1"}, "2001:db8::1"},
		"ProxyWithoutHeader":              {true, nil, ""},
		"ProxyWithInvalidHeader":          {true, []string{"unknown"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = "192.0.2.1:1234"
			r.Header["X-Forwarded-For"] = test.forwarded
			want, _ := netip.ParseAddr(test.want)
			if got := Client(r, test.proxy); got != want {
				t.Errorf("got %s", got)
			}
		})
	}
}
