package core

import (
	"errors"
	"fmt"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// inspector is the name shown as the writer of what the inspection changed.
const inspector = "reference site"

const keyCheck = "key check"

// inspect checks everything that is stored before anything is served.
func (c *Core) inspect(tx *store.Tx) error {
	if err := c.checkKey(tx); err != nil {
		return err
	}
	for name, id := range tx.Names() {
		stored, err := tx.Site(id)
		if err != nil {
			return err
		}
		if err := c.add(name, id).inspect(stored); err != nil {
			return fmt.Errorf("site %s: %w", name, err)
		}
	}
	if err := c.recall(tx); err != nil {
		return err
	}
	return tx.PutKeyCheck(c.Keys.MAC(keyCheck))
}

func (c *Core) checkKey(tx *store.Tx) error {
	check, err := tx.KeyCheck()
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case !c.Keys.Has(check.Key):
		return fmt.Errorf("the data file needs version %d of the sealing key, which is not among the keys", check.Key)
	case !c.Keys.Matches(check, keyCheck):
		return fmt.Errorf("version %d of the sealing key differs from the one that the data file was written with", check.Key)
	case check.Key != c.Keys.Current():
		// Free pages of the file still hold what the older key sealed, even of sites that were cleared.
		return tx.MarkForScrub()
	}
	return nil
}

// inspect repairs a record that was edited outside the server, which no crash can cause. It also re-seals what an older version of
// the key sealed, so that the older version can be removed once no test needs it.
func (s *Site) inspect(stored *store.Site) error {
	if err := s.checkTests(stored); err != nil {
		return err
	}
	before, err := stored.Record()
	if err != nil {
		return err
	}
	rec := before
	password, err := s.openPassword(rec)
	if err != nil {
		rec.Password = nil
		s.log.Error("stored password removed: it does not belong to this site and these settings, or was changed")
	}
	if rec.Verification != nil && (err != nil || !s.proves(*rec.Verification, rec.Settings, password)) {
		rec.Verification = nil
		s.log.Error("stored verification removed: it is not of these settings and this password")
	}
	if rec.Enabled && rec.Verification == nil {
		rec.Enabled = false
		s.log.Error("MAIL DISABLED: it was enabled with settings that are not verified")
	}
	if rec != before {
		s.stamp(&rec, inspector, nil)
	}
	if err := s.sealSuccessorsAnew(stored, rec); err != nil {
		return err
	}
	if s.sealAnew(&rec) || rec != before {
		return stored.PutRecord(rec)
	}
	return nil
}

// checkTests fails if a test of the last day needs a version of the key that is missing. Tests cannot be re-sealed, because they do not
// hold their password: a retried request would be refused, and a pass would not count.
func (s *Site) checkTests(stored *store.Site) error {
	now := s.core.Now()
	for t, err := range stored.NewestTests() {
		if err != nil {
			return err
		}
		if now.Sub(t.StartedAt).Abs() <= keepTests && !s.core.Keys.Has(t.Body.Key) {
			return fmt.Errorf("the test of %s needs version %d of the sealing key, which is not among the keys: keep the previous version for a day after a rotation",
				t.StartedAt.Format(time.RFC3339), t.Body.Key)
		}
	}
	return nil
}

// sealAnew re-seals the record with the current version of the key, and reports whether it was sealed with another version.
func (s *Site) sealAnew(rec *store.Record) bool {
	keys := s.core.Keys
	password, _ := s.openPassword(*rec)
	anew := false
	if p := rec.Password; p != nil && p.Sealed.Key != keys.Current() {
		sealed := *p
		sealed.Sealed = keys.Seal(password, s.place(rec.Settings, p.ID)...)
		rec.Password = &sealed
		anew = true
	}
	if v := rec.Verification; v != nil && v.Pass.Key != keys.Current() {
		rec.Verification = &store.Verification{Verification: v.Verification, Pass: s.proof(v.Verification, rec.Settings, password)}
		anew = true
	}
	if last := s.renewed(*rec, password); last != nil {
		rec.LastWrite = last
		anew = true
	}
	if anew {
		s.log.Info("re-sealed", "key_version", keys.Current())
	}
	return anew
}

// renewed returns the record's last write with a digest by the current version of the key, or nil if nothing needs renewing. The last
// write was for what the record holds, either with the password or without one, which kept the stored one.
func (s *Site) renewed(rec store.Record, password secret.Text) *store.LastWrite {
	keys, last := s.core.Keys, rec.LastWrite
	if last == nil || last.Body.Key == keys.Current() {
		return nil
	}
	for _, given := range []secret.Text{password, {}} {
		body := s.writeParts(Write{SaveRequest: site.SaveRequest{Settings: rec.Settings, Password: given, Enabled: rec.Enabled}})
		if keys.Matches(last.Body, body...) {
			return &store.LastWrite{ID: last.ID, Body: keys.MAC(body...)}
		}
	}
	return nil
}
