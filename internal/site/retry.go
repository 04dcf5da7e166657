package site

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// TestError is a test that did not pass.
type TestError struct {
	Result TestResult
	// Attempts is how many tests were made, and Spent how long that took.
	Attempts int
	Spent    time.Duration
}

// Error implements error. It leaves out what the server said, which may repeat the password that it was sent.
func (e *TestError) Error() string {
	verdict := "failed"
	if e.Result.Status == InDoubt {
		verdict = "is in doubt"
	}
	text := fmt.Sprintf("the test %s at stage %s", verdict, e.Result.Stage)
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

// test makes one test, and repeats it for c.RetryFor while its failure can heal by itself. A test in doubt is never
// repeated: its message may have been taken.
func (p Procedure) test(ctx context.Context, s Site, c Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	request := Test{Recipient: c.Recipient, SiteID: c.Prior.SiteID}
	if c.Candidate.Settings.Username == "" || !c.Candidate.Password.IsEmpty() {
		request.Candidate = &c.Candidate
	}
	start := time.Now()
	for attempt, pause := 1, firstPause; ; attempt, pause = attempt+1, min(2*pause, longestPause) {
		result, err := s.Test(ctx, request)
		if err != nil {
			return err
		}
		if result.Status == Passed {
			return nil
		}
		if result.Diagnosis == nil {
			result.Diagnosis = new(p.Diagnose(result, c.Candidate.Settings))
		}
		failure := &TestError{Result: result, Attempts: attempt, Spent: time.Since(start)}
		left := c.RetryFor - failure.Spent
		if !heals(result) || left <= 0 {
			return failure
		}
		select {
		case <-ctx.Done():
			return failure
		case <-time.After(min(pause-rand.N(pause/2), left)):
		}
	}
}

// heals reports whether the same test can pass later. What a diagnosis does not clearly say heals is not repeated:
// servers lock accounts out that fail to log in too often.
func heals(r TestResult) bool {
	return r.Status == Failed && (r.Diagnosis.Retry == RetryShort || r.Diagnosis.Retry == RetryLong)
}
