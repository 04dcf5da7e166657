package site_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// crowded is what a server says that gets too much at a time.
var crowded = site.TestResult{
	Status: site.Failed, Stage: site.StageBanner, Reply: &site.Reply{Code: 421, Text: "too many connections"},
	Diagnosis: &site.Diagnosis{Summary: "too many connections", Retry: site.RetryShort},
}

func isCrowded(r site.TestResult, _ site.Settings) bool { return r.Reply != nil && r.Reply.Code == 421 }

// busyServer is a submission server that takes so many tests at a time, each for a second.
type busyServer struct {
	mu                       sync.Mutex
	takes, busy, peak, tests int
}

func (r *busyServer) test() site.TestResult {
	r.mu.Lock()
	r.busy++
	r.tests++
	r.peak = max(r.peak, r.busy)
	refused := r.busy > r.takes
	r.mu.Unlock()
	time.Sleep(time.Second)
	r.mu.Lock()
	r.busy--
	r.mu.Unlock()
	if refused {
		return crowded
	}
	return passed
}

// relayed is a working site whose tests go to the relay.
type relayed struct {
	*model
	relay *busyServer
}

func (s relayed) Test(ctx context.Context, t site.TestRequest) (site.TestResult, error) {
	if result := s.relay.test(); result.Status != site.Passed {
		return result, nil
	}
	return s.model.Test(ctx, t)
}

// relayThrough applies the change to so many sites at once, all with one limiter, and returns the errors.
func relayThrough(t *testing.T, r *busyServer, limiter *site.TestLimiter, sites int) []error {
	t.Helper()
	p := procedure(t)
	p.Limiter = limiter
	errs := make([]error, sites)
	var running sync.WaitGroup
	for i := range sites {
		m := newModel(site.Capabilities{}, true)
		m.acceptsAll = true
		running.Go(func() {
			c := toOtherHost()
			c.Prior = m.now()
			m.enter(c.Candidate.Settings, c.Candidate.Password.Reveal())
			_, errs[i] = p.Apply(t.Context(), relayed{m, r}, c)
		})
	}
	running.Wait()
	return errs
}

func TestLimiterBoundsTestsPerServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &busyServer{takes: 10}
		began := time.Now()
		if err := errors.Join(relayThrough(t, r, site.NewTestLimiter(10, isCrowded), 40)...); err != nil {
			t.Error(err)
		}
		if r.peak != 10 || r.tests != 40 || time.Since(began) != 4*time.Second {
			t.Errorf("%d at a time, %d tests in %v; want 10, 40 in 4s", r.peak, r.tests, time.Since(began))
		}
	})
}

// A relay that takes three at a time slows its senders down, and fails none.
func TestLimiterAdaptsToARefusingRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &busyServer{takes: 3}
		if err := errors.Join(relayThrough(t, r, site.NewTestLimiter(10, isCrowded), 40)...); err != nil {
			t.Error(err)
		}
		if refused := r.tests - 40; refused > 30 {
			t.Errorf("got %d refused tests, want at most 30", refused)
		}
	})
}

func TestLimiterKeepsServersApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter := site.NewTestLimiter(1, isCrowded)
		c := toOtherHost()
		refused := func(context.Context) (site.TestResult, error) { return crowded, nil }
		accepted := func(context.Context) (site.TestResult, error) { return passed, nil }
		if _, err := limiter.Do(t.Context(), c.Candidate.Settings, refused); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := limiter.Do(t.Context(), settingsAt("other.example.test"), accepted); err != nil || time.Since(began) != 0 {
			t.Errorf("got %v after %v, want success at once: each server has its own limiter", err, time.Since(began))
		}
		if _, err := limiter.Do(t.Context(), c.Candidate.Settings, accepted); err != nil || time.Since(began) < 2*time.Second {
			t.Errorf("got %v after %v, want a pause of at least 2s", err, time.Since(began))
		}
	})
}

// A server that refused gets half as many tests at a time, and one more each time as many have passed.
func TestLimiterGrowsAsTestsPass(t *testing.T) {
	s := settingsAt("smtp.example.com")
	for _, tt := range []struct{ limit, passes, want int }{
		{4, 0, 2}, {4, 1, 2}, {4, 2, 3}, {4, 4, 3}, {4, 5, 4}, {4, 50, 4}, {5, 0, 2}, {1, 0, 1}, {1, 2, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			limiter, server := site.NewTestLimiter(tt.limit, isCrowded), &busyServer{takes: 10}
			answer := func(result site.TestResult) {
				_, err := limiter.Do(t.Context(), s, func(context.Context) (site.TestResult, error) { return result, nil })
				if err != nil {
					t.Error(err)
				}
			}
			answer(crowded)
			for range tt.passes {
				answer(passed)
			}
			var running sync.WaitGroup
			for range 6 {
				running.Go(func() {
					_, err := limiter.Do(t.Context(), s, func(context.Context) (site.TestResult, error) {
						server.test()
						return healing(site.RetryNever), nil
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			running.Wait()
			if server.peak != tt.want {
				t.Errorf("%d of %d at a time after %d passes, want %d", server.peak, tt.limit, tt.passes, tt.want)
			}
		})
	}
}

// The pause after a refusal doubles with each one, up to a minute, and halves with each pass.
func TestLimiterPausesLongerAfterEachRefusal(t *testing.T) {
	s := settingsAt("smtp.example.com")
	for _, tt := range []struct {
		refusals, passes int
		want             time.Duration
	}{
		{1, 0, 2 * time.Second},
		{2, 0, 4 * time.Second},
		{5, 0, 32 * time.Second},
		{6, 0, time.Minute},
		{9, 0, time.Minute},
		{3, 1, 8 * time.Second},
		{3, 2, 4 * time.Second},
		{3, 9, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			limiter := site.NewTestLimiter(4, isCrowded)
			results := slices.Concat(slices.Repeat([]site.TestResult{crowded}, tt.refusals), slices.Repeat([]site.TestResult{passed}, tt.passes))
			if tt.passes > 0 {
				results = append(results, crowded)
			}
			var last time.Time
			for _, result := range append(results, passed) {
				_, err := limiter.Do(t.Context(), s, func(context.Context) (site.TestResult, error) {
					if result.Status == site.Failed {
						last = time.Now()
					}
					return result, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
			if paused := time.Since(last); paused < tt.want || paused >= tt.want*3/2 {
				t.Errorf("a pause of %v after %d refusals and %d passes, want %v and up to half of it", paused, tt.refusals, tt.passes, tt.want)
			}
		})
	}
}

// A site that gives a refusal and an error gave no verdict, so the test is not repeated.
func TestLimiterRepeatsNoTestWithoutAVerdict(t *testing.T) {
	c := toOtherHost()
	p := procedure(t)
	p.Limiter = site.NewTestLimiter(10, isCrowded)
	_, err := p.Apply(t.Context(), play(t, call{ask: testOf(c), result: crowded, err: gone}), c)
	checkSame(t, err, gone)
}

// The last refusal is the result in the end, and no time is spent on waiting for what the deadline comes before.
func TestLimiterReleasesAfterEveryEnd(t *testing.T) {
	refusals := func(ctx context.Context, t *testing.T, s site.Site, c site.Change) (*site.TestError, time.Duration) {
		t.Helper()
		p := procedure(t)
		p.Limiter = site.NewTestLimiter(10, isCrowded)
		began := time.Now()
		_, err := p.Apply(ctx, s, c)
		failed, ok := errors.AsType[*site.TestError](err)
		if !ok {
			t.Fatal(err)
		}
		return failed, time.Since(began)
	}
	t.Run("AfterEightRefusals", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := toOtherHost()
			calls := make([]call, 8)
			for i := range calls {
				calls[i] = call{ask: testOf(c), result: crowded}
			}
			failed, spent := refusals(t.Context(), t, play(t, calls...), c)
			if failed.Attempts != 8 || failed.Result.Reply.Code != 421 || spent > 6*time.Minute {
				t.Errorf("got %d attempts in %v: %v", failed.Attempts, spent, failed)
			}
		})
	})
	t.Run("BeforeTheDeadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := toOtherHost()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			failed, spent := refusals(ctx, t, play(t, call{ask: testOf(c), result: crowded}, call{ask: testOf(c), result: crowded}), c)
			if failed.Attempts != 2 || spent >= 5*time.Second {
				t.Errorf("got %d attempts in %v", failed.Attempts, spent)
			}
		})
	})
	t.Run("WhenCanceledInTheQueue", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			limiter, release := site.NewTestLimiter(1, isCrowded), make(chan struct{})
			c := toOtherHost()
			go func() {
				_, _ = limiter.Do(context.WithoutCancel(t.Context()), c.Candidate.Settings, func(context.Context) (site.TestResult, error) {
					<-release
					return passed, nil
				})
			}()
			synctest.Wait()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			p := procedure(t)
			p.Limiter = limiter
			if _, err := p.Apply(ctx, play(t), c); !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v", err)
			}
			close(release)
		})
	})
}

// A check from here that came to no server says nothing about how much that takes.
func TestLimiterCountsTestsThatReachedTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, s := site.NewTestLimiter(4, isCrowded), settingsAt("smtp.example.com")
		if _, err := limiter.Do(t.Context(), s, func(context.Context) (site.TestResult, error) { return crowded, nil }); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			r := &run{model: newModel(savesOff, false), can: savesOff}
			p := procedure(t)
			p.Limiter, p.Check = limiter, func(context.Context, site.Candidate) site.TestResult { return unreachableHere }
			_, err := p.Apply(t.Context(), r.model, scenes["NeverConfigured"](r))
			checkLeft(t, err, site.LeftOff)
		}
		began := time.Now()
		var running sync.WaitGroup
		for range 4 {
			running.Go(func() {
				_, err := limiter.Do(t.Context(), s, func(context.Context) (site.TestResult, error) {
					time.Sleep(time.Second)
					return healing(site.RetryNever), nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("4 tests of a second took %v: want 2 at a time, as after the refusal", took)
		}
	})
}

// Where the candidate is on while it is tested, mail is off in every pause, and while it waits for its turn.
func TestLimiterLeavesNoUntestedMailOnWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := toOtherHost()
		c.Prior = unconfigured()
		on, off := c, c
		off.Enabled = false
		saved, stopped := after(on), after(off)
		saved.Verification = nil
		calls := []call{
			{ask: saveOf(on), state: saved},
			{ask: testOfSaved(c), result: crowded},
			{ask: site.SaveRequest{Settings: c.Candidate.Settings, Revision: saved.Revision, SiteID: siteID}, state: stopped},
			{ask: site.SaveRequest{Settings: c.Candidate.Settings, Enabled: true, Revision: stopped.Revision, SiteID: siteID}, state: saved},
			{ask: testOfSaved(c), result: passed},
			{ask: read{}, state: saved},
		}
		p := procedure(t)
		p.Limiter = site.NewTestLimiter(10, isCrowded)
		if _, err := p.Apply(t.Context(), playOn(t, site.Capabilities{Testing: site.TestsEnabled}, calls...), c); err != nil {
			t.Error(err)
		}
	})
}
