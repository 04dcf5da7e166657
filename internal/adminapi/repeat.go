package adminapi

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Repeat says when a call may be sent again. Whatever it says: never after a redirect, a certificate error or a 4xx
// other than 429.
type Repeat int

const (
	// IfUnsent repeats only what certainly did not reach the site: for calls that nothing can tell apart.
	IfUnsent Repeat = iota
	// Always repeats also after a lost answer and after 429, 500, 502, 503 and 504: for calls that change nothing.
	Always
	// IfUndone is like Always, but asks Request.Done first when the call may have been carried out.
	IfUndone
	// Login repeats once after a lost answer, waits after 429 and 503, and takes other failures of the site as final.
	Login
)

const (
	minWait = 500 * time.Millisecond
	maxWait = 8 * time.Second
)

// call is what one call of [Client.Do] remembers between its attempts.
type call struct {
	Request
	attempt int
	lost    int
	done    bool
	wait    time.Duration
	failure *Error
}

func (k *call) attempts() int { return k.attempt }

func (k *call) begin(_ retryablehttp.Logger, _ *http.Request, repeats int) { k.attempt = repeats + 1 }

// again decides whether there will be another attempt, and how long to wait for it.
func (k *call) again(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	k.failure, _ = errors.AsType[*Error](err)
	k.wait = waitBefore(k.attempt, k.failure.RetryAfter)
	return ctx.Err() == nil && k.repeatable(ctx) && fits(ctx, k.wait), nil
}

func (k *call) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return k.wait }

func (k *call) repeatable(ctx context.Context) bool {
	e := k.failure
	switch {
	case e.Kind == Unreachable:
		return !errors.Is(e, errNoTime)
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusServiceUnavailable:
		return e.Kind == Refused && k.Repeat != IfUnsent
	case !e.Undecided():
		return false
	}
	switch k.Repeat {
	case Always:
		return e.Kind != Malformed
	case IfUndone:
		return k.undone(ctx)
	case Login:
		k.lost++
		return e.Kind == NoAnswer && k.lost == 1
	}
	return false
}

func (k *call) undone(ctx context.Context) bool {
	done, err := k.Done(ctx)
	if err != nil {
		k.failure.Err = joined(k.failure.Err, fmt.Errorf("asking the site what became of it failed too: %w", err))
	}
	k.done = done && err == nil
	return !done && err == nil
}

// outcome is the error of a call that did not succeed by itself.
func (k *call) outcome(ctx context.Context) error {
	if k.done {
		return nil
	}
	k.failure.Attempts = k.attempt
	if err := ctx.Err(); err != nil && !errors.Is(k.failure, err) {
		k.failure.Err = joined(k.failure.Err, err)
	}
	return k.failure
}

func joined(first, second error) error {
	if first == nil {
		return second
	}
	return fmt.Errorf("%w; %w", first, second)
}

// waitBefore gives a random time between 0.5 s and a bound that grows with the attempts from 1 s to 8 s, so that many
// clients do not come back together; the site's own wish comes on top.
func waitBefore(attempt int, wish time.Duration) time.Duration {
	bound := min(minWait<<min(attempt, 10), maxWait)
	return wish + minWait + rand.N(bound-minWait)
}
