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
	// keySuccessors is absent if there are no successors, and in files of older versions.
	keySuccessors = []byte("refresh tokens")
)

// Site is the data of one site, within a transaction.
type Site struct{ b *bbolt.Bucket }

// Record is a site's mail settings and what the server knows about them. A new site has the zero Record. It does not name its site: its
// secrets and proofs are cryptographically bound to the site.
type Record struct {
	Settings site.Settings `json:"settings"`
	Enabled  bool          `json:"enabled"`
	// Revision counts the writes.
	Revision uint64 `json:"revision"`
	// UpdatedAt is the time of the last write, UpdatedBy the name of its token or user.
	UpdatedAt time.Time `json:"updated_at"`
	UpdatedBy string    `json:"updated_by"`
	// LastWrite is nil if the last write had no ID.
	LastWrite *LastWrite `json:"last_write"`
	// Password is nil if none is stored.
	Password *Password `json:"password"`
	// Verification is nil if these settings and this password never passed a test.
	Verification *Verification `json:"verification"`
	// Applied is the last write of a client of the contract, such as Terraform, since the site was last cleared; nil if there was none.
	Applied *Applied `json:"applied"`
}

// Applied is the last write of a client of the contract, without the password.
type Applied struct {
	By         string        `json:"by"`
	At         time.Time     `json:"at"`
	Settings   site.Settings `json:"settings"`
	Enabled    bool          `json:"enabled"`
	PasswordID string        `json:"password_id"`
}

// LastWrite identifies the last write, to recognise a retry.
type LastWrite struct {
	ID   string   `json:"id"`
	Body seal.MAC `json:"body"`
}

// Password is a stored password.
type Password struct {
	// ID is random, and different for every password that is set.
	ID     string      `json:"id"`
	Sealed seal.Sealed `json:"sealed"`
	// SetAt is when it was set, SetBy the name of the token or user that set it; both are zero in files of older versions.
	SetAt time.Time `json:"set_at"`
	SetBy string    `json:"set_by"`
}

// Verification is the record of a pass, with its proof.
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

// Successor is the refresh token with which a token endpoint last replaced a refresh token that was entered.
type Successor struct {
	// Entered identifies the refresh token that was entered, with its endpoint and application.
	Entered seal.MAC    `json:"entered"`
	Sealed  seal.Sealed `json:"sealed"`
	// At is when the token endpoint returned it.
	At time.Time `json:"at"`
}

// Successors returns the successors of the site, newest last.
func (s *Site) Successors() ([]Successor, error) {
	return getOrZero[[]Successor](s.b, keySuccessors)
}

// PutSuccessors replaces the successors of the site.
func (s *Site) PutSuccessors(successors []Successor) error {
	if len(successors) == 0 {
		return written(s.b.Delete(keySuccessors))
	}
	return put(s.b, keySuccessors, successors)
}
