package core

import (
	"context"
	"slices"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Refresh passes the current refresh token of a candidate to fetch, as [submit.Sender.Refresh] describes.
type Refresh = func(c site.Candidate, fetch func(current secret.Text, replaced func(secret.Text) error) error) error

// Send sends one test message. It has a timeout of its own, and ends with ctx.
type Send func(ctx context.Context, c site.Candidate, recipient string, refresh Refresh) site.TestResult

// refresh is the [Refresh] of the site. A token endpoint may replace a refresh token each time it is used, which invalidates the token
// that was entered. The site therefore stores its successor: if the same token is entered again for the same endpoint and application,
// for example by a client that saves what it has tested or retries a test, the successor is used. It is stored before the access token
// is used.
func (s *Site) refresh(c site.Candidate, fetch func(secret.Text, func(secret.Text) error) error) error {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	current, clientSecret := c.Password.Split()
	err := s.core.Store.ViewSite(s.id, func(stored *store.Site) error {
		successors, err := stored.Successors()
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(successors, s.succeeds(c)); i >= 0 {
			current, err = s.core.Keys.Open(successors[i].Sealed, s.successorPlace(successors[i].Entered)...)
		}
		return err
	})
	if err != nil {
		return err
	}
	return fetch(secret.Join(current, clientSecret), func(next secret.Text) error { return s.replace(c, next) })
}

// enteredParts identify the refresh token of a candidate, with its endpoint and application: a successor is used only there.
func (s *Site) enteredParts(c site.Candidate) []string {
	entered, _ := c.Password.Split()
	return []string{"refresh token", s.id, c.Settings.TokenURL, c.Settings.ClientID, entered.Reveal()}
}

// succeeds returns a function that reports whether a successor is that of the candidate's refresh token.
func (s *Site) succeeds(c site.Candidate) func(store.Successor) bool {
	parts := s.enteredParts(c)
	return func(known store.Successor) bool { return s.core.Keys.Matches(known.Entered, parts...) }
}

// successorPlace binds a successor to the refresh token that was entered.
func (s *Site) successorPlace(entered seal.MAC) []string {
	return []string{"successor", s.id, string(entered.Sum)}
}

func (s *Site) newSuccessor(c site.Candidate, next secret.Text, at time.Time) store.Successor {
	entered := s.core.Keys.MAC(s.enteredParts(c)...)
	return store.Successor{Entered: entered, Sealed: s.core.Keys.Seal(next, s.successorPlace(entered)...), At: at}
}

// replace stores the successor of a candidate's refresh token in place of an earlier one.
func (s *Site) replace(c site.Candidate, next secret.Text) error {
	return s.core.Store.UpdateSite(s.id, func(stored *store.Site) error {
		rec, err := stored.Record()
		if err != nil {
			return err
		}
		successors, err := s.successors(stored, rec)
		if err != nil {
			return err
		}
		successors = slices.DeleteFunc(successors, s.succeeds(c))
		return stored.PutSuccessors(append(successors, s.newSuccessor(c, next, s.core.Now().UTC())))
	})
}

// successors returns the stored successors that may still be needed: that of the record's refresh token and, as long as test results
// can be read, those of tested candidates, which may still be saved.
func (s *Site) successors(stored *store.Site, rec store.Record) ([]store.Successor, error) {
	successors, err := stored.Successors()
	if err != nil || len(successors) == 0 {
		return nil, err
	}
	saved, err := s.savedCandidate(rec)
	if err != nil {
		return nil, err
	}
	now, isSaved := s.core.Now(), s.succeeds(saved)
	return slices.DeleteFunc(successors, func(known store.Successor) bool {
		return now.Sub(known.At).Abs() > keepTests && !isSaved(known)
	}), nil
}

// dropSuccessors removes the successors that are not needed once the site holds rec.
func (s *Site) dropSuccessors(stored *store.Site, rec store.Record) error {
	before, err := stored.Successors()
	if err != nil || len(before) == 0 {
		return err
	}
	var kept []store.Successor
	if !rec.Settings.IsZero() {
		if kept, err = s.successors(stored, rec); err != nil {
			return err
		}
	}
	return stored.PutSuccessors(kept)
}

// sealSuccessorsAnew re-seals the successors with the current version of the key. A successor of a candidate keeps its Entered digest by
// the older version, because the refresh token that was entered is not known here.
func (s *Site) sealSuccessorsAnew(stored *store.Site, rec store.Record) error {
	successors, err := stored.Successors()
	if err != nil || len(successors) == 0 {
		return err
	}
	saved, err := s.savedCandidate(rec)
	if err != nil {
		return err
	}
	keys, isSaved, anew := s.core.Keys, s.succeeds(saved), false
	for i, known := range successors {
		next, err := keys.Open(known.Sealed, s.successorPlace(known.Entered)...)
		switch {
		case err != nil || known.Sealed.Key == keys.Current() && known.Entered.Key == keys.Current():
			continue
		case isSaved(known):
			successors[i] = s.newSuccessor(saved, next, known.At)
		default:
			successors[i].Sealed = keys.Seal(next, s.successorPlace(known.Entered)...)
		}
		anew = true
	}
	if !anew {
		return nil
	}
	return stored.PutSuccessors(successors)
}

func (s *Site) savedCandidate(rec store.Record) (site.Candidate, error) {
	password, err := s.openPassword(rec)
	return site.Candidate{Settings: rec.Settings, Password: password}, err
}
