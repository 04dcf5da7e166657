package adminapi_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
)

// asking is a refusal that asks to wait.
func asking(retryAfter string) adminapitest.Step {
	return adminapitest.Step{
		Call:   "GET /thing",
		Answer: adminapitest.WithHeader("Retry-After", retryAfter, adminapitest.Problem(503, "stopping")),
	}
}

func good() adminapitest.Step {
	return adminapitest.Step{Call: "GET /thing", Answer: adminapitest.JSON(200, `{}`)}
}

func TestRetryAfter(t *testing.T) {
	const jitter = time.Second
	for value, want := range map[string]time.Duration{
		"7":    7 * time.Second,
		" 7 ":  7 * time.Second,
		"60":   time.Minute,
		"0":    0,
		"-5":   0,
		"1.5":  0,
		"soon": 0,
		"":     0,
		"7, 8": 0,
		// The clock of a synctest bubble starts at midnight UTC 2000-01-01.
		"Sat, 01 Jan 2000 00:00:09 GMT":    9 * time.Second,
		"Saturday, 01-Jan-00 00:00:09 GMT": 9 * time.Second,
		"Fri, 31 Dec 1999 23:59:59 GMT":    0,
		"Sat, 99 Jan 2000 00:00:09 GMT":    0,
	} {
		t.Run(value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				if err := get(t.Context(), play(t, nil, asking(value), good()), nil); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took < want+jitter/2 || took >= want+jitter {
					t.Errorf("waited %s, want %s and up to a second", took, want)
				}
			})
		})
	}
}

// If a site asks to wait for too long, no retry would succeed.
func TestALongRetryAfterIsNotWaitedFor(t *testing.T) {
	for value, want := range map[string]string{
		"61": "1m1s", "86400": "24h0m0s", "4294967295": "8760h0m0s", "99999999999999999999999999999": "8760h0m0s",
		"Sat, 01 Jan 2000 00:10:00 GMT": "10m0s", "Sat, 01 Jan 2050 00:00:00 GMT": "8760h0m0s",
	} {
		t.Run(value, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := get(t.Context(), play(t, nil, asking(value)), nil)
				e, ok := errors.AsType[*adminapi.Error](err)
				if !ok || e.Attempts != 1 || !strings.Contains(err.Error(), "the site asks to wait "+want+", which is too long to wait") || time.Since(start) != 0 {
					t.Errorf("got %v after %s", err, time.Since(start))
				}
			})
		})
	}
}

func TestALongRestOfAnOriginIsToldToItsOtherSites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := adminapitest.WithHeader("Retry-After", "3600", adminapitest.Problem(429, "rate_limited"))
		client := play(t, nil, adminapitest.Step{Call: "GET /thing", Answer: busy}, good())
		start := time.Now()
		for i, want := range []string{"429 rate_limited: Too Many Requests (the site", "429 Too Many Requests (the site asks to wait 1h0m0s, which is too long to wait): it answered so to an earlier request; this one was not sent"} {
			err := get(t.Context(), client, nil)
			e, ok := errors.AsType[*adminapi.Error](err)
			if !ok || !strings.Contains(err.Error(), want) || e.Undecided() || time.Since(start) != 0 {
				t.Errorf("request %d after %s: got %v", i, time.Since(start), err)
			}
		}
		// A minute before the end it is waited for.
		if err := adminapi.Sleep(t.Context(), 59*time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := get(t.Context(), client, nil); err != nil || time.Since(start) != time.Hour {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
	})
}

func TestWhoHasNoTimeForTheRateIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unlimited()
		limits.RequestsPerSecond, limits.Concurrency = 0.01, 1
		client := newTown(t).build(t, "127.0.0.1:80", limits, fine)
		if err := get(t.Context(), client, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		err := get(ctx, client, nil)
		if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Kind != adminapi.Unreachable || !strings.Contains(err.Error(), "waiting for its turn: not enough time left") || time.Since(start) != 0 {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
	})
}

func TestTheNumberOfAttemptsIsTold(t *testing.T) {
	for attempts, want := range map[int]string{0: "404 Not Found", 1: "404 Not Found", 2: "404 Not Found (2 attempts)"} {
		e := &adminapi.Error{Kind: adminapi.Refused, Status: 404, Attempts: attempts}
		if got := strings.TrimSpace(e.Error()); !strings.HasSuffix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A caller without a deadline is not held for ever by what others make its origin wait for.
func TestACallWithoutADeadlineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unlimited()
		limits.Concurrency = 1
		town := newTown(t)
		client := town.build(t, "127.0.0.1:80", limits, func(w http.ResponseWriter, r *http.Request) {
			adminapitest.WithHeader("Retry-After", "60", adminapitest.Problem(429, "rate_limited"))(w, r)
		})
		start := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				err := get(t.Context(), client, nil)
				if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Attempts > 4 || time.Since(start) > 6*time.Minute {
					t.Errorf("got %[2]v after %[1]s", time.Since(start), err)
				}
			})
		}
		all.Wait()
	})
}

func TestWaitsGrowAndVary(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			limits := unlimited()
			limits.MaxRetries = 6
			site := adminapitest.Play(t, slices.Repeat([]adminapitest.Step{asking("")}, 7)...)
			client := open(t, adminapi.PoolOptions{DialContext: site.DialContext}, adminapi.Config{URL: adminapitest.URL, Limits: limits})
			start := time.Now()
			_ = get(t.Context(), client, nil)
			took := time.Since(start)
			// Bounds 1, 2, 4, 8, 8, 8 s.
			if took < 6*500*time.Millisecond || took > 31*time.Second {
				t.Errorf("waited %s", took)
			}
			seen[took] = true
		})
	}
	if len(seen) < 40 {
		t.Errorf("50 requests waited for only %d different durations", len(seen))
	}
}

func TestNobodyWaitsPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		err := get(ctx, play(t, nil, asking("59")), nil)
		e, ok := errors.AsType[*adminapi.Error](err)
		if !ok || e.Status != 503 || !strings.Contains(err.Error(), "the site asks to wait 59s") {
			t.Errorf("got %v", err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("gave up only after %s", took)
		}
	})
}

func TestTheDeadlineEndsACallAtOnce(t *testing.T) {
	for name, step := range map[string]adminapitest.Step{
		"waiting for a response":           {Call: "GET /thing", Answer: adminapitest.Silence},
		"waiting for a retry":              asking("20"),
		"waiting for a connection":         {Dial: adminapitest.Refused()},
		"waiting for the rest of a header": {Call: "GET /thing", Answer: adminapitest.Raw("HTTP/1.1 200", true)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				client := play(t, nil, step)
				go func() { ended <- get(ctx, client, nil) }()
				synctest.Wait()
				before := time.Now()
				cancel()
				err := <-ended
				if _, ok := errors.AsType[*adminapi.Error](err); !ok || !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
				if n := strings.Count(err.Error(), context.Canceled.Error()); n != 1 {
					t.Errorf("the error says %d times that it was canceled, want once: %v", n, err)
				}
				if took := time.Since(before); took != 0 {
					t.Errorf("took %s, want 0s", took)
				}
			})
		})
	}
}

func TestACallThatIsOverBeforeItStartsSendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := get(ctx, play(t, nil), nil)
		e, ok := errors.AsType[*adminapi.Error](err)
		if !ok || e.Kind != adminapi.Unreachable || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRequestTimeoutBoundsEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := unlimited()
		limits.RequestTimeout = 5 * time.Second
		drip := func(w http.ResponseWriter, r *http.Request) {
			// A byte each second: never silent, never done.
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				_ = adminapi.Sleep(r.Context(), time.Second)
			}
		}
		site := adminapitest.Play(t, slices.Repeat([]adminapitest.Step{{Call: "GET /thing", Answer: drip}}, 4)...)
		client := open(t, adminapi.PoolOptions{DialContext: site.DialContext}, adminapi.Config{URL: adminapitest.URL, Limits: limits})
		start := time.Now()
		err := get(t.Context(), client, nil)
		if took := time.Since(start); took < 20*time.Second || took > 28*time.Second {
			t.Errorf("took %s for 4 attempts", took)
		}
		if err == nil || !strings.Contains(err.Error(), "gave up after 5s (4 attempts)") {
			t.Errorf("got %v", err)
		}
	})
}
