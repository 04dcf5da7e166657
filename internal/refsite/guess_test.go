package refsite_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Someone with a token but without the password could try passwords until a response reveals the right one. So guesses are counted like
// failed logins.
func TestR42GuessingTheStoredPassword(t *testing.T) {
	const limit = 3
	for name, oracle := range map[string]func(w *testbed, c *client) (guess func(password string) answer){
		"RepeatedWrite": func(w *testbed, c *client) func(string) answer {
			id, tag := uuid.NewString(), c.etag()
			write := func(password string) answer {
				body := object{"settings": w.settings(nil), "password": password, "enabled": false, "write_id": id}
				return c.call(http.MethodPut, "/smtp", body, "If-Match", tag)
			}
			write(w.password).want(t, http.StatusOK, "")
			return write
		},
		"RepeatedTest": func(w *testbed, c *client) func(string) answer {
			path := newTest()
			test := func(password string) answer {
				return c.call(http.MethodPut, path, object{"settings": w.settings(nil), "password": password, "recipient": recipient})
			}
			test(w.password).want(t, http.StatusOK, "")
			return test
		},
		"EnabledWhileOn": func(w *testbed, c *client) func(string) answer {
			w.enable(c, nil)
			return func(password string) answer {
				return c.put(object{"settings": w.settings(nil), "password": password, "enabled": true})
			}
		},
		"SavedAfterAPass": func(w *testbed, c *client) func(string) answer {
			c.test(w.candidate()).want(t, http.StatusOK, "")
			return func(password string) answer {
				return c.put(object{"settings": w.settings(nil), "password": password, "enabled": false})
			}
		},
		// For these, the admin page reveals whether it was the saved password.
		"TestOfTheSavedSettings": func(w *testbed, c *client) func(string) answer {
			w.enable(c, nil)
			return func(password string) answer {
				return c.test(object{"settings": w.settings(nil), "password": password, "recipient": recipient})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, func(c *refsite.Config) { c.Guesses = limit })
			guess := oracle(w, w.site("client-a"))
			for range limit {
				if got := guess("a guess"); got.status == http.StatusTooManyRequests {
					t.Fatalf("guess %d was refused too early: %s", got.status, got.raw)
				}
			}
			for _, password := range []string{"a guess", w.password} {
				got := guess(password).want(t, http.StatusTooManyRequests, "rate_limited")
				if got.header.Get("Retry-After") == "" {
					t.Error("the response has no Retry-After")
				}
			}
			if n := strings.Count(w.log.String(), "password does not match"); n != limit {
				t.Errorf("%d lines in the log, want %d", n, limit)
			}
			w.restart(func() {})
			guess(w.password).want(t, http.StatusTooManyRequests, "rate_limited")
			w.enable(w.site("client-b"), nil)
			w.pass(10 * time.Minute)
			for range limit + 1 {
				guess(w.password).want(t, http.StatusOK, "")
			}
		})
	}
}

// Otherwise an edited test record could be used to find the right password, while wrong ones are not counted.
func TestEditedTestRevealsNoPassword(t *testing.T) {
	for name, edit := range map[string]func(*store.Test){
		"OtherPort":   func(t *store.Test) { t.Settings.Port++ },
		"OtherStatus": func(t *store.Test) { t.Result.Status = site.Failed },
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			c := w.site("client-a")
			path := newTest()
			c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusOK, "")
			w.restart(func() {
				w.edit(func(tx *store.Tx) error {
					s, err := tx.Site(c.id)
					if err != nil {
						return err
					}
					test, err := s.Test(filepath.Base(path))
					if err != nil {
						return err
					}
					edit(&test)
					return s.PutTest(test)
				})
			})
			for _, password := range []string{"a guess", w.password} {
				c.put(object{"settings": w.settings(nil), "password": password, "enabled": true}).want(t, http.StatusConflict, "verification_required")
				c.put(object{"settings": w.settings(nil), "password": password, "enabled": false}).want(t, http.StatusOK, "")
				if got := c.read(); got.object["verification"] != nil {
					t.Errorf("%s: %s", password, got.raw)
				}
			}
		})
	}
}
