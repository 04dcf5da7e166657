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

// One recipient may get ten times as many test messages, from all sites, as one site may send; the process may send a
// hundred times as many.
const (
	perRecipient = 10
	perProcess   = 100
)

// fewRecipients is how many recipients are remembered before those whose turn is long over are looked for.
const fewRecipients = 1000

// sending limits test messages: those of a site, those to a recipient, and all of them.
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

// take counts a message. When there were too many it counts nothing and returns how long to wait, and which were too many.
func (s *sending) take(siteID, recipient string, now time.Time) (wait time.Duration, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.recipients) > fewRecipients {
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

// forget drops recipients that are limited no more than one that never got a message.
func (s *sending) forget(now time.Time) {
	for key, l := range s.recipients {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(s.recipients, key)
		}
	}
}

// mailbox is an address without what most mail services ignore in it: the case of letters, and a tag after a plus sign. The domain is
// spelled as in DNS, where full-width letters are ordinary ones.
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

// recall counts the messages of the last day that are stored, so that a restart gives nobody a fresh allowance.
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
