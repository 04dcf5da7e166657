package core

import (
	"errors"
	"fmt"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// inspector is shown as the writer of what the inspection changed.
const inspector = "reference site"

const keyCheck = "key check"

// inspect looks at all that is stored before anything is served.
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
		return fmt.Errorf("the data file needs version %d of the sealing key, and it is not among the keys", check.Key)
	case !c.Keys.Matches(check, keyCheck):
		return fmt.Errorf("version %d of the sealing key is not the one that the data file was written with", check.Key)
	case check.Key != c.Keys.Current():
		// What the older key sealed, also for sites that were cleared, is still in pages that are free.
		return tx.MarkForScrub()
	}
	return nil
}

// inspect repairs what a crash cannot have left: a record that someone changed behind the server's back. And it seals
// anew what an older version of the key sealed, so that the older version can be removed once no test needs it.
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
		s.log.Error("the stored password does not belong to this site and these settings, or was changed: it is removed")
	}
	if rec.Verification != nil && (err != nil || !s.proves(*rec.Verification, rec.Settings, password)) {
		rec.Verification = nil
		s.log.Error("the stored verification is not of these settings and this password: it is removed")
	}
	if rec.Enabled && rec.Verification == nil {
		rec.Enabled = false
		s.log.Error("MAIL IS DISABLED: it was enabled with settings that are not verified")
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

// checkTests refuses to go on without a version of the key that a test of the last day needs. It cannot be made anew, as no
// test holds its password: a call that is repeated would be refused, and a pass would not count.
func (s *Site) checkTests(stored *store.Site) error {
	now := s.core.Now()
	for t, err := range stored.NewestTests() {
		if err != nil {
			return err
		}
		if now.Sub(t.StartedAt).Abs() <= keepTests && !s.core.Keys.Has(t.Body.Key) {
			return fmt.Errorf("the test of %s needs version %d of the sealing key, and it is not among the keys: the version before is needed for a day after a rotation",
				t.StartedAt.Format(time.RFC3339), t.Body.Key)
		}
	}
	return nil
}

// sealAnew brings the record to the current version of the key and reports whether it was sealed with another.
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
		s.log.Info("sealed anew", "key_version", keys.Current())
	}
	return anew
}

// renewed recognises the record's last write by the current version of the key; nil when there is nothing to renew. What it
// asked for is what the record holds, with the password or without one, which left the stored one.
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
