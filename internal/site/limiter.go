package site

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// TestLimiter limits the concurrent tests that reach one mail server, whichever sites send them: an agency's sites share a relay,
// which refuses some of them if there are too many. After such a refusal the server gets a pause, and then half as many tests at a
// time; the limit grows again as tests pass. A nil *TestLimiter limits nothing.
type TestLimiter struct {
	max int
	// tooFast reports whether a test failed because it came too soon after others, or with too many.
	tooFast func(TestResult, Settings) bool

	mu      sync.Mutex
	servers map[string]*server
}

// server is the state of one mail server, guarded by TestLimiter.mu.
type server struct {
	// limit is the most concurrent tests; running is how many there are.
	limit, running int
	// passed counts the tests that passed since limit changed; after limit passes, limit grows by one.
	passed int
	// pause is doubled by the next refusal. slowedAt is when the last refusal came, pausedUntil when its pause ends.
	pause                 time.Duration
	slowedAt, pausedUntil time.Time
	// freed is closed when another test may start.
	freed chan struct{}
}

// The pauses after refusals. A random part of up to half is added to each.
const (
	firstServerPause   = 2 * time.Second
	longestServerPause = time.Minute
	// maxRefusals is how often a test may be refused as too fast until that becomes its result.
	maxRefusals = 8
)

// NewTestLimiter lets limit tests at a time reach a mail server, at least one. tooFast reports whether a server refused a test only
// because of the others.
func NewTestLimiter(limit int, tooFast func(TestResult, Settings) bool) *TestLimiter {
	return &TestLimiter{max: max(limit, 1), tooFast: tooFast, servers: map[string]*server{}}
}

// Do makes one test of s as soon as the limit for its server allows it. The error is that of test, or ctx.Err() if ctx was done first.
func (t *TestLimiter) Do(ctx context.Context, s Settings, test func(context.Context) (TestResult, error)) (TestResult, error) {
	end, err := t.wait(ctx, s)
	if err != nil {
		return TestResult{}, err
	}
	result, err := test(ctx)
	end(result)
	return result, err
}

// wait waits until one more test may reach the server of s, unless its pause outlasts ctx. The returned function must be called with
// the test's result, and reports whether the test came too fast.
func (t *TestLimiter) wait(ctx context.Context, s Settings) (end func(TestResult) (tooFast bool), err error) {
	if t == nil {
		return func(TestResult) bool { return false }, ctx.Err()
	}
	v := t.server(s)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		began, freed, pause := t.begin(v)
		if !began.IsZero() {
			return func(r TestResult) bool { return t.end(v, began, r, s) }, nil
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
			return nil, context.DeadlineExceeded
		}
		var over <-chan time.Time
		if pause > 0 {
			over = time.After(pause)
		}
		select {
		case <-ctx.Done():
		case <-freed:
		case <-over:
		}
	}
}

func (t *TestLimiter) server(s Settings) *server {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := fmt.Sprintf("%s:%d", strings.ToLower(s.Host), s.Port)
	v, ok := t.servers[name]
	if !ok {
		v = &server{limit: t.max, freed: make(chan struct{})}
		t.servers[name] = v
	}
	return v
}

// begin counts one more test. If none may start now, began is zero; ask again when freed is closed or after the pause.
func (t *TestLimiter) begin(v *server) (began time.Time, freed <-chan struct{}, pause time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if pause = v.pausedUntil.Sub(now); pause > 0 || v.running >= v.limit {
		return time.Time{}, v.freed, pause
	}
	v.running++
	return now, nil, 0
}

func (t *TestLimiter) end(v *server, began time.Time, r TestResult, s Settings) bool {
	tooFast := r.Status == Failed && t.tooFast(r, s)
	t.mu.Lock()
	defer t.mu.Unlock()
	v.running--
	switch {
	case tooFast && began.Before(v.slowedAt): // Another test has already slowed this server down since this one started.
	case tooFast:
		v.limit, v.passed = max(v.limit/2, 1), 0
		v.pause = min(max(2*v.pause, firstServerPause), longestServerPause)
		v.slowedAt = time.Now()
		v.pausedUntil = v.slowedAt.Add(v.pause + rand.N(v.pause/2))
	case r.Status == Passed:
		v.pause /= 2
		v.passed++
		if v.passed >= v.limit {
			v.limit, v.passed = min(v.limit+1, t.max), 0
		}
	}
	close(v.freed)
	v.freed = make(chan struct{})
	return tooFast
}
