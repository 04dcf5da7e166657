// Package limit counts what may happen only so often: guesses at secrets, and test messages.
package limit

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"
)

// Window is the time in which failures are counted; it begins with the first failure of a key.
const Window = 10 * time.Minute

// Count is the failures of one window. The zero Count has none.
type Count struct {
	N     int       `json:"n"`
	Until time.Time `json:"until"`
}

// Add returns the count with one failure more, or how long to wait where there are as many as the maximum.
func (c Count) Add(maximum int, now time.Time) (more Count, wait time.Duration) {
	c = c.at(now)
	if c.N >= maximum {
		return c, c.Until.Sub(now)
	}
	c.N++
	return c, 0
}

// at returns the count of the window that is open, or of one that begins now. One that ends later than any could is of a clock that
// was wrong.
func (c Count) at(now time.Time) Count {
	if left := c.Until.Sub(now); left <= 0 || left > Window {
		return Count{Until: now.Add(Window)}
	}
	return c
}

// Failures counts by key, in memory. Its methods may be called by several goroutines at once.
type Failures struct {
	max int

	mu sync.Mutex
	// counts are by the digest of a key, so that a long one takes no more memory than a short one.
	counts map[digest]Count
	// sweep is when those whose window is over are forgotten.
	sweep time.Time
}

type digest [sha256.Size]byte

// NewFailures allows each key so many failures in a [Window].
func NewFailures(maximum int) *Failures {
	return &Failures{max: maximum, counts: map[digest]Count{}}
}

// Add counts an attempt as a failure, before anybody knows what becomes of it, so that attempts at the same time count too.
// After too many it counts nothing and returns how long to wait.
func (f *Failures) Add(key string, now time.Time) (wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(now)
	sum := sha256.Sum256([]byte(key))
	f.counts[sum], wait = f.counts[sum].Add(f.max, now)
	return wait
}

// Has reports whether anything is counted for the key.
func (f *Failures) Has(key string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[sha256.Sum256([]byte(key))].at(now).N > 0
}

// TakeBack removes one attempt that was no failure.
func (f *Failures) TakeBack(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sum := sha256.Sum256([]byte(key))
	if c, ok := f.counts[sum]; ok && c.N > 1 {
		c.N--
		f.counts[sum] = c
	} else {
		delete(f.counts, sum)
	}
}

// Len is the number of keys that are kept.
func (f *Failures) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.counts)
}

func (f *Failures) forget(now time.Time) {
	if now.Before(f.sweep) {
		return
	}
	f.sweep = now.Add(Window)
	for key, c := range f.counts {
		if !now.Before(c.Until) {
			delete(f.counts, key)
		}
	}
}

// Network is what one person is assumed to have: an IPv4 address, or a /64 of IPv6.
func Network(from netip.Addr) string {
	from = from.Unmap().WithZone("")
	if !from.Is6() {
		return from.String()
	}
	prefix, _ := from.Prefix(64) // an error only for more bits than there are
	return prefix.String()
}
