package site

import (
	"context"
	"math/rand/v2"
	"time"
)

// The pauses between repeated tests grow from firstPause to longestPause; each is shortened at random by up to half,
// so that many sites do not test in step. The last one ends with the time that was given.
const (
	firstPause   = 5 * time.Second
	longestPause = 5 * time.Minute
)

// testFunc makes one test.
type testFunc func(context.Context) (TestResult, error)

// repeat makes a test of these settings, with its message, until it passes, for RetryFor at most while its failure can heal by
// itself. A test in doubt is never repeated: its message may have been taken. Before each pause, between is called unless it is
// nil; its error ends the repeating.
func (r *run) repeat(ctx context.Context, s Settings, test testFunc, between func(context.Context) error) (TestResult, error) {
	return r.repeatAttempts(ctx, s, between, func(ctx context.Context) (TestResult, int, error) {
		return r.arrive(ctx, s, test, between)
	})
}

// attemptFunc makes a test, and says how many it took.
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

// arrive makes a test of these settings, and looks for its message where more is required than that it is accepted. The inbox
// is opened first, so that one that cannot be read is found out before a message is sent.
func (r *run) arrive(ctx context.Context, s Settings, test testFunc, between func(context.Context) error) (result TestResult, made int, err error) {
	result, err = r.Require.Test(ctx, r.procedure.Inbox, s.FromAddress, r.Recipient, r.Wait, func(ctx context.Context) (TestResult, error) {
		var tested TestResult
		tested, made, err = r.limited(ctx, s, test, between)
		return tested, err
	})
	if result.Status == Failed {
		made = max(made, 1) // also of one that came no further than the inbox
	}
	return result, made, err
}

// limited makes a test of these settings as soon as the limiter lets it, and again while all that was wrong with it is that
// it came too fast. made is how often; 0 when ctx was done before.
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

// failure makes the error of a test of settings that did not pass.
func (r *run) failure(result TestResult, settings Settings, attempts int) *TestError {
	if result.Diagnosis == nil {
		result.Diagnosis = new(r.procedure.Diagnose(result, settings))
	}
	return &TestError{Result: result, Settings: settings, Attempts: attempts, Spent: time.Since(r.began)}
}

// heals reports whether the same test can pass later. What a diagnosis does not clearly say heals is not repeated:
// servers lock accounts out that fail to log in too often.
func heals(r TestResult) bool {
	return r.Status == Failed && (r.Diagnosis.Retry == RetryShort || r.Diagnosis.Retry == RetryLong)
}
