package store

import (
	"fmt"
	"iter"

	"go.etcd.io/bbolt"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
)

var keyCheck = []byte("key")

// Tx is a transaction. It is valid only within the function that it is passed to.
type Tx struct{ tx *bbolt.Tx }

// KeyCheck returns the digest that identifies the sealing key, or [ErrNotFound] in a new file.
func (t *Tx) KeyCheck() (seal.MAC, error) {
	return get[seal.MAC](t.tx.Bucket(bucketMeta), keyCheck)
}

// PutKeyCheck stores the digest that identifies the sealing key.
func (t *Tx) PutKeyCheck(m seal.MAC) error {
	return put(t.tx.Bucket(bucketMeta), keyCheck, m)
}

// Create adds an empty site, or returns [ErrExists].
func (t *Tx) Create(name, id string) (*Site, error) {
	names := t.tx.Bucket(bucketNames)
	if names.Get([]byte(name)) != nil {
		return nil, ErrExists
	}
	if err := names.Put([]byte(name), []byte(id)); err != nil {
		return nil, written(err)
	}
	b, err := t.tx.Bucket(bucketSites).CreateBucket([]byte(id))
	if err != nil {
		return nil, written(err)
	}
	for _, sub := range [][]byte{bucketTests, bucketOrder, bucketTokens, bucketLogins} {
		if _, err := b.CreateBucket(sub); err != nil {
			return nil, written(err)
		}
	}
	s := &Site{b}
	return s, s.PutRecord(Record{})
}

// Names returns the name and the ID of every site.
func (t *Tx) Names() iter.Seq2[string, string] {
	return func(yield func(name, id string) bool) {
		c := t.tx.Bucket(bucketNames).Cursor()
		for name, id := c.First(); name != nil && yield(string(name), string(id)); {
			name, id = c.Next()
		}
	}
}

func (t *Tx) inSite(id string, fn func(*Site) error) error {
	s, err := t.Site(id)
	if err != nil {
		return err
	}
	return fn(s)
}

// Site returns the data of the site with that ID.
func (t *Tx) Site(id string) (*Site, error) {
	b := t.tx.Bucket(bucketSites).Bucket([]byte(id))
	if b == nil {
		return nil, fmt.Errorf("data file is damaged: there is no site %s", id)
	}
	return &Site{b}, nil
}
