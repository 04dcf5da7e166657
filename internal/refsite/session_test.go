package refsite_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
)

func (w *testbed) login(site string) object {
	w.t.Helper()
	password, err := w.server.AddLogin(w.t.Context(), site, "admin")
	if err != nil {
		w.t.Fatal(err)
	}
	return object{"username": "admin", "password": password.Reveal()}
}

func TestR44Session(t *testing.T) {
	w := start(t)
	c, other := w.site("client-a"), w.site("client-b")
	credentials := w.login("client-a")
	c.token = ""
	opened := c.call(http.MethodPost, "/session", credentials).want(t, http.StatusCreated, "")
	c.token, _ = opened.object["token"].(string)
	t.Run("WritesAreAttributedToTheUsername", func(t *testing.T) {
		got := c.put(object{"settings": w.settings(nil), "password": w.password, "enabled": false}).want(t, http.StatusOK, "")
		equal(t, got.object["updated_by"], any("admin"))
	})
	t.Run("IsValidForOneSiteOnly", func(t *testing.T) {
		stranger := *other
		stranger.token = c.token
		stranger.call(http.MethodGet, "/smtp", nil).want(t, http.StatusUnauthorized, "unauthorized")
		other.call(http.MethodPost, "/session", credentials).want(t, http.StatusUnauthorized, "unauthorized")
	})
	t.Run("SurvivesARestart", func(*testing.T) {
		w.restart(func() {})
		c.read()
	})
	t.Run("EachLoginReturnsANewToken", func(t *testing.T) {
		again := c.call(http.MethodPost, "/session", credentials).want(t, http.StatusCreated, "")
		if again.object["token"] == opened.object["token"] {
			t.Error("the second login returned the same token")
		}
	})
	t.Run("Expires", func(t *testing.T) {
		at, err := time.Parse(time.RFC3339, opened.object["expires_at"].(string))
		if err != nil {
			t.Fatal(err)
		}
		w.pass(time.Until(at) + time.Second)
		c.call(http.MethodGet, "/smtp", nil).want(t, http.StatusUnauthorized, "unauthorized")
	})
	t.Run("NewPasswordEndsIt", func(t *testing.T) {
		opened := c.call(http.MethodPost, "/session", credentials).want(t, http.StatusCreated, "")
		c.token, _ = opened.object["token"].(string)
		c.read()
		w.login("client-a")
		c.call(http.MethodGet, "/smtp", nil).want(t, http.StatusUnauthorized, "unauthorized")
		c.call(http.MethodPost, "/session", credentials).want(t, http.StatusUnauthorized, "unauthorized")
	})
	t.Run("InvalidCredentials", func(t *testing.T) {
		for field, bad := range map[string]object{
			"username": {"username": "", "password": "x"},
			"password": {"username": "admin", "password": strings.Repeat("x", 1025)},
		} {
			got := c.call(http.MethodPost, "/session", bad).want(t, http.StatusUnprocessableEntity, "invalid")
			equal(t, got.object["field"], any(field))
		}
	})
}

// There is no setup over the network: sites, logins and tokens are created where the program is started.
func TestR45NoSetupOverTheNetwork(t *testing.T) {
	w := start(t)
	stranger := &client{t: t, url: w.url + "/client-a" + apiPath, token: "x", http: http.DefaultClient}
	first := object{"username": "admin", "password": "admin"}
	t.Run("UnknownSite", func(t *testing.T) {
		for _, path := range []string{"/session", "/site", "/smtp", "/setup", "/register", "/users", "/tokens"} {
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
				if got := stranger.call(method, path, first); got.status != http.StatusNotFound && got.status != http.StatusMethodNotAllowed {
					t.Errorf("%s %s: %d %s", method, path, got.status, got.raw)
				}
			}
		}
		if _, err := w.server.Site("client-a"); err == nil {
			t.Error("an unauthenticated request created a site")
		}
	})
	t.Run("SiteWithoutLogin", func(t *testing.T) {
		w.site("client-a")
		for _, guess := range []object{first, {"username": "x", "password": "x"}, {"username": "terraform", "password": "terraform"}} {
			stranger.call(http.MethodPost, "/session", guess).want(t, http.StatusUnauthorized, "unauthorized")
		}
	})
}

func TestEveryCallNeedsAToken(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	token := c.token
	ofAnotherSite := "Bearer " + w.site("client-b").token
	for _, bad := range []string{"", "Bearer", "Bearer ", "Bearer x", "Basic " + token, "Bearer " + token + "x", token, "Bearer  " + token, ofAnotherSite} {
		for path, methods := range map[string][]string{
			"/site": {"GET"}, "/smtp": {"GET", "PUT", "DELETE"}, "/smtp/presets": {"GET"}, newTest(): {"GET", "PUT"},
		} {
			for _, method := range methods {
				got := c.call(method, path, nil, "Authorization", bad).want(t, http.StatusUnauthorized, "unauthorized")
				if got.header.Get("WWW-Authenticate") != "Bearer" {
					t.Errorf("got WWW-Authenticate %q, want Bearer", got.header.Get("WWW-Authenticate"))
				}
			}
		}
	}
	c.call(http.MethodGet, "/smtp", nil, "Authorization", "bearer "+token).want(t, http.StatusOK, "")
}

func TestResetToken(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	token, err := w.server.ResetToken("client-a")
	if err != nil {
		t.Fatal(err)
	}
	c.call(http.MethodGet, "/smtp", nil).want(t, http.StatusUnauthorized, "unauthorized")
	c.token = token.Reveal()
	c.read()
}

func TestR42Guessing(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.BehindProxy = true })
	a, b := w.site("client-a"), w.site("client-b")
	right := w.login("client-a")
	wrong := object{"username": "admin", "password": "wrong"}
	t.Run("ConcurrentAttemptsAreCountedBeforeHashing", func(t *testing.T) {
		var hashed, refused atomic.Int64
		var all sync.WaitGroup
		for range 40 {
			all.Go(func() {
				got, err := a.try(t.Context(), http.MethodPost, "/session", wrong)
				switch {
				case err != nil:
					t.Error(err)
				case got.status == http.StatusUnauthorized:
					hashed.Add(1)
				case got.status == http.StatusTooManyRequests && got.header.Get("Retry-After") != "":
					refused.Add(1)
				}
			})
		}
		all.Wait()
		if hashed.Load() != 10 || refused.Load() != 30 {
			t.Errorf("checked %d attempts and refused %d, want 10 and 30", hashed.Load(), refused.Load())
		}
	})
	t.Run("RightPasswordIsLockedOutToo", func(t *testing.T) {
		a.call(http.MethodPost, "/session", right).want(t, http.StatusTooManyRequests, "rate_limited")
	})
	t.Run("OtherAddressIsNotLockedOut", func(t *testing.T) {
		a.call(http.MethodPost, "/session", right, "X-Forwarded-For", "198.51.100.1").want(t, http.StatusCreated, "")
	})
	t.Run("GuessesFromManyAddressesDoNotLockOutTheOwner", func(t *testing.T) {
		for i := range 90 {
			from := fmt.Sprintf("192.0.2.%d", 1+i/10)
			a.call(http.MethodPost, "/session", wrong, "X-Forwarded-For", from).want(t, http.StatusUnauthorized, "unauthorized")
		}
		a.call(http.MethodPost, "/session", right, "X-Forwarded-For", "192.0.2.1").want(t, http.StatusTooManyRequests, "rate_limited")
		a.call(http.MethodPost, "/session", right, "X-Forwarded-For", "198.51.100.2").want(t, http.StatusCreated, "")
	})
	t.Run("OtherSiteIsNotLockedOut", func(t *testing.T) {
		b.call(http.MethodPost, "/session", w.login("client-b")).want(t, http.StatusCreated, "")
	})
	t.Run("LockoutEnds", func(t *testing.T) {
		w.pass(10 * time.Minute)
		for range 15 {
			a.call(http.MethodPost, "/session", right).want(t, http.StatusCreated, "")
		}
	})
}
