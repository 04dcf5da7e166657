package adminapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// logged plays the steps and returns the records as they were logged, one for each attempt.
func logged(t *testing.T, credentials adminapi.Credentials, call func(*adminapi.Client), steps ...adminapitest.Step) []map[string]any {
	t.Helper()
	var l log
	site := adminapitest.Play(t, steps...)
	call(open(t, adminapi.PoolOptions{Logger: l.handler(), DialContext: site.DialContext},
		adminapi.Config{URL: adminapitest.URL, Credentials: credentials, Limits: unlimited()}))
	if strings.Contains(l.String(), "canary") {
		t.Errorf("the log shows a secret: %s", l.String())
	}
	var records []map[string]any
	for line := range strings.Lines(l.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		delete(record, "time")
		records = append(records, record)
	}
	return records
}

func TestOneLineForEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(w http.ResponseWriter, r *http.Request) {
			_ = adminapi.Sleep(r.Context(), 1500*time.Millisecond)
			fine(w, r)
		}
		got := logged(t, nil, func(c *adminapi.Client) { _ = get(t.Context(), c, nil) },
			adminapitest.Step{Dial: adminapitest.Refused()},
			adminapitest.Step{Call: "GET /thing", Answer: adminapitest.HTML(502)},
			adminapitest.Step{Call: "GET /thing", Answer: slow},
		)
		want := []string{
			"DEBUG admin API request GET http://127.0.0.1:8080/thing 1 0s: <nil>, the site cannot be reached: dial tcp: connection refused",
			"DEBUG admin API request GET http://127.0.0.1:8080/thing 2 0s: 502, <nil>",
			"DEBUG admin API request GET http://127.0.0.1:8080/thing 3 1.5s: 200, <nil>",
		}
		var lines []string
		for _, r := range got {
			lines = append(lines, fmt.Sprintf("%v %v %v %v %v %v: %v, %v", r["level"], r["msg"], r["method"], r["url"], r["attempt"], r["duration"], r["status"], r["error"]))
		}
		if !slices.Equal(lines, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
		}
	})
}

// Whoever looks on learns what a call waits for that takes long.
func TestALongCallTellsWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(w http.ResponseWriter, r *http.Request) {
			_ = adminapi.Sleep(r.Context(), 15*time.Second)
			fine(w, r)
		}
		busy := adminapitest.WithHeader("Retry-After", "12", adminapitest.Problem(503, "stopping"))
		limits := adminapitest.WithHeader("Retry-After", "14", adminapitest.Problem(429, "rate_limited"))
		got := logged(t, nil, func(c *adminapi.Client) {
			for range 3 {
				if err := get(t.Context(), c, nil); err != nil {
					t.Error(err)
				}
			}
		}, adminapitest.Step{Call: "GET /thing", Answer: slow}, adminapitest.Step{Call: "GET /thing", Answer: busy}, good(), adminapitest.Step{Call: "GET /thing", Answer: limits}, good())
		var lines []string
		for _, r := range got {
			if r["level"] == "WARN" {
				lines = append(lines, fmt.Sprintf("%v %v %v %v: %v", r["msg"], r["method"], r["url"], r["duration"], r["waiting_for"]))
			}
		}
		const begin = "admin API request takes long GET http://127.0.0.1:8080/thing 10s: "
		if len(lines) != 3 || lines[0] != begin+"an answer" ||
			!regexp.MustCompile(`^`+begin+`another attempt, in 1[23]s, after: 503 stopping: Service Unavailable \(the site asks to wait 12s\)$`).MatchString(lines[1]) ||
			!strings.HasPrefix(lines[2], begin+"another attempt, in 1") {
			t.Errorf("got %q", lines)
		}
	})
}

func TestACallThatWaitsForItsTurnSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l log
		limits := unlimited()
		limits.Concurrency = 1
		slow := func(_ http.ResponseWriter, r *http.Request) { _ = adminapi.Sleep(r.Context(), 11*time.Second) }
		site := adminapitest.Play(t, adminapitest.Step{Call: "GET /thing", Answer: slow}, adminapitest.Step{Call: "GET /thing", Answer: slow})
		client := open(t, adminapi.PoolOptions{Logger: l.handler(), DialContext: site.DialContext}, adminapi.Config{URL: adminapitest.URL, Limits: limits})
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if err := get(t.Context(), client, nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := strings.Count(l.String(), `"waiting_for":"its turn"`); n != 1 {
			t.Errorf("%d requests logged it, want 1: %s", n, l.String())
		}
	})
}

func TestACallThatWaitsForAnotherCallsRetryAfterSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := adminapitest.WithHeader("Retry-After", "14", adminapitest.Problem(429, "rate_limited"))
		got := logged(t, nil, func(c *adminapi.Client) {
			_, _ = c.Do(t.Context(), adminapi.Request{Method: "POST", Path: "/thing"}, nil)
			if err := get(t.Context(), c, nil); err != nil {
				t.Error(err)
			}
		}, adminapitest.Step{Call: "POST /thing", Answer: busy}, good())
		if len(got) != 3 || got[1]["waiting_for"] != "the site, which asked to be left alone for another 14s" {
			t.Errorf("got %v", got)
		}
	})
}

func TestLogsHoldStringsAndNoSecrets(t *testing.T) {
	for place, echo := range echoes {
		session := adminapi.Session(func(ctx context.Context, anonymous *adminapi.Client) (adminapi.Grant, error) {
			_, err := anonymous.Do(ctx, adminapi.Request{
				Method: "POST", Path: "/session", Body: map[string]string{"password": "canary-login"}, Repeat: adminapi.Login,
			}, nil)
			return adminapi.Grant{Authorization: secret.New("Bearer canary-token")}, err
		})
		t.Run(place, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				records := logged(t, session, func(c *adminapi.Client) {
					_, err := c.Do(t.Context(), adminapi.Request{
						Method: "PUT", Path: "/thing", Body: login{Password: adminapi.Secret{Text: secret.New("canary-mail")}},
						Header: http.Header{"If-Match": {"canary-header"}},
					}, &struct{}{})
					if _, ok := errors.AsType[*adminapi.Error](err); !ok {
						t.Errorf("got %v", err)
					}
				},
					adminapitest.Step{Call: "POST /session", Answer: adminapitest.WithHeader("Set-Cookie", "canary", adminapitest.JSON(200, `"canary"`))},
					adminapitest.Step{Call: "PUT /thing", Answer: echo},
				)
				if len(records) != 2 {
					t.Errorf("%d records, want 2", len(records))
				}
				for _, record := range records {
					for name, value := range record {
						if _, ok := value.(string); !ok {
							t.Errorf("%s is a %T", name, value)
						}
					}
				}
			})
		})
	}
}
