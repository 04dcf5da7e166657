package core

import (
	"context"
	"slices"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Refresh lends the refresh token of a candidate to fetch, as [submit.Sender.Refresh] describes.
type Refresh = func(c site.Candidate, fetch func(current secret.Text, replaced func(secret.Text) error) error) error

// Send sends one test message; it is bounded in time and ends with ctx.
type Send func(ctx context.Context, c site.Candidate, recipient string, refresh Refresh) site.TestResult

// refresh is the [Refresh] of the site. A token endpoint may replace a refresh token each time that it is used, and then the one
// that was entered is worth nothing any more. So its successor hangs on it: whoever enters the same one for the same endpoint and
// application again, such as a client that saves what it has tested, or that repeats a test, gets the successor used. It is stored
// before its access token is.
func (s *Site) refresh(c site.Candidate, fetch func(secret.Text, func(secret.Text) error) error) error {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	current, clientSecret := c.Password.Split()
	err := s.core.Store.ViewSite(s.id, func(stored *store.Site) error {
		successors, err := stored.Successors()
		for _, known := range successors {
			if next, err := s.core.Keys.Open(known.Sealed, s.successorOf(c)...); err == nil {
				current = next
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return fetch(secret.Join(current, clientSecret), func(next secret.Text) error { return s.replace(c, next) })
}

// successorOf is where the successor of a candidate's refresh token belongs: to what was entered, and where that was to be used.
func (s *Site) successorOf(c site.Candidate) []string {
	entered, _ := c.Password.Split()
	return []string{"refresh token", s.id, c.Settings.TokenURL, c.Settings.ClientID, entered.Reveal()}
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
		successors = slices.DeleteFunc(successors, func(known store.Successor) bool { return s.isSuccessor(known, c) })
		return stored.PutSuccessors(append(successors, store.Successor{
			Sealed: s.core.Keys.Seal(next, s.successorOf(c)...), At: s.core.Now().UTC(),
		}))
	})
}

func (s *Site) isSuccessor(known store.Successor, c site.Candidate) bool {
	_, err := s.core.Keys.Open(known.Sealed, s.successorOf(c)...)
	return err == nil
}

// successors are the stored ones that may yet be needed: that of the record's refresh token, and for as long as the result of a test
// can be read those of candidates, which may yet be saved.
func (s *Site) successors(stored *store.Site, rec store.Record) ([]store.Successor, error) {
	successors, err := stored.Successors()
	if err != nil || len(successors) == 0 {
		return nil, err
	}
	saved, err := s.savedCandidate(rec)
	if err != nil {
		return nil, err
	}
	now := s.core.Now()
	return slices.DeleteFunc(successors, func(known store.Successor) bool {
		return now.Sub(known.At).Abs() > keepTests && !s.isSuccessor(known, saved)
	}), nil
}

// dropSuccessors removes those that nothing needs once the site holds rec.
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

// sealSuccessorAnew brings the successor of the record's refresh token to the current version of the key.
func (s *Site) sealSuccessorAnew(stored *store.Site, rec store.Record) error {
	saved, err := s.savedCandidate(rec)
	if err != nil {
		return err
	}
	successors, err := stored.Successors()
	if err != nil {
		return err
	}
	anew := false
	for i, known := range successors {
		next, err := s.core.Keys.Open(known.Sealed, s.successorOf(saved)...)
		if err == nil && known.Sealed.Key != s.core.Keys.Current() {
			successors[i].Sealed, anew = s.core.Keys.Seal(next, s.successorOf(saved)...), true
		}
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
