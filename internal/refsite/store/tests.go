package store

import (
	"encoding/binary"
	"errors"
	"iter"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// tests maps a test's key to the test, order a sequence number to the key.
var (
	bucketTests = []byte("tests")
	bucketOrder = []byte("order")
)

// Test is one test of a site.
type Test struct {
	Key string `json:"key"`
	// Body identifies the request, to recognise a retry; Fingerprint identifies what was tested, whatever the result.
	Body        seal.MAC `json:"body"`
	Fingerprint seal.MAC `json:"fingerprint"`
	// Pass is the proof that the test passed; zero if it did not.
	Pass seal.MAC `json:"pass"`
	// Settings are the tested settings.
	Settings  site.Settings `json:"settings"`
	Recipient string        `json:"recipient"`
	StartedAt time.Time     `json:"started_at"`
	// Result is nil until the test has ended.
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

// NewestTests returns the site's tests, newest first. It stops at a test that cannot be read.
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

// DropTests removes tests, oldest first, up to the first test for which drop is false.
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
