package store

import (
	"time"

	"go.etcd.io/bbolt"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/limit"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var (
	keyRecord  = []byte("record")
	keyGuesses = []byte("guesses")
	// keySuccessors is absent in a site without them, and in a file of an older program.
	keySuccessors = []byte("refresh tokens")
)

// Site is what is stored of one site, in a transaction.
type Site struct{ b *bbolt.Bucket }

// Record is a site's mail settings and what the server knows about them. The zero Record is that of a new site. It does
// not say which site it is of: what it holds is bound to the site by key.
type Record struct {
	Settings site.Settings `json:"settings"`
	Enabled  bool          `json:"enabled"`
	// Revision counts the writes.
	Revision uint64 `json:"revision"`
	// UpdatedAt is the time of the last write, UpdatedBy the name of its token or user.
	UpdatedAt time.Time `json:"updated_at"`
	UpdatedBy string    `json:"updated_by"`
	// LastWrite is nil when the last writer gave its write no identifier.
	LastWrite *LastWrite `json:"last_write"`
	// Password is nil when none is stored.
	Password *Password `json:"password"`
	// Verification is nil when these settings and this password never passed a test.
	Verification *Verification `json:"verification"`
	// Applied is nil unless a client of the contract, such as Terraform, saved what the site held at some time since it
	// was last cleared.
	Applied *Applied `json:"applied"`
}

// Applied is what the last write of a client of the contract left, without the password.
type Applied struct {
	By         string        `json:"by"`
	At         time.Time     `json:"at"`
	Settings   site.Settings `json:"settings"`
	Enabled    bool          `json:"enabled"`
	PasswordID string        `json:"password_id"`
}

// LastWrite recognises a repeated write.
type LastWrite struct {
	ID   string   `json:"id"`
	Body seal.MAC `json:"body"`
}

// Password is a stored password.
type Password struct {
	// ID is random and new with every password that is set.
	ID     string      `json:"id"`
	Sealed seal.Sealed `json:"sealed"`
	// SetAt is when it was set, SetBy the name of the token or user that did; zero where a file of an older program does
	// not tell.
	SetAt time.Time `json:"set_at"`
	SetBy string    `json:"set_by"`
}

// Verification is the record of a pass and what proves it.
type Verification struct {
	site.Verification
	Pass seal.MAC `json:"pass"`
}

// Record returns the site's record.
func (s *Site) Record() (Record, error) { return get[Record](s.b, keyRecord) }

// PutRecord replaces the site's record.
func (s *Site) PutRecord(r Record) error { return put(s.b, keyRecord, r) }

// Guesses returns how many passwords were compared with a secret of the site and did not match.
func (s *Site) Guesses() (limit.Count, error) {
	return getOrZero[limit.Count](s.b, keyGuesses)
}

// PutGuesses replaces that count.
func (s *Site) PutGuesses(c limit.Count) error { return put(s.b, keyGuesses, c) }

// Successor is the refresh token that a token endpoint gave last in place of one that somebody entered.
type Successor struct {
	// Entered recognises the one that was entered, with where it is used.
	Entered seal.MAC    `json:"entered"`
	Sealed  seal.Sealed `json:"sealed"`
	// At is when it was given.
	At time.Time `json:"at"`
}

// Successors returns those of the site, the latest last.
func (s *Site) Successors() ([]Successor, error) {
	return getOrZero[[]Successor](s.b, keySuccessors)
}

// PutSuccessors replaces those of the site.
func (s *Site) PutSuccessors(successors []Successor) error {
	if len(successors) == 0 {
		return written(s.b.Delete(keySuccessors))
	}
	return put(s.b, keySuccessors, successors)
}
