// Package store keeps the server's data in one bbolt file. After a crash, each change is there as a whole or not at all. Nothing is
// cached.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The buckets: names maps a site's name to its ID, sites holds one bucket for each site, meta describes the file.
var (
	bucketMeta  = []byte("meta")
	bucketNames = []byte("names")
	bucketSites = []byte("sites")
	keyFormat   = []byte("format")
)

// format is the version of this layout.
const format = 1

// lockTimeout is how long Open waits for another process to release the file.
const lockTimeout = 5 * time.Second

// ErrExists is returned by [Tx.Create] for a name that is taken.
var ErrExists = errors.New("the name is taken")

// ErrNotFound is returned for a value that is not stored.
var ErrNotFound = errors.New("not stored")

// ErrClosed is returned after [Store.Close].
var ErrClosed = errors.New("data file is closed")

// WriteError is a change that could not be stored.
type WriteError struct {
	Err error
	// InDoubt is true if the disk failed at the very end: the change can be read now, but may not survive a crash of the machine.
	// Otherwise nothing of it was stored.
	InDoubt bool
}

// Error implements error.
func (e *WriteError) Error() string { return "write data file: " + e.Err.Error() }

// Unwrap returns the underlying error.
func (e *WriteError) Unwrap() error { return e.Err }

// Store is an open data file.
type Store struct {
	path string
	db   *bbolt.DB
	// replaced is the file that db is a copy of, or nil. Its lock keeps out processes that opened it before it was replaced.
	replaced *bbolt.DB
}

// Open opens the data file, and creates it with mode 0600 if it does not exist. If other users can read it, Open makes it private and
// logs that. Only one process can have it open.
func Open(path string, log *slog.Logger) (*Store, error) {
	s, err := openPrivate(path, log)
	if err != nil {
		return nil, fmt.Errorf("open data file %s: %w", path, err)
	}
	return s, nil
}

func openPrivate(path string, log *slog.Logger) (*Store, error) {
	// Resolve links, so that scrub replaces the file and not the link.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if err := makePrivate(path, log); err != nil {
		return nil, err
	}
	s := &Store{path: path}
	var err error
	if s.db, err = openDB(path); err != nil {
		return nil, err
	}
	if err := s.Update(prepare); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return s, nil
}

func openDB(path string) (*bbolt.DB, error) {
	return bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType})
}

// makePrivate restricts the file to its owner. Windows has no such modes.
func makePrivate(path string, log *slog.Logger) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || runtime.GOOS == "windows" {
		return nil
	}
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	log.Warn("other users could read the data file; its mode was changed to 0600", "file", path, "mode", fmt.Sprintf("%04o", info.Mode().Perm()))
	return os.Chmod(path, 0o600)
}

func prepare(tx *Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketNames, bucketSites} {
		if _, err := tx.tx.CreateBucketIfNotExists(name); err != nil {
			return written(err)
		}
	}
	meta := tx.tx.Bucket(bucketMeta)
	found, err := get[int](meta, keyFormat)
	if errors.Is(err, ErrNotFound) {
		return put(meta, keyFormat, format)
	}
	if err == nil && found != format {
		err = fmt.Errorf("its format is %d, but this program supports only %d", found, format)
	}
	return err
}

// Close closes the data file after open transactions have ended.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.replaced != nil {
		err = errors.Join(err, s.replaced.Close())
	}
	return err
}

// View calls fn with a read-only transaction.
func (s *Store) View(fn func(*Tx) error) error {
	return known(s.db.View(func(tx *bbolt.Tx) error { return fn(&Tx{tx}) }))
}

// Update calls fn with a transaction that is on disk when Update returns nil. On an error, which is that of fn or a *[WriteError],
// nothing is stored, unless the WriteError is InDoubt.
func (s *Store) Update(fn func(*Tx) error) error {
	var failed error
	var id int
	err := s.db.Update(func(tx *bbolt.Tx) error {
		id = tx.ID()
		failed = fn(&Tx{tx})
		return failed
	})
	if failed != nil {
		return failed
	}
	err = written(known(err))
	if e, ok := errors.AsType[*WriteError](err); ok {
		e.InDoubt = s.shows(id)
	}
	return err
}

// shows reports whether reads see the transaction with that ID, or a later one.
func (s *Store) shows(id int) bool {
	shown := false
	_ = s.db.View(func(tx *bbolt.Tx) error {
		shown = tx.ID() >= id
		return nil
	})
	return shown
}

// ViewSite is [Store.View] of one site.
func (s *Store) ViewSite(id string, fn func(*Site) error) error {
	return s.View(func(tx *Tx) error { return tx.inSite(id, fn) })
}

// UpdateSite is [Store.Update] of one site.
func (s *Store) UpdateSite(id string, fn func(*Site) error) error {
	return s.Update(func(tx *Tx) error { return tx.inSite(id, fn) })
}

func get[T any](b *bbolt.Bucket, key []byte) (T, error) {
	var v T
	data := b.Get(key)
	if data == nil {
		return v, ErrNotFound
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("data file is damaged: %w", err)
	}
	return v, nil
}

// getOrZero is get, but returns the zero value if nothing is stored.
func getOrZero[T any](b *bbolt.Bucket, key []byte) (T, error) {
	v, err := get[T](b, key)
	if errors.Is(err, ErrNotFound) {
		return v, nil
	}
	return v, err
}

func put(b *bbolt.Bucket, key []byte, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return written(b.Put(key, data))
}

func written(err error) error {
	if err == nil || errors.Is(err, ErrClosed) {
		return err
	}
	return &WriteError{Err: err}
}

func known(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}
