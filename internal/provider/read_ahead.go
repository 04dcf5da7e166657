package provider

import (
	"context"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Terraform refreshes ten resources at a time, however long their sites take to answer. Once a walk has read that many by
// itself, it will probably come to the others: they are read side by side, and the walk takes their answers.
const (
	readAheadAfter = 10
	// readAheadWidth is how many sites are read ahead at a time.
	readAheadWidth = 64
)

// reading is a read of a site before somebody asks for it.
type reading struct {
	// done is closed when state and err are there.
	done  chan struct{}
	state site.State
	err   error
	// late: the time for a reading ahead was over first.
	late bool
}

// refresh reads the site of e for a refresh.
func (s *sites) refresh(ctx context.Context, e *entry) (site.State, error) {
	if s.refreshed.Add(1) == readAheadAfter {
		go s.readAhead(context.WithoutCancel(ctx))
	}
	return e.answer(ctx)
}

// answer is what the site says, or said in this walk when it was read ahead.
func (e *entry) answer(ctx context.Context) (site.State, error) {
	ahead := e.take()
	if ahead == nil {
		return e.readNow(ctx)
	}
	select {
	case <-ahead.done:
		if ahead.late {
			return e.readNow(ctx) // in the time that this caller gives it, and after those whom the reading waited for
		}
		return ahead.state, ahead.err
	case <-ctx.Done():
		return site.State{}, ctx.Err()
	}
}

// readAhead reads what nobody has asked for yet.
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
	_ = group.Wait() // readings hold their errors
}

// prefetch reads the site ahead, unless somebody else has begun to do anything with it.
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

// take returns what was read ahead, nil where that is nothing. From then on nothing is: an answer is used once, and never
// after a write.
func (e *entry) take() *reading {
	e.mu.Lock()
	defer e.mu.Unlock()
	ahead := e.ahead
	e.taken, e.ahead = true, nil
	return ahead
}
