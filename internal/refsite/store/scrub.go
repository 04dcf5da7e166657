package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"go.etcd.io/bbolt"
)

// keyScrub marks a file in whose free pages something is left that must not stay.
var keyScrub = []byte("scrub")

// scrubSize is how many bytes are copied in one transaction.
const scrubSize = 1 << 20

// MarkForScrub makes the next [Store.Scrub] copy the file, also that of a process that comes after a crash.
func (t *Tx) MarkForScrub() error { return put(t.tx.Bucket(bucketMeta), keyScrub, true) }

// Scrub replaces a file that is marked by a copy without free pages, in which deleted and replaced values stay readable. It
// must be called before anybody else uses the store. Windows does not replace files that are open; there the mark stays.
func (s *Store) Scrub() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	marked := false
	err := s.View(func(tx *Tx) error {
		marked = tx.tx.Bucket(bucketMeta).Get(keyScrub) != nil
		return nil
	})
	if err != nil || !marked {
		return err
	}
	if err := s.scrub(); err != nil {
		return fmt.Errorf("rewrite data file %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) scrub() error {
	beside := s.path + ".new"
	if err := os.Remove(beside); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	fresh, err := openDB(beside)
	if err != nil {
		return err
	}
	err = bbolt.Compact(fresh, s.db, scrubSize)
	if err == nil {
		err = fresh.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Delete(keyScrub) })
	}
	if err == nil {
		err = os.Rename(beside, s.path)
	}
	if err != nil {
		return errors.Join(err, fresh.Close(), os.Remove(beside))
	}
	s.replaced, s.db = s.db, fresh
	return syncFolder(filepath.Dir(s.path))
}

// syncFolder makes a rename outlive the machine. Not every system can sync a folder, and none needs it to read its own.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
