package adminapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// sessions logs in at /session and gets a token that holds for the given time.
func sessions(lifetime time.Duration) adminapi.Credentials {
	return adminapi.Session(func(ctx context.Context, anonymous *adminapi.Client) (adminapi.Grant, error) {
		var out struct{ Token string }
		_, err := anonymous.Do(ctx, adminapi.Request{Method: "POST", Path: "/session", Repeat: adminapi.Login}, &out)
		grant := adminapi.Grant{Authorization: secret.New(out.Token)}
		if lifetime != 0 {
			grant.Expires = time.Now().Add(lifetime)
		}
		return grant, err
	})
}

// logsIn expects a login and gives token.
func logsIn(token string) adminapitest.Step {
	return adminapitest.Step{
		Call:   "POST /session",
		Answer: adminapitest.JSON(201, fmt.Sprintf(`{"token":%q}`, token)),
		Check: func(t adminapitest.T, r *http.Request, _ string) {
			if r.Header.Get("Authorization") != "" {
				t.Errorf("the login request carried credentials in a header")
			}
		},
	}
}

// uses expects a call with token and gives answer.
func uses(token string, answer http.HandlerFunc) adminapitest.Step {
	return adminapitest.Step{
		Call:   "GET /thing",
		Answer: answer,
		Check: func(t adminapitest.T, r *http.Request, _ string) {
			if got := r.Header.Get("Authorization"); got != token {
				t.Errorf("came with %q, want %q", got, token)
			}
		},
	}
}

var (
	fine     = adminapitest.JSON(200, `{}`)
	rejected = adminapitest.Problem(401, "unauthorized")
)

func TestSessions(t *testing.T) {
	for name, tt := range map[string]struct {
		lifetime time.Duration
		calls    int
		pause    time.Duration
		steps    []adminapitest.Step
		fails    bool
	}{
		"OneLoginServesManyRequests": {
			lifetime: time.Hour, calls: 3,
			steps: []adminapitest.Step{logsIn("one"), uses("one", fine), uses("one", fine), uses("one", fine)},
		},
		"RenewsBeforeExpiry": {
			lifetime: time.Hour, calls: 2, pause: time.Hour - 30*time.Second,
			steps: []adminapitest.Step{logsIn("one"), uses("one", fine), logsIn("two"), uses("two", fine)},
		},
		"UsesASessionUntilThen": {
			lifetime: time.Hour, calls: 2, pause: time.Hour - 31*time.Second,
			steps: []adminapitest.Step{logsIn("one"), uses("one", fine), uses("one", fine)},
		},
		"UsesASessionWithoutExpiryUntilRejected": {
			calls: 2, pause: 1000 * time.Hour,
			steps: []adminapitest.Step{logsIn("one"), uses("one", fine), uses("one", rejected), logsIn("two"), uses("two", fine)},
		},
		"UsesASessionThatSeemsExpiredAtTheStart": {
			lifetime: -time.Hour, calls: 2,
			steps: []adminapitest.Step{logsIn("one"), uses("one", fine), uses("one", fine)},
		},
		"RenewsOnlyOnce": {
			calls: 1, fails: true,
			steps: []adminapitest.Step{logsIn("one"), uses("one", rejected), logsIn("two"), uses("two", rejected)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := play(t, sessions(tt.lifetime), tt.steps...)
				for range tt.calls {
					if err := get(t.Context(), client, nil); (err != nil) != tt.fails {
						t.Errorf("got %v", err)
					}
					if err := adminapi.Sleep(t.Context(), tt.pause); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

func TestConcurrentCallsShareOneLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := slices.Repeat([]adminapitest.Step{uses("one", fine)}, 10)
		login := logsIn("one")
		answer := login.Answer
		login.Answer = func(w http.ResponseWriter, r *http.Request) {
			_ = adminapi.Sleep(r.Context(), time.Second) // by then all calls want a session
			answer(w, r)
		}
		client := play(t, sessions(time.Hour), append([]adminapitest.Step{login}, calls...)...)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := get(t.Context(), client, nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func TestConcurrentRejectionsRenewOnce(t *testing.T) {
	var logins atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("POST /session", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"token":"t%d"}`, logins.Add(1))
	})
	mux.HandleFunc("GET /thing", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "t2" {
			rejected(w, r)
		}
	})
	client := open(t, adminapi.PoolOptions{}, adminapi.Config{URL: serve(t, mux).URL, Credentials: sessions(0), Limits: unlimited()})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := get(t.Context(), client, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := logins.Load(); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

func TestARefusedLoginIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := adminapitest.Step{Call: "POST /session", Answer: adminapitest.Problem(401, "unauthorized", `"detail":"wrong password"`)}
		client := play(t, sessions(0), refused)
		for range 3 {
			err := get(t.Context(), client, nil)
			e, ok := errors.AsType[*adminapi.Error](err)
			if !ok || e.Kind != adminapi.NotLoggedIn || e.Undecided() || e.Attempts != 1 {
				t.Errorf("got %+v", err)
			}
			want := "GET http://127.0.0.1:8080/thing: login failed: POST http://127.0.0.1:8080/session: 401 unauthorized: wrong password"
			if err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		}
	})
}

func TestALoginThatTheSiteCouldNotServeIsTriedByTheNextCall(t *testing.T) {
	for name, steps := range map[string][]adminapitest.Step{
		"failed":          {{Call: "POST /session", Answer: adminapitest.HTML(500)}},
		"unreachable":     slices.Repeat([]adminapitest.Step{{Dial: adminapitest.Refused()}}, 4),
		"too many logins": slices.Repeat([]adminapitest.Step{{Call: "POST /session", Answer: adminapitest.Problem(429, "rate_limited")}}, 4),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := play(t, sessions(0), append(steps, logsIn("one"), uses("one", fine))...)
				if err := get(t.Context(), client, nil); err == nil {
					t.Error("got no error")
				}
				if err := get(t.Context(), client, nil); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestWaitingForAnotherCallsLoginEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := play(t, sessions(0), adminapitest.Step{Call: "POST /session", Answer: adminapitest.Silence},
			adminapitest.Step{Call: "POST /session", Answer: adminapitest.Silence})
		first := make(chan error)
		go func() { first <- get(t.Context(), client, nil) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := get(ctx, client, nil)
		if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Kind != adminapi.Unreachable || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := <-first; err == nil || !strings.Contains(err.Error(), "login failed") {
			t.Errorf("got %v", err)
		}
	})
}

func TestTokenBesideCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := uses("Basic YWRtaW46c3RhZ2luZw==", rejected)
		basic := step.Check
		step.Check = func(t adminapitest.T, r *http.Request, body string) {
			basic(t, r, body)
			if got := r.Header.Get("X-Site-Token"); got != "t0ken" {
				t.Errorf("got token %q", got)
			}
		}
		credentials := adminapi.WithToken(adminapi.Basic("admin", secret.New("staging")), "X-Site-Token", secret.New("t0ken"))
		if err := get(t.Context(), play(t, credentials, step), nil); err == nil || !strings.Contains(err.Error(), "401 unauthorized") {
			t.Errorf("got %v", err)
		}
	})
}

func TestFixedCredentials(t *testing.T) {
	for want, credentials := range map[string]adminapi.Credentials{
		"Bearer t0ken":           adminapi.Bearer(secret.New("t0ken")),
		"Basic YWRtaW46cMOkc3M=": adminapi.Basic("admin", secret.New("päss")),
		"":                       nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			client := play(t, credentials, uses(want, fine), uses(want, rejected))
			if err := get(t.Context(), client, nil); err != nil {
				t.Error(err)
			}
			if err := get(t.Context(), client, nil); err == nil || !strings.Contains(err.Error(), "401 unauthorized") {
				t.Errorf("got %v", err)
			}
		})
	}
}
