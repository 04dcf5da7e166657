package provider

import (
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// By default Terraform refreshes ten resources at a time, however slowly their sites answer. Once that many were refreshed, the others
// will probably follow, so they are read concurrently in advance.
const (
	readAheadAfter = 10
	// readAheadWidth is how many sites are read ahead at a time.
	readAheadWidth = 64
)

// reading is a read of a site before Terraform asks for it.
type reading struct {
	// done is closed once state and err are set.
	done  chan struct{}
	state site.State
	err   error
	// late is true if the read-ahead timed out.
	late bool
}

// refresh reads the site of e for a refresh.
func (s *sites) refresh(ctx context.Context, e *entry) (site.State, error) {
	if s.refreshed.Add(1) == readAheadAfter {
		go s.readAhead(context.WithoutCancel(ctx))
	}
	return e.answer(ctx)
}

// answer returns the state of the site, from the read-ahead if there was one in this run.
func (e *entry) answer(ctx context.Context) (site.State, error) {
	ahead := e.take()
	if ahead == nil {
		return e.readNow(ctx)
	}
	select {
	case <-ahead.done:
		if ahead.late {
			return e.readNow(ctx) // with the caller's own timeout: the read-ahead may have spent its time in the queue
		}
		return ahead.state, ahead.err
	case <-ctx.Done():
		return site.State{}, ctx.Err()
	}
}

// readAhead reads all sites that have not been requested yet.
func (s *sites) readAhead(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(readAheadWidth)
	for _, key := range slices.Sorted(maps.Keys(s.entries)) {
		if e := s.entries[key]; e.site != nil && e.readAhead {
			group.Go(func() error {
				e.prefetch(ctx)
				return nil
			})
		}
	}
	_ = group.Wait() // errors are stored in the readings
}

// prefetch reads the site ahead, unless a request to it has already begun.
func (e *entry) prefetch(ctx context.Context) {
	r := e.begin()
	if r == nil {
		return
	}
	defer close(r.done)
	ctx, cancel := context.WithTimeout(ctx, defaultReadTimeout)
	defer cancel()
	r.state, r.err = e.readNow(ctx)
	r.late = ctx.Err() != nil
}

func (e *entry) begin() *reading {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.taken {
		return nil
	}
	e.taken, e.ahead = true, &reading{done: make(chan struct{})}
	return e.ahead
}

// take returns what was read ahead, or nil, and prevents any later read-ahead: a result is used once, and never after a write.
func (e *entry) take() *reading {
	e.mu.Lock()
	defer e.mu.Unlock()
	ahead := e.ahead
	e.taken, e.ahead = true, nil
	return ahead
}
