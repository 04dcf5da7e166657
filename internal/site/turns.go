package site

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Turns bounds how many tests at a time reach one submission server, for whichever sites: the sites of an agency share a
// relay, and one that gets too many at once refuses some. A server that says so gets half as many, after a pause, and
// more again as it takes them. A nil *Turns bounds nothing.
type Turns struct {
	most int
	// tooFast reports whether a test failed because it came too fast after others, or with too many.
	tooFast func(TestResult, Settings) bool

	mu      sync.Mutex
	servers map[string]*server
}

// server is the state of one submission server, which Turns.mu guards.
type server struct {
	width, busy int
	// passed counts the tests since width changed that passed: so many as width make it grow.
	passed int
	// pause is what the next refusal doubles; slowed is when the last one came, quietUntil when it is over.
	pause              time.Duration
	slowed, quietUntil time.Time
	// free is closed when a turn may have become free.
	free chan struct{}
}

// The pauses after refusals. Each is lengthened at random by up to half.
const (
	firstQuiet   = 2 * time.Second
	longestQuiet = time.Minute
	// mostRefusals is after how many refusals as too fast that is the result of a test.
	mostRefusals = 8
)

// NewTurns lets most tests at a time reach a submission server, one at least. tooFast reports whether a server refused
// this test only because of the others.
func NewTurns(most int, tooFast func(TestResult, Settings) bool) *Turns {
	return &Turns{most: max(most, 1), tooFast: tooFast, servers: map[string]*server{}}
}

// Do makes one test of s when it is its turn. The error is that of test, or ctx.Err() when ctx was done before.
func (t *Turns) Do(ctx context.Context, s Settings, test func(context.Context) (TestResult, error)) (TestResult, error) {
	end, err := t.wait(ctx, s)
	if err != nil {
		return TestResult{}, err
	}
	result, err := test(ctx)
	end(result)
	return result, err
}

// wait waits for a turn at the server of s, unless the server is to be left alone for longer than ctx lasts. The returned
// function ends the turn, and reports whether the test came too fast.
func (t *Turns) wait(ctx context.Context, s Settings) (end func(TestResult) (tooFast bool), err error) {
	if t == nil {
		return func(TestResult) bool { return false }, ctx.Err()
	}
	v := t.server(s)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		began, free, quiet := t.begin(v)
		if !began.IsZero() {
			return func(r TestResult) bool { return t.end(v, began, r, s) }, nil
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < quiet {
			return nil, context.DeadlineExceeded
		}
		var over <-chan time.Time
		if quiet > 0 {
			over = time.After(quiet)
		}
		select {
		case <-ctx.Done():
		case <-free:
		case <-over:
		}
	}
}

func (t *Turns) server(s Settings) *server {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := fmt.Sprintf("%s:%d", strings.ToLower(s.Host), s.Port)
	v, ok := t.servers[name]
	if !ok {
		v = &server{width: t.most, free: make(chan struct{})}
		t.servers[name] = v
	}
	return v
}

// begin takes a turn. Where there is none, began is zero, and it is worth asking again when free is closed or, if the server
// is left alone, after quiet.
func (t *Turns) begin(v *server) (began time.Time, free <-chan struct{}, quiet time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if quiet = v.quietUntil.Sub(now); quiet > 0 || v.busy >= v.width {
		return time.Time{}, v.free, quiet
	}
	v.busy++
	return now, nil, 0
}

func (t *Turns) end(v *server, began time.Time, r TestResult, s Settings) bool {
	tooFast := r.Status == Failed && t.tooFast(r, s)
	t.mu.Lock()
	defer t.mu.Unlock()
	v.busy--
	switch {
	case tooFast && began.Before(v.slowed): // It was on its way when the server was slowed down for others.
	case tooFast:
		v.width, v.passed = max(v.width/2, 1), 0
		v.pause = min(max(2*v.pause, firstQuiet), longestQuiet)
		v.slowed = time.Now()
		v.quietUntil = v.slowed.Add(v.pause + rand.N(v.pause/2))
	case r.Status == Passed:
		v.pause /= 2
		v.passed++
		if v.passed >= v.width {
			v.width, v.passed = min(v.width+1, t.most), 0
		}
	}
	close(v.free)
	v.free = make(chan struct{})
	return tooFast
}
