package adminapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// origin limits the requests to one origin.
type origin struct {
	perSecond   float64
	concurrency int
	slots       *semaphore.Weighted
	rate        *rate.Limiter

	mu         sync.Mutex
	quietUntil time.Time
}

func newOrigin(l Limits) *origin {
	return &origin{
		perSecond:   l.RequestsPerSecond,
		concurrency: l.Concurrency,
		slots:       semaphore.NewWeighted(int64(l.Concurrency)),
		rate:        rate.NewLimiter(rate.Limit(l.RequestsPerSecond), l.Concurrency),
	}
}

// agree refuses limits that differ from those of the origin's other clients, because only one of them could apply.
func (o *origin) agree(name string, l Limits) error {
	message := "Several sites share %s, and one of them sets %v, another %v. They share one limit, so set the same value for all of them."
	switch {
	case l.RequestsPerSecond != o.perSecond:
		return &ConfigError{"requests_per_second", fmt.Sprintf(message, name, o.perSecond, l.RequestsPerSecond)}
	case l.Concurrency != o.concurrency:
		return &ConfigError{"concurrency", fmt.Sprintf(message, name, o.concurrency, l.Concurrency)}
	}
	return nil
}

// limited waits for the origin's turn, and pauses all requests to the origin after a 429.
func limited(next http.RoundTripper, o *origin, k *call) http.RoundTripper {
	return layer(func(req *http.Request) (*http.Response, error) {
		k.waitFor("its turn")
		if err := o.slots.Acquire(req.Context(), 1); err != nil {
			return nil, waitError(err)
		}
		defer o.slots.Release(1)
		if err := o.wait(req.Context(), k); err != nil {
			return nil, waitError(err)
		}
		resp, err := next.RoundTrip(req)
		if err == nil && resp.StatusCode == http.StatusTooManyRequests {
			o.rest(retryAfter(resp.Header, time.Now()))
		}
		return resp, err
	})
}

func waitError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: Unreachable, Err: fmt.Errorf("waiting for its turn: %w", err)}
}

func (o *origin) rest(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if until := time.Now().Add(d); until.After(o.quietUntil) {
		o.quietUntil = until
	}
}

func (o *origin) wait(ctx context.Context, k *call) error {
	for {
		o.mu.Lock()
		quiet := time.Until(o.quietUntil)
		o.mu.Unlock()
		switch {
		case quiet > maxRetryAfter:
			return &Error{Kind: Refused, Status: http.StatusTooManyRequests, RetryAfter: quiet, Err: errors.New("it answered so to an earlier request; this one was not sent")}
		case quiet > 0:
			k.waitFor("the site, which asked to be left alone for another " + quiet.Round(time.Second).String())
		}
		if quiet <= 0 {
			break
		}
		if err := Sleep(ctx, quiet); err != nil {
			return err
		}
	}
	turn := o.rate.Reserve()
	if err := Sleep(ctx, turn.Delay()); err != nil {
		turn.Cancel()
		return err
	}
	return nil
}

var errNoTime = fmt.Errorf("not enough time left: %w", context.DeadlineExceeded)

// Sleep waits for d or until ctx ends. If the deadline of ctx comes first, it does not wait at all and returns an error that is
// [context.DeadlineExceeded].
func Sleep(ctx context.Context, d time.Duration) error {
	if !fits(ctx, d) {
		return errNoTime
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func fits(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > d
}
