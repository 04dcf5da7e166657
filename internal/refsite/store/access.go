package store

import (
	"errors"
	"time"
)

// tokens maps the SHA-256 of a token to its record, logins a username to its password hash.
var (
	bucketTokens = []byte("tokens")
	bucketLogins = []byte("logins")
)

// Token is the record of a bearer token.
type Token struct {
	// Name identifies its owner as a writer.
	Name string `json:"name"`
	// Session is true for a session of the login Name, false for an API token.
	Session bool `json:"session"`
	// ExpiresAt is zero for an API token, which is valid until it is removed.
	ExpiresAt time.Time `json:"expires_at"`
}

// Expired reports whether the token has expired.
func (t Token) Expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }

// Login is a username's password, hashed with argon2id (RFC 9106).
type Login struct {
	Salt []byte `json:"salt"`
	Hash []byte `json:"hash"`
	// Time, MemoryKiB and Threads are the cost parameters of the hash.
	Time      uint32 `json:"time"`
	MemoryKiB uint32 `json:"memory_kib"`
	Threads   uint8  `json:"threads"`
}

// Token returns the record of the token with that SHA-256, or [ErrNotFound].
func (s *Site) Token(sum []byte) (Token, error) { return get[Token](s.b.Bucket(bucketTokens), sum) }

// PutToken stores a token by its SHA-256.
func (s *Site) PutToken(sum []byte, t Token) error { return put(s.b.Bucket(bucketTokens), sum, t) }

// DropToken removes the token with that SHA-256.
func (s *Site) DropToken(sum []byte) error { return written(s.b.Bucket(bucketTokens).Delete(sum)) }

// DropTokens removes the tokens for which drop is true.
func (s *Site) DropTokens(drop func(Token) bool) error {
	b := s.b.Bucket(bucketTokens)
	var dropped [][]byte
	err := b.ForEach(func(sum, _ []byte) error {
		t, err := s.Token(sum)
		if err == nil && drop(t) {
			dropped = append(dropped, sum)
		}
		return err
	})
	for _, sum := range dropped {
		err = errors.Join(err, written(b.Delete(sum)))
	}
	return err
}

// Login returns the login with that username, or [ErrNotFound].
func (s *Site) Login(username string) (Login, error) {
	return get[Login](s.b.Bucket(bucketLogins), []byte(username))
}

// PutLogin stores the login with that username.
func (s *Site) PutLogin(username string, l Login) error {
	return put(s.b.Bucket(bucketLogins), []byte(username), l)
}
