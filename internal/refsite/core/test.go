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

// keepTests is how long a test's result can be read.
const keepTests = 24 * time.Hour

// Test is one test as far as it is known.
type Test struct {
	// Key is that by which its client knows it.
	Key string
	// Running means that there is no verdict yet: of the result only Recipient is set.
	Running bool
	site.TestResult
}

// run is a test that runs in this process; done is closed when it ended.
type run struct{ done chan struct{} }

// PutTest starts a test and waits for its end, until ctx ends or TestWait is over. The same key and request again
// start nothing and wait for the same test. What happens to ctx does not affect the test. One whose result could not be
// stored is in doubt for whoever waited as well: an error would say that no message was sent.
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

// testOf says what is known of a stored test. One without a result that does not run in this process ran in a process
// that ended, or its result could not be stored: nobody can know what became of its message.
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
			Error:     "the site stopped, or could not store the outcome, while this test was running",
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
