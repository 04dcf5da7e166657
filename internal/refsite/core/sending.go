package core

import (
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/time/rate"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
)

// Limits as multiples of what one site may send: for one recipient from all sites, and for the whole process.
const (
	perRecipient = 10
	perProcess   = 100
)

// maxRecipients is how many recipients are remembered before idle ones are dropped.
const maxRecipients = 1000

// sending limits test messages per site, per recipient and in total.
type sending struct {
	every time.Duration
	burst int

	mu                sync.Mutex
	sites, recipients map[string]*rate.Limiter
	process           *rate.Limiter
}

func newSending(every time.Duration, burst int) *sending {
	s := &sending{every: every, burst: burst, sites: map[string]*rate.Limiter{}, recipients: map[string]*rate.Limiter{}}
	s.process = s.limiter(perProcess)
	return s
}

func (s *sending) limiter(times int) *rate.Limiter {
	return rate.NewLimiter(rate.Every(s.every)*rate.Limit(times), s.burst*times)
}

// take counts a message. Over a limit, it counts nothing and returns how long to wait and which limit was hit.
func (s *sending) take(siteID, recipient string, now time.Time) (wait time.Duration, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.recipients) > maxRecipients {
		s.forget(now)
	}
	var taken []*rate.Reservation
	for _, l := range []struct {
		*rate.Limiter
		what string
	}{
		{s.of(s.sites, siteID, 1), "of this site"},
		{s.of(s.recipients, mailbox(recipient), perRecipient), "to this recipient"},
		{s.process, "of this server"},
	} {
		r := l.ReserveN(now, 1)
		taken = append(taken, r)
		if delay := r.DelayFrom(now); delay > wait {
			wait, what = delay, l.what
		}
	}
	if wait > 0 {
		for _, r := range taken {
			r.CancelAt(now)
		}
	}
	return wait, what
}

func (s *sending) of(limiters map[string]*rate.Limiter, key string, times int) *rate.Limiter {
	if limiters[key] == nil {
		limiters[key] = s.limiter(times)
	}
	return limiters[key]
}

// forget drops idle recipients, whose full allowance is available again.
func (s *sending) forget(now time.Time) {
	for key, l := range s.recipients {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(s.recipients, key)
		}
	}
}

// mailbox normalizes an address to the mailbox that it most likely reaches: in lower case, without a tag after a plus sign, and with
// the domain as it is in DNS.
func mailbox(address string) string {
	address = strings.ToLower(address)
	at := strings.LastIndexByte(address, '@')
	local, domain := address[:max(at, 0)], address[at+1:]
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = ascii
	}
	local, _, _ = strings.Cut(local, "+")
	return local + "@" + domain
}

// recall counts the stored tests of the last day, so that a restart does not reset the limits.
func (c *Core) recall(tx *store.Tx) error {
	type message struct {
		siteID, recipient string
		at                time.Time
	}
	var sent []message
	for _, id := range tx.Names() {
		stored, err := tx.Site(id)
		if err != nil {
			return err
		}
		for t, err := range stored.NewestTests() {
			if err != nil {
				return err
			}
			sent = append(sent, message{id, t.Recipient, t.StartedAt})
		}
	}
	slices.SortStableFunc(sent, func(a, b message) int { return a.at.Compare(b.at) })
	for _, m := range sent {
		c.sending.take(m.siteID, m.recipient, m.at)
	}
	return nil
}
