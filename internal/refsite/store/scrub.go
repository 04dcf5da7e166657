package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"go.etcd.io/bbolt"
)

// keyScrub marks a file whose free pages hold data that must be erased.
var keyScrub = []byte("scrub")

// scrubSize is the number of bytes copied in one transaction.
const scrubSize = 1 << 20

// MarkForScrub makes the next [Store.Scrub] copy the file, even if that is in another process after a crash.
func (t *Tx) MarkForScrub() error { return put(t.tx.Bucket(bucketMeta), keyScrub, true) }

// Scrub replaces a marked file by a copy without free pages, in which deleted and replaced values would stay readable. Call it before
// anything else uses the store. On Windows, which cannot replace open files, it does nothing and the mark stays.
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

// syncFolder makes a rename survive a crash of the machine. It ignores errors of Sync, because not every system can sync a folder.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync()
	return d.Close()
}
