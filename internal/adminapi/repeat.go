package adminapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Repeat says when a request may be retried. In any case it is never retried after a redirect, a certificate error or a 4xx other
// than 429.
type Repeat int

const (
	// IfUnsent retries only what certainly did not reach the site: for requests that the site cannot recognize as repeated.
	IfUnsent Repeat = iota
	// Always also retries after a lost response and after 429, 500, 502, 503 and 504: for requests that change nothing.
	Always
	// IfUndone is like Always, but first asks Request.Done if the request may have been carried out.
	IfUndone
	// Login retries once after a lost response, waits after 429 and 503, and treats other failures of the site as final.
	Login
)

const (
	minWait = 500 * time.Millisecond
	maxWait = 8 * time.Second
	// maxRetryAfter is the longest Retry-After that is honored. If a site asks for more, a retry would not succeed in time.
	maxRetryAfter = time.Minute
	// longestRetryAfter is the largest value that is believed.
	longestRetryAfter = 365 * 24 * time.Hour
	// progressAfter is how often a slow request logs what it is waiting for.
	progressAfter = 10 * time.Second
)

// call is what [Client.Do] remembers between the attempts of a request.
type call struct {
	Request
	client *Client
	out    any

	attempt int
	lost    int
	done    bool
	wait    time.Duration
	failure *Error
	// waiting is what the request is waiting for at the moment.
	waiting atomic.Value
}

func (k *call) begin(_ retryablehttp.Logger, _ *http.Request, repeats int) { k.attempt = repeats + 1 }

// again decides whether there will be another attempt, and how long to wait before it.
func (k *call) again(ctx context.Context, resp *http.Response, err error) (bool, error) {
	k.failure = k.judge(resp, err)
	if k.failure == nil {
		return false, nil
	}
	k.wait = waitBefore(k.attempt, k.failure.RetryAfter)
	k.waitFor(fmt.Sprintf("another attempt, in %s, after: %s", k.wait.Round(time.Second), k.failure.reason()))
	return ctx.Err() == nil && k.repeatable(ctx) && fits(ctx, k.wait), nil
}

func (k *call) backoff(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return k.wait }

func (k *call) repeatable(ctx context.Context) bool {
	e := k.failure
	switch {
	case e.RetryAfter > maxRetryAfter:
		return false
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
		k.failure.Err = joined(k.failure.Err, fmt.Errorf("asking the site for its outcome failed too: %w", err))
	}
	k.done = done && err == nil
	return !done && err == nil
}

// outcome returns the error of a request that did not succeed by itself.
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

// waitBefore returns a random time between 0.5 s and a limit that grows with the attempts from 1 s to 8 s, so that many clients do not
// come back together. What the site asks for is added.
func waitBefore(attempt int, wish time.Duration) time.Duration {
	bound := min(minWait<<min(attempt, 10), maxWait)
	return wish + minWait + rand.N(bound-minWait)
}

// retryAfter parses Retry-After (RFC 9110 section 10.2.3), in seconds or as a date: between zero and a year, and zero if it is
// invalid.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	seconds, err := strconv.ParseUint(value, 10, 32)
	switch {
	case err == nil:
		return min(time.Duration(seconds)*time.Second, longestRetryAfter)
	case errors.Is(err, strconv.ErrRange):
		return longestRetryAfter
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), longestRetryAfter)
}

func (k *call) waitFor(what string) { k.waiting.Store(what) }

// attrs identify an attempt in a log line.
func (k *call) attrs(req *http.Request) []slog.Attr {
	return []slog.Attr{
		slog.String("method", req.Method),
		slog.String("url", req.URL.String()),
		slog.String("attempt", strconv.Itoa(k.attempt)),
	}
}

// tellProgress logs repeatedly what a slow request is waiting for, until the returned function is called.
func (k *call) tellProgress(req *http.Request) (stop func()) {
	ctx, cancel := context.WithCancel(req.Context())
	began, ended := time.Now(), make(chan struct{})
	go func() {
		defer close(ended)
		for Sleep(ctx, progressAfter) == nil {
			what, _ := k.waiting.Load().(string)
			k.client.log.LogAttrs(ctx, slog.LevelWarn, "admin API request takes long",
				slog.String("method", req.Method), slog.String("url", req.URL.String()),
				slog.String("duration", time.Since(began).Round(time.Second).String()), slog.String("waiting_for", what))
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
