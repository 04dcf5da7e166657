package siteadmin_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func stillRunning(retryAfter string) http.HandlerFunc {
	return adminapitest.WithHeader("Retry-After", retryAfter, tested(202, running))
}

func TestRunningTestIsPolled(t *testing.T) {
	for name, tt := range map[string]struct {
		steps func(*script) []step
		want  time.Duration
	}{
		"at the site's Retry-After": {func(s *script) []step {
			return []step{s.on(putTest, stillRunning("5")), s.on(getTest, stillRunning("7")), s.on(getTest, tested(200, ""))}
		}, 12 * time.Second},
		"every second by default": {func(s *script) []step {
			return []step{s.on(putTest, tested(202, running)), s.on(getTest, tested(202, running)), s.on(getTest, tested(200, ""))}
		}, 2 * time.Second},
		"at least a second apart": {func(s *script) []step {
			return []step{s.on(putTest, stillRunning("0")), s.on(getTest, tested(200, ""))}
		}, time.Second},
		"at most a minute apart": {func(s *script) []step {
			return []step{s.fault(putTest, stillRunning("86400")), s.on(getTest, tested(200, ""))}
		}, time.Minute},
		"after a lost response": {func(s *script) []step {
			return []step{s.fault(putTest, adminapitest.Reset), s.on(getTest, stillRunning("5")), s.on(getTest, tested(200, ""))}
		}, time.Second},
		"after lost polls": {func(s *script) []step {
			return []step{
				s.on(putTest, stillRunning("5")), {Dial: adminapitest.Refused()}, s.fault(getTest, adminapitest.Reset), s.on(getTest, tested(200, "")),
			}
		}, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				start := time.Now()
				got, err := s.play(token, append(recognised(s), tt.steps(s)...)...).
					Test(limit(t), site.TestRequest{Candidate: &candidate, Recipient: "ops@example.com"})
				if err != nil || got.Status != site.Passed {
					t.Errorf("got %+v, %v", got, err)
				}
				if took := time.Since(start); took < tt.want || took > tt.want+3*time.Second {
					t.Errorf("took %s, want %s", took, tt.want)
				}
				s.same()
			})
		})
	}
}

func TestMissingVerdictIsNoAnswer(t *testing.T) {
	for name, steps := range map[string]func(*script) []step{
		"test lost by the site": func(s *script) []step { return []step{s.on(putTest, stillRunning("5")), s.on(getTest, notFound)} },
		"session expired": func(s *script) []step {
			return []step{s.on(putTest, stillRunning("5")), s.on(getTest, adminapitest.Problem(401, "unauthorized"))}
		},
		"result of another test": func(s *script) []step {
			other := tested(200, `{"key":"9b2f6a0e-4f0e-4f5d-8f39-6d9b6a1c2e11"}`)
			return []step{s.on(putTest, other), s.on(getTest, other)}
		},
		"unknown status": func(s *script) []step {
			splendid := tested(200, `{"status":"splendid"}`)
			return []step{s.fault(putTest, splendid), s.fault(getTest, splendid)}
		},
		"no status": func(s *script) []step {
			return []step{s.fault(putTest, adminapitest.JSON(200, `{}`)), s.fault(getTest, adminapitest.JSON(200, `{}`))}
		},
		"wrong shape": func(s *script) []step {
			return []step{s.fault(putTest, tested(200, `{"reply":"250 Ok"}`)), s.fault(getTest, tested(200, `{"reply":"250 Ok"}`))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				_, err := s.play(token, append(recognised(s), steps(s)...)...).
					Test(limit(t), site.TestRequest{Candidate: &candidate, Recipient: "ops@example.com"})
				if site.KindOf(err) != site.NoAnswer {
					t.Errorf("got %q: %v", site.KindOf(err), err)
				}
			})
		})
	}
}

func TestPollingEndsWithTheContext(t *testing.T) {
	t.Run("AtOnceIfTheNextPollWouldBeTooLate", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			start := time.Now()
			s := newScript(t)
			_, err := s.play(token, append(recognised(s), s.on(putTest, stillRunning("30")))...).
				Test(ctx, site.TestRequest{Candidate: &candidate, Recipient: "ops@example.com"})
			if site.KindOf(err) != site.NoAnswer || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "may have been sent") {
				t.Errorf("got %q: %v", site.KindOf(err), err)
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("took %s, want 0s", took)
			}
		})
	})
	t.Run("WhenCanceled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := newScript(t)
			opened := s.play(token, append(recognised(s), s.on(putTest, stillRunning("30")))...)
			ended := make(chan error)
			go func() {
				_, err := opened.Test(ctx, site.TestRequest{Candidate: &candidate, Recipient: "ops@example.com"})
				ended <- err
			}()
			synctest.Wait()
			cancel()
			if err := <-ended; site.KindOf(err) != site.NoAnswer || !errors.Is(err, context.Canceled) {
				t.Errorf("got %q: %v", site.KindOf(err), err)
			}
		})
	})
}
