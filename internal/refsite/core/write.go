package core

import (
	"cmp"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Write is the request for one commit.
type Write struct {
	site.SaveRequest
	// ID is the ID that the writer gave this write, or empty. Repeating the last write with the same content changes nothing.
	ID string
}

// Commit saves settings, password and switch in one transaction and returns the new state. by names the writer.
func (s *Site) Commit(by string, w Write) (site.State, error) {
	if err := s.checkSiteID(w.SiteID); err != nil {
		return site.State{}, err
	}
	if err := checkCandidate(site.Candidate{Settings: w.Settings, Password: w.Password}); err != nil {
		return site.State{}, err
	}
	hidden := checkShown(w.Settings)
	body := s.writeParts(w)
	return s.write(func(stored *store.Site, rec *store.Record) error {
		if w.ID != "" && rec.LastWrite != nil && rec.LastWrite.ID == w.ID {
			return s.checkRepeated(stored, rec.LastWrite.Body, "write_id", body, w.Password)
		}
		if err := checkRevision(*rec, w.Revision); err != nil {
			return err
		}
		// Settings that were stored before this rule existed can still be switched off.
		if hidden != nil && w.Settings != rec.Settings {
			return hidden
		}
		before := *rec
		if err := s.commit(stored, rec, w); err != nil {
			return err
		}
		var last *store.LastWrite
		if w.ID != "" {
			last = &store.LastWrite{ID: w.ID, Body: s.core.Keys.MAC(body...)}
		}
		s.stamp(rec, by, last)
		s.noteOrigin(rec, before)
		s.log.Info("saved", "by", by, "revision", rec.Revision, "enabled", rec.Enabled,
			"changed", before.Settings.Diff(rec.Settings), "new_password", !w.Password.IsEmpty())
		return nil
	})
}

// noteOrigin records in a stamped record who set the password, and what a client of the contract wrote. Only such clients give their
// writes an ID. The write that switches mail off when a resource is destroyed names no writer: nothing is managed after it.
func (s *Site) noteOrigin(rec *store.Record, before store.Record) {
	passwordID := ""
	if p := rec.Password; p != nil {
		passwordID = p.ID
		if before.Password == nil || before.Password.ID != p.ID {
			p.SetAt, p.SetBy = rec.UpdatedAt, rec.UpdatedBy
		}
	}
	switch {
	case rec.LastWrite == nil:
	case !rec.Enabled && site.WriterOf(rec.LastWrite.ID) == "":
		rec.Applied = nil
	default:
		rec.Applied = &store.Applied{
			By: rec.UpdatedBy, At: rec.UpdatedAt, Settings: rec.Settings, Enabled: rec.Enabled, PasswordID: passwordID,
		}
	}
}

// Clear deletes settings and password and returns the new state. by names the writer. An empty siteID is not checked.
func (s *Site) Clear(by, siteID, revision string) (site.State, error) {
	if err := s.checkSiteID(siteID); err != nil {
		return site.State{}, err
	}
	return s.write(func(_ *store.Site, rec *store.Record) error {
		if err := checkRevision(*rec, revision); err != nil {
			return err
		}
		*rec = store.Record{Revision: rec.Revision}
		s.stamp(rec, by, nil)
		s.log.Info("cleared", "by", by, "revision", rec.Revision)
		return nil
	})
}

// write stores the record as modified by change, unless change fails or changes nothing.
func (s *Site) write(change func(*store.Site, *store.Record) error) (site.State, error) {
	var rec store.Record
	err := s.update(func(stored *store.Site) (err error) {
		if rec, err = stored.Record(); err != nil {
			return err
		}
		before := rec.Revision
		if err := change(stored, &rec); err != nil || rec.Revision == before {
			return err
		}
		return errors.Join(s.dropSuccessors(stored, rec), stored.PutRecord(rec))
	})
	if err != nil {
		return site.State{}, err
	}
	return s.state(rec), nil
}

// update changes what is stored about the site. If change refuses a request, only the guess that it counted is stored; it must refuse
// before it stores anything else.
func (s *Site) update(change func(*store.Site) error) error {
	var refused *problem.Error
	err := s.core.Store.UpdateSite(s.id, func(stored *store.Site) error {
		before, err := stored.Guesses()
		if err != nil {
			return err
		}
		err = change(stored)
		if e, ok := errors.AsType[*problem.Error](err); ok {
			if after, err := stored.Guesses(); err == nil && after != before {
				refused = e
				return nil
			}
		}
		return err
	})
	if err == nil && refused != nil {
		return refused
	}
	return err
}

// commit applies w to rec. No other code can set Enabled.
func (s *Site) commit(stored *store.Site, rec *store.Record, w Write) error {
	kept, password, err := s.password(*rec, w)
	if err != nil {
		return err
	}
	verification, sameSettings, err := s.verification(stored, *rec, w.Settings, password)
	if err != nil {
		return err
	}
	if sameSettings && !w.Password.IsEmpty() {
		if err := s.countGuess(stored, "password", verification != nil); err != nil {
			return err
		}
	}
	on := rec.Enabled && rec.Verification != nil && s.proves(*rec.Verification, w.Settings, password)
	if w.Enabled && !on && !s.isRecent(verification) {
		return problem.New(problem.VerificationRequired,
			"Mail can be enabled only with settings and a password that passed a test in the last %s.", s.core.PassAge)
	}
	rec.Settings = w.Settings
	rec.Password = kept
	rec.Verification = verification
	rec.Enabled = w.Enabled
	return nil
}

// isRecent reports whether a pass, which may be nil, is recent enough to enable mail. A pass from far in the future comes from a wrong
// clock, and does not count.
func (s *Site) isRecent(v *store.Verification) bool {
	return v != nil && s.core.Now().Sub(v.TestedAt).Abs() <= s.core.PassAge
}

// password returns the password of rec after w, both sealed and in clear.
func (s *Site) password(rec store.Record, w Write) (*store.Password, secret.Text, error) {
	if w.Settings.Username == "" {
		return nil, secret.Text{}, nil
	}
	if !w.Password.IsEmpty() {
		id := uuid.NewString()
		return &store.Password{ID: id, Sealed: s.core.Keys.Seal(w.Password, s.place(w.Settings, id)...)}, w.Password, nil
	}
	if changed := rec.Settings.Diff(w.Settings); len(changed) > 0 {
		return nil, secret.Text{}, passwordRequired("The password must come with a change of " + strings.Join(changed, ", ") +
			": a stored password is used only with the settings it was entered for.")
	}
	if rec.Password == nil && w.Enabled {
		return nil, secret.Text{}, passwordRequired("No password is stored for this username.")
	}
	password, err := s.openPassword(rec)
	return rec.Password, password, err
}

// verification returns the record of the newest pass of exactly these settings and this password, or nil. sameSettings is true if these
// settings have passed with any password: the response then reveals whether this password is the one that passed.
func (s *Site) verification(stored *store.Site, rec store.Record, settings site.Settings, password secret.Text) (_ *store.Verification, sameSettings bool, _ error) {
	for t, err := range stored.NewestTests() {
		if err != nil {
			return nil, false, err
		}
		// Skip records without a pass of these settings: checking their proof could reveal a password without counting the guess.
		if t.Result == nil || t.Result.Status != site.Passed || t.Settings != settings {
			continue
		}
		sameSettings = true
		v := store.Verification{Verification: verificationOf(*t.Result), Pass: t.Pass}
		if s.proves(v, settings, password) {
			v.Pass = s.proof(v.Verification, settings, password) // with the present version of the key
			return &v, true, nil
		}
	}
	if rec.Verification == nil || rec.Settings != settings {
		return nil, sameSettings, nil
	}
	if s.proves(*rec.Verification, settings, password) {
		return rec.Verification, true, nil
	}
	return nil, true, nil
}

func verificationOf(r site.TestResult) site.Verification {
	v := r.Verification()
	v.TestedAt = v.TestedAt.UTC()
	return v
}

// checkRepeated makes sure that a request is the same as the earlier one with its key. password is the password in the request.
func (s *Site) checkRepeated(stored *store.Site, m seal.MAC, field string, parts []string, password secret.Text) error {
	same := s.core.Keys.Matches(m, parts...)
	if !password.IsEmpty() {
		if err := s.countGuess(stored, cmp.Or(field, "test key"), same); err != nil {
			return err
		}
	}
	if same {
		return nil
	}
	return &problem.Error{Code: problem.KeyReused, Field: field, Detail: "This key was already used with a different body."}
}

// countGuess counts a wrong password that was compared with a secret of the site; of names the comparison for the log. After too many,
// it returns an error even for the right password, as with failed logins.
func (s *Site) countGuess(stored *store.Site, of string, right bool) error {
	count, err := stored.Guesses()
	if err != nil {
		return err
	}
	more, wait := count.Add(s.core.Guesses, s.core.Now().UTC())
	if wait > 0 {
		return &problem.Error{Code: problem.RateLimited, RetryAfter: wait, Detail: "Too many wrong passwords."}
	}
	if right {
		return nil
	}
	s.log.Warn("password does not match", "compared_by", of)
	return stored.PutGuesses(more)
}

func checkRevision(rec store.Record, read string) error {
	if read == revision(rec) {
		return nil
	}
	return &problem.Error{
		Code: problem.Stale, Revision: revision(rec), UpdatedBy: rec.UpdatedBy,
		Detail: "The site was changed since it was read.",
	}
}

func passwordRequired(detail string) error {
	return &problem.Error{Code: problem.PasswordRequired, Field: "password", Detail: detail}
}
