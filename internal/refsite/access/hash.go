package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"runtime"

	"golang.org/x/crypto/argon2"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Costs of a password hash: of the equivalent settings in the OWASP password storage cheat sheet, one that needs little memory, for
// many concurrent logins.
const (
	hashTime      = 2
	hashMemoryKiB = 19456
	hashThreads   = 1
	hashSize      = 32
	saltSize      = 16
)

// nobody is a login that no password matches.
var nobody = store.Login{Salt: make([]byte, saltSize), Time: hashTime, MemoryKiB: hashMemoryKiB, Threads: hashThreads}

// hasher hashes at most one password per processor at a time, so that logins cannot exhaust the memory.
type hasher struct{ slots chan struct{} }

func newHasher() hasher { return hasher{make(chan struct{}, runtime.GOMAXPROCS(0))} }

// hash returns a login for the password, with a new salt. It fails if ctx ends before its turn.
func (h hasher) hash(ctx context.Context, password secret.Text) (store.Login, error) {
	l := nobody
	l.Salt = make([]byte, saltSize)
	_, _ = rand.Read(l.Salt) // never returns an error: it crashes the process instead
	var err error
	l.Hash, err = h.derive(ctx, l, password)
	return l, err
}

// matches reports whether the password is that of the login. It fails if ctx ends before its turn.
func (h hasher) matches(ctx context.Context, l store.Login, password secret.Text) (bool, error) {
	hash, err := h.derive(ctx, l, password)
	return err == nil && subtle.ConstantTimeCompare(hash, l.Hash) == 1, err
}

func (h hasher) derive(ctx context.Context, l store.Login, password secret.Text) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password.Reveal()), l.Salt, l.Time, l.MemoryKiB, l.Threads, hashSize), nil
}
