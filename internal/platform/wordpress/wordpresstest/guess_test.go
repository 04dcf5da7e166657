//go:build linux && wordpress

package wordpresstest_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestGuesses tries passwords in each request whose response distinguishes the right password from a wrong one.
func TestGuesses(t *testing.T) {
	const burst = 10
	for name, prepare := range map[string]func(c *client) (guess func(password string) answer, code string){
		"RepeatedWrite": func(c *client) (func(string) answer, string) {
			id := uuid.NewString()
			body := func(password string) object {
				return object{"settings": c.settings(nil), "password": password, "enabled": false, "write_id": id}
			}
			c.put(body(c.password)).want(c, http.StatusOK, "")
			return func(password string) answer {
				return c.call(http.MethodPut, "/smtp", body(password), "If-Match", `"0"`)
			}, "key_reused"
		},
		"EnabledWhileOn": func(c *client) (func(string) answer, string) {
			c.enable(nil)
			return func(password string) answer {
				return c.put(object{"settings": c.settings(nil), "password": password, "enabled": true})
			}, "verification_required"
		},
		"EnabledAfterATest": func(c *client) (func(string) answer, string) {
			c.mustTest(nil, "passed", "data")
			return func(password string) answer {
				return c.put(object{"settings": c.settings(nil), "password": password, "enabled": true})
			}, "verification_required"
		},
		"SavedAndVerifiedOrNot": func(c *client) (func(string) answer, string) {
			c.enable(nil)
			return func(password string) answer {
				return c.put(object{"settings": c.settings(nil), "password": password, "enabled": false})
			}, ""
		},
		"KnownTest": func(c *client) (func(string) answer, string) {
			path, body := newTest(), c.candidate()
			c.call(http.MethodPut, path, body).want(c, http.StatusOK, "")
			return func(password string) answer {
				body["password"] = password
				return c.call(http.MethodPut, path, body)
			}, "key_reused"
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t)
			guess, code := prepare(c)
			for i := range burst {
				if got := guess(canary + strconv.Itoa(i)); got.object["code"] != any(code) && (code != "" || got.status != http.StatusOK) {
					t.Fatalf("guess %d: %d %s", i, got.status, got.raw)
				}
			}
			for _, password := range []string{canary + "x", c.password} {
				if got := guess(password).want(t, http.StatusTooManyRequests, "rate_limited"); got.header.Get("Retry-After") == "" {
					t.Error("the response has no Retry-After")
				}
			}
			log, err := wordpress.Log()
			if err != nil {
				t.Fatal(err)
			}
			if line := "admin sent a wrong mail password from 127.0.0.1"; strings.Count(log, line) < burst {
				t.Error("the log lacks the guesses")
			}
		})
	}
	t.Run("RightPasswordDoesNotCount", func(t *testing.T) {
		c := start(t)
		for range 3 {
			c.enable(nil)
		}
		for range 2 * burst {
			c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": true}).want(t, http.StatusOK, "")
		}
	})
}

// TestKeysInTheDatabase: wp-config.php has the keys of WordPress' sample file, so that WordPress creates other keys and stores them in the
// database.
func TestKeysInTheDatabase(t *testing.T) {
	const sample = "define( 'AUTH_KEY', 'put your unique phrase here' );"
	health := func(c *client) string { return c.Eval(c, `echo SiteSMTP\Health::keys()["status"];`) }
	c := start(t)
	equal(t, health(c), "good")
	if err := c.Configure(sample); err != nil {
		t.Fatal(err)
	}
	equal(t, health(c), "critical")
	for _, got := range []answer{
		c.test(c.candidate()),
		c.put(object{"settings": c.settings(nil), "password": c.password, "enabled": false}),
	} {
		refused := got.want(t, http.StatusUnprocessableEntity, "invalid")
		if refused.object["field"] != "password" || !strings.Contains(refused.object["detail"].(string), "SITE_SMTP_KEY") {
			t.Errorf("got %s", refused.raw)
		}
	}
	c.put(object{"settings": c.settings(object{"username": ""}), "enabled": false}).want(t, http.StatusOK, "")
	if n := c.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections, want 0", n)
	}
	t.Run("WithItsOwnKey", func(t *testing.T) {
		if err := c.Configure(sample + "define( 'SITE_SMTP_KEY', 'a long and random key' );"); err != nil {
			t.Fatal(err)
		}
		equal(t, health(c), "good")
		c.enable(nil)
	})
}
