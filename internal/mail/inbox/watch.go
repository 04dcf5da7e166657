package inbox

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// watch implements [site.Watch]. The mailbox's mutex guards its fields.
type watch struct {
	mailbox *Mailbox
	route   route
	// from is the index in the mailbox's arrived of the first message that can be the test's.
	from int
	// shared: another test uses the same sender and recipient at the same time, so these do not identify the message.
	shared bool
	found  bool
	sent   bool
}

// Pauses between rounds: most messages arrive within a second, and some services take minutes.
func pause(waited time.Duration) time.Duration {
	switch {
	case waited < 5*time.Second:
		return 250 * time.Millisecond
	case waited < 30*time.Second:
		return time.Second
	}
	return 5 * time.Second
}

// Find implements [site.Watch]. It reconnects a lost connection until its time is up.
func (w *watch) Find(ctx context.Context, accepted site.TestResult, wait time.Duration) (site.Arrival, error) {
	m := w.mailbox
	m.mu.Lock()
	seen := m.started
	w.sent = true
	m.mu.Unlock()
	began := time.Now()
	elsewhere := 0
	for {
		number, err := m.refresh(ctx, seen)
		seen = number
		found, ok := w.search(accepted)
		switch {
		case ctx.Err() != nil:
			return site.Arrival{}, ctx.Err()
		case ok && (found.place != site.PlaceOther || elsewhere == roundsElsewhere):
			return w.take(found), nil
		case isFinal(err):
			return site.Arrival{}, err
		case ok:
			elsewhere++
		}
		left := wait - time.Since(began)
		if left <= 0 {
			return w.giveUp(ctx, accepted, err)
		}
		select {
		case <-ctx.Done():
			return site.Arrival{}, ctx.Err()
		case <-time.After(min(pause(time.Since(began)), left)):
		}
	}
}

// roundsElsewhere is how many more rounds look for a message in the inbox after it was found in an archive: Gmail keeps every message
// in its folder of all mail too, and may show it there first.
const roundsElsewhere = 3

func isFinal(err error) bool {
	e, ok := errors.AsType[*site.InboxError](err)
	return ok && e.Shortfall == site.InboxLogin
}

// giveUp searches the folders that are not watched, once, because a filter may have moved the message.
func (w *watch) giveUp(ctx context.Context, accepted site.TestResult, last error) (site.Arrival, error) {
	if last != nil {
		return site.Arrival{}, last
	}
	found, ok, err := w.mailbox.sweep(ctx, accepted)
	if err != nil {
		return site.Arrival{}, err
	}
	if ok {
		return w.take(found), nil
	}
	return site.Arrival{}, &site.InboxError{Shortfall: site.NotArrived, Message: "the message was accepted and did not arrive"}
}

// sweep searches the latest messages of all folders for the message.
func (m *Mailbox) sweep(ctx context.Context, accepted site.TestResult) (message, bool, error) {
	select {
	case m.busy <- struct{}{}:
	case <-ctx.Done():
		return message{}, false, ctx.Err()
	}
	defer m.release()
	if m.connection == nil {
		return message{}, false, nil
	}
	bounded, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	latest, err := m.connection.sweep(bounded)
	if err != nil {
		m.connection.close()
		m.connection = nil
		return message{}, false, cmp.Or(ctx.Err(), m.explain(err))
	}
	best, ok := message{}, false
	for _, candidate := range latest {
		if candidate.recognise(accepted) != "" && (!ok || rank(candidate.place) < rank(best.place)) {
			best, ok = candidate, true
		}
	}
	best.foundBy = best.recognise(accepted)
	return best, ok, nil
}

// take returns the arrival of a message that was found.
func (w *watch) take(found message) site.Arrival {
	w.mailbox.mu.Lock()
	w.found = true
	w.mailbox.mu.Unlock()
	return found.arrival(w.mailbox.config, w.route.from)
}

// Close implements [site.Watch].
func (w *watch) Close() {
	m := w.mailbox
	m.mu.Lock()
	delete(m.watches, w)
	if w.sent && !w.found {
		m.lost[w.route] = true
	}
	m.mu.Unlock()
	select {
	case m.busy <- struct{}{}:
		m.release()
	default: // The round that is running releases it.
	}
}
