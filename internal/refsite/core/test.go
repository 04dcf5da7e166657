package core

import (
	"context"
	"errors"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// keepTests is how long the result of a test can be read.
const keepTests = 24 * time.Hour

// Test is one test and what is known about it.
type Test struct {
	// Key is the key that its client chose.
	Key string
	// Running is true as long as there is no verdict. Only Recipient of the result is then set.
	Running bool
	site.TestResult
}

// run is a test that is running in this process; done is closed when it has ended.
type run struct{ done chan struct{} }

// PutTest starts a test and waits until it has ended, but no longer than TestWait or until ctx ends. Repeating the same key and request
// does not start another test, but waits for the same one. The end of ctx does not affect the test. A test whose result could not be
// stored is reported as in doubt, because an error would mean that no message was sent.
func (s *Site) PutTest(ctx context.Context, key string, t site.TestRequest) (Test, error) {
	r, err := s.begin(key, t)
	if err != nil {
		return Test{}, err
	}
	timer := time.NewTimer(s.core.TestWait)
	defer timer.Stop()
	select {
	case <-r.done:
	case <-timer.C:
	case <-ctx.Done():
	}
	return s.ReadTest(key)
}

// ReadTest returns the test with that key, or an error of code NotFound.
func (s *Site) ReadTest(key string) (Test, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, err := s.storedTest(key)
	if errors.Is(err, store.ErrNotFound) {
		return Test{}, problem.New(problem.NotFound, "No test was recorded under this key.")
	}
	if err != nil {
		return Test{}, err
	}
	_, running := s.live[key]
	return testOf(stored, running), nil
}

func (s *Site) storedTest(key string) (store.Test, error) {
	var t store.Test
	err := s.core.Store.ViewSite(s.id, func(stored *store.Site) (err error) {
		t, err = stored.Test(key)
		return err
	})
	return t, err
}

// testOf returns what is known about a stored test. A test without a result that is not running in this process is in doubt: it ran in
// a process that has ended, or its result could not be stored.
func testOf(t store.Test, running bool) Test {
	switch {
	case t.Result != nil:
		return Test{Key: t.Key, TestResult: *t.Result}
	case running:
		return Test{Key: t.Key, Running: true, TestResult: site.TestResult{Recipient: t.Recipient}}
	default:
		return Test{Key: t.Key, TestResult: diagnosed(site.TestResult{
			Status:    site.InDoubt,
			Recipient: t.Recipient,
			Error:     "the site stopped during this test, or could not store its result",
		}, t.Settings)}
	}
}

func diagnosed(r site.TestResult, settings site.Settings) site.TestResult {
	if r.Status != site.Passed {
		d := diagnosis.Of(r, settings)
		r.Diagnosis = &d
	}
	return r
}
