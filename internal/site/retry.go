package site

import (
	"context"
	"math/rand/v2"
	"time"
)

// The pauses between repeated tests grow from firstPause to longestPause; each is shortened at random by up to half,
// so that many sites do not test in step. The last one ends when the time is up.
const (
	firstPause   = 5 * time.Second
	longestPause = 5 * time.Minute
)

// testFunc makes one test.
type testFunc func(context.Context) (TestResult, error)

// repeat makes a test of these settings and looks for its message. While it fails for a transient reason, it is repeated for at most
// RetryFor. A test in doubt is never repeated, because its message may have been accepted. between, unless nil, is called before each
// pause; its error ends the retries.
func (r *run) repeat(ctx context.Context, s Settings, test testFunc, between func(context.Context) error) (TestResult, error) {
	return r.repeatAttempts(ctx, s, between, func(ctx context.Context) (TestResult, int, error) {
		return r.arrive(ctx, s, test, between)
	})
}

// attemptFunc makes a test, and returns how many attempts it took.
type attemptFunc func(context.Context) (result TestResult, made int, err error)

func (r *run) repeatAttempts(ctx context.Context, s Settings, between func(context.Context) error, attempt attemptFunc) (TestResult, error) {
	var failure *TestError
	for attempts, pause := 0, firstPause; ; pause = min(2*pause, longestPause) {
		result, made, err := attempt(ctx)
		if made == 0 && failure != nil {
			return failure.Result, failure
		}
		if err != nil || result.Status == Passed {
			return result, err
		}
		attempts += made
		failure = r.failure(result, s, attempts)
		left := r.RetryFor - failure.Spent
		if !heals(failure.Result) || left <= 0 || between != nil && between(ctx) != nil {
			return result, failure
		}
		select {
		case <-ctx.Done():
			return result, failure
		case <-time.After(min(pause-rand.N(pause/2), left)):
		}
	}
}

// arrive makes a test of these settings and, if more than acceptance is required, looks for its message. The inbox is opened first,
// so that one that cannot be read is noticed before a message is sent.
func (r *run) arrive(ctx context.Context, s Settings, test testFunc, between func(context.Context) error) (result TestResult, made int, err error) {
	result, err = r.Require.Test(ctx, r.procedure.Inbox, s.FromAddress, r.Recipient, r.Wait, func(ctx context.Context) (TestResult, error) {
		var tested TestResult
		tested, made, err = r.limited(ctx, s, test, between)
		return tested, err
	})
	if result.Status == Failed {
		made = max(made, 1) // even if it got no further than the inbox
	}
	return result, made, err
}

// limited makes a test of these settings as soon as the limiter allows it, and again if its only fault was that it came too fast.
// made is how many tests that took; 0 if ctx was done first.
func (r *run) limited(ctx context.Context, s Settings, test testFunc, between func(context.Context) error) (result TestResult, made int, err error) {
	for {
		end, done := r.procedure.Limiter.wait(ctx, s)
		switch {
		case done != nil && made == 0:
			return TestResult{}, 0, done
		case done != nil:
			return result, made, nil //nolint:nilerr // the last refusal is the result
		}
		result, err = test(ctx)
		made++
		again := end(result) && made < maxRefusals && err == nil
		if !again || between != nil && between(ctx) != nil {
			return result, made, err
		}
	}
}

// failure returns the error for a test of settings that did not pass.
func (r *run) failure(result TestResult, settings Settings, attempts int) *TestError {
	if result.Diagnosis == nil {
		result.Diagnosis = new(r.procedure.Diagnose(result, settings))
	}
	return &TestError{Result: result, Settings: settings, Attempts: attempts, Spent: time.Since(r.began)}
}

// heals reports whether the same test can pass later. A failure that the diagnosis does not call transient is not retried, because
// servers lock out accounts after too many failed logins.
func heals(r TestResult) bool {
	return r.Status == Failed && (r.Diagnosis.Retry == RetryShort || r.Diagnosis.Retry == RetryLong)
}
