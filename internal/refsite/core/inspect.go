package core

import (
	"errors"
	"fmt"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
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
	}
	return nil
}

// inspect repairs what a crash cannot have left: a record that someone changed behind the server's back. And it seals
// anew what an older version of the key sealed, so that the older version can then be removed.
func (s *Site) inspect(stored *store.Site) error {
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
	if s.sealAnew(&rec) || rec != before {
		return stored.PutRecord(rec)
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
	if anew {
		s.log.Info("sealed anew", "key_version", keys.Current())
	}
	return anew
}
