// Package limit limits how often something may fail, such as guesses at secrets.
package limit

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"
)

// Window is the period over which failures are counted. It begins with the first failure of a key.
const Window = 10 * time.Minute

// Count is the number of failures in one window. The zero Count has none.
type Count struct {
	N     int       `json:"n"`
	Until time.Time `json:"until"`
}

// Add returns the count with one more failure or, if the maximum is reached, how long to wait.
func (c Count) Add(maximum int, now time.Time) (more Count, wait time.Duration) {
	c = c.at(now)
	if c.N >= maximum {
		return c, c.Until.Sub(now)
	}
	c.N++
	return c, 0
}

// at returns the count of the current window, or of one that begins now. A window that ends too far in the future comes from a wrong
// clock, and is ignored.
func (c Count) at(now time.Time) Count {
	if left := c.Until.Sub(now); left <= 0 || left > Window {
		return Count{Until: now.Add(Window)}
	}
	return c
}

// Failures counts failures by key, in memory. It is safe for concurrent use.
type Failures struct {
	max int

	mu sync.Mutex
	// counts are by digest of the key, so that long keys take no more memory than short ones.
	counts map[digest]Count
	// sweep is when expired windows are removed next.
	sweep time.Time
}

type digest [sha256.Size]byte

// NewFailures allows each key maximum failures in a [Window].
func NewFailures(maximum int) *Failures {
	return &Failures{max: maximum, counts: map[digest]Count{}}
}

// Add counts an attempt as a failure before its result is known, so that concurrent attempts count too. If there were too many, it
// counts nothing and returns how long to wait.
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

// TakeBack uncounts an attempt that did not fail.
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

// Len returns the number of keys in memory.
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

// Network returns the network that one person is assumed to control: an IPv4 address, or an IPv6 /64.
func Network(from netip.Addr) string {
	from = from.Unmap().WithZone("")
	if !from.Is6() {
		return from.String()
	}
	prefix, _ := from.Prefix(64) // fails only for too many bits
	return prefix.String()
}
