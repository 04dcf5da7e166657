package store

import (
	"encoding/binary"
	"errors"
	"iter"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// tests maps a test's key to the test, order a running number to the key.
var (
	bucketTests = []byte("tests")
	bucketOrder = []byte("order")
)

// Test is one test of a site.
type Test struct {
	Key string `json:"key"`
	// Body recognises a repeated request, Fingerprint what was tested, whatever became of it.
	Body        seal.MAC `json:"body"`
	Fingerprint seal.MAC `json:"fingerprint"`
	// Pass proves that it passed; zero unless it did.
	Pass seal.MAC `json:"pass"`
	// Settings were tested.
	Settings  site.Settings `json:"settings"`
	Recipient string        `json:"recipient"`
	StartedAt time.Time     `json:"started_at"`
	// Result is nil until the test ended.
	Result *site.TestResult `json:"result"`
}

// Test returns the test with that key, or [ErrNotFound].
func (s *Site) Test(key string) (Test, error) {
	return get[Test](s.b.Bucket(bucketTests), []byte(key))
}

// AddTest stores a new test.
func (s *Site) AddTest(t Test) error {
	order := s.b.Bucket(bucketOrder)
	n, err := order.NextSequence()
	if err != nil {
		return written(err)
	}
	if err := order.Put(binary.BigEndian.AppendUint64(nil, n), []byte(t.Key)); err != nil {
		return written(err)
	}
	return s.PutTest(t)
}

// PutTest replaces a test.
func (s *Site) PutTest(t Test) error { return put(s.b.Bucket(bucketTests), []byte(t.Key), t) }

// NewestTests gives the site's tests, the last to start first, until one cannot be read.
func (s *Site) NewestTests() iter.Seq2[Test, error] {
	return func(yield func(Test, error) bool) {
		c := s.b.Bucket(bucketOrder).Cursor()
		for n, key := c.Last(); n != nil; n, key = c.Prev() {
			t, err := s.Test(string(key))
			if !yield(t, err) || err != nil {
				return
			}
		}
	}
}

// DropTests removes the tests for which drop is true, from the first to start to one for which it is not.
func (s *Site) DropTests(drop func(Test) bool) error {
	c := s.b.Bucket(bucketOrder).Cursor()
	for n, key := c.First(); n != nil; n, key = c.First() {
		t, err := s.Test(string(key))
		if err != nil {
			return err
		}
		if !drop(t) {
			return nil
		}
		if err := errors.Join(s.b.Bucket(bucketTests).Delete(key), c.Delete()); err != nil {
			return written(err)
		}
	}
	return nil
}
