package access

import (
	"net/netip"
	"sync"
	"time"
)

// attempts counts by key, in windows that begin with the first attempt of a key.
type attempts struct {
	limit  int
	window time.Duration

	mu     sync.Mutex
	counts map[string]count
	// sweep is when those whose window is over are forgotten.
	sweep time.Time
}

type count struct {
	n     int
	until time.Time
}

func newAttempts(limit int, window time.Duration) *attempts {
	return &attempts{limit: limit, window: window, counts: map[string]count{}}
}

// add counts an attempt. When there were too many it counts nothing and returns how long to wait.
func (a *attempts) add(key string, now time.Time) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget(now)
	c, ok := a.counts[key]
	if !ok || !now.Before(c.until) {
		c = count{until: now.Add(a.window)}
	}
	if c.n >= a.limit {
		return c.until.Sub(now)
	}
	c.n++
	a.counts[key] = c
	return 0
}

// takeBack removes one attempt.
func (a *attempts) takeBack(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c, ok := a.counts[key]; ok && c.n > 1 {
		c.n--
		a.counts[key] = c
	} else {
		delete(a.counts, key)
	}
}

func (a *attempts) forget(now time.Time) {
	if now.Before(a.sweep) {
		return
	}
	a.sweep = now.Add(a.window)
	for key, c := range a.counts {
		if !now.Before(c.until) {
			delete(a.counts, key)
		}
	}
}

// network is what one person is assumed to have: an IPv4 address, or a /64 of IPv6.
func network(from netip.Addr) string {
	from = from.Unmap().WithZone("")
	if !from.Is6() {
		return from.String()
	}
	prefix, _ := from.Prefix(64) // an error only for more bits than there are
	return prefix.String()
}
