package inbox

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// watch implements [site.Watch]. Its fields are guarded by those of the mailbox.
type watch struct {
	mailbox *Mailbox
	route   route
	// from is where in the mailbox's list the messages begin that can be the right one.
	from int
	// shared: others send from and to the same addresses meanwhile, so that those do not tell a message.
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

// Find implements [site.Watch]. A lost connection is opened again for as long as there is time.
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

// roundsElsewhere is how often a message is looked for in the inbox that was seen in an archive: Gmail has each message in its
// folder of all mail too, and may show it there first.
const roundsElsewhere = 3

func isFinal(err error) bool {
	e, ok := errors.AsType[*site.InboxError](err)
	return ok && e.Shortfall == site.InboxLogin
}

// giveUp looks into the folders that are not watched, once: a filter may have moved the message.
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

// sweep looks for the message in all folders, among their latest messages.
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

// take makes the arrival of a message that was found.
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
	default: // Who is busy releases it.
	}
}
