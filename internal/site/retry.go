package site

import (
	"context"
	"math/rand/v2"
	"time"
)

// TestError is a test that did not pass.
type TestError struct {
	Result TestResult
	// Attempts is how many tests were made, and Spent how long that took.
	Attempts int
	Spent    time.Duration
	// Local: the submission server refused this machine's login already, and the site was not asked to test.
	Local bool
}

// Error implements error. It leaves out what the server said, which may repeat the password that it was sent.
func (e *TestError) Error() string {
	verdict := "failed"
	if e.Result.Status == InDoubt {
		verdict = "is in doubt"
	}
	text := "the test " + verdict
	if e.Result.Stage != "" {
		text += " at stage " + string(e.Result.Stage)
	}
	if d := e.Result.Diagnosis; d != nil {
		text += ": " + d.Summary
	}
	return text
}

// The pauses between repeated tests grow from firstPause to longestPause; each is shortened at random by up to half,
// so that many sites do not test in step. The last one ends with the time that was given.
const (
	firstPause   = 5 * time.Second
	longestPause = 5 * time.Minute
)

// repeat makes a test until it passes, for RetryFor at most while its failure can heal by itself. A test in doubt is
// never repeated: its message may have been taken. Before each pause, between is called unless it is nil; its error ends
// the repeating.
func (r *run) repeat(ctx context.Context, test func(context.Context) (TestResult, error), between func(context.Context) error) (TestResult, error) {
	for attempt, pause := 1, firstPause; ; attempt, pause = attempt+1, min(2*pause, longestPause) {
		if err := ctx.Err(); err != nil && attempt == 1 {
			return TestResult{}, err
		}
		result, err := test(ctx)
		if err != nil || result.Status == Passed {
			return result, err
		}
		failure := r.failure(result, attempt)
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

// failure makes the error of a test that did not pass.
func (r *run) failure(result TestResult, attempts int) *TestError {
	if result.Diagnosis == nil {
		result.Diagnosis = new(r.procedure.Diagnose(result, r.Candidate.Settings))
	}
	return &TestError{Result: result, Attempts: attempts, Spent: time.Since(r.began)}
}

// heals reports whether the same test can pass later. What a diagnosis does not clearly say heals is not repeated:
// servers lock accounts out that fail to log in too often.
func heals(r TestResult) bool {
	return r.Status == Failed && (r.Diagnosis.Retry == RetryShort || r.Diagnosis.Retry == RetryLong)
}
