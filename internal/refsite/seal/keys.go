// Package seal encrypts passwords at rest and makes keyed digests.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

const keySize = 32

// Keys are the versions of a server's key. The highest version seals; the others only open. The zero Keys have no version.
type Keys struct {
	// A pointer, so that printing Keys shows only an address.
	ring *ring
}

type ring struct {
	current  int
	versions map[int]version
}

// version holds the keys that are derived from one version.
type version struct {
	aead cipher.AEAD
	mac  []byte
}

// Generate returns Keys with one random version, 1.
func Generate() Keys {
	keys, err := fromBytes(map[int][]byte{1: newKey()})
	if err != nil {
		panic(err) // a key of the right size is always accepted
	}
	return keys
}

// Load reads Keys from a file as [Parse] takes them. It refuses a file that anyone but its owner can read.
func Load(path string) (Keys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Keys{}, fmt.Errorf("key file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Keys{}, fmt.Errorf("key file %s has mode %04o, so users other than its owner can read it: run chmod 600", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Keys{}, fmt.Errorf("key file: %w", err)
	}
	return Parse(secret.New(string(text)))
}

// Parse reads Keys from words of the form version:key, separated by white space, where version is a number of at least 1 and key is 32
// bytes in standard base64.
func Parse(text secret.Text) (Keys, error) {
	raw := map[int][]byte{}
	for word := range strings.FieldsSeq(text.Reveal()) {
		number, encoded, _ := strings.Cut(word, ":")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return Keys{}, errors.New("a sealing key must have the form version:base64, where version is at least 1")
		}
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(key) != keySize {
			return Keys{}, fmt.Errorf("version %d of the sealing key is not %d bytes in base64", n, keySize)
		}
		if _, twice := raw[n]; twice {
			return Keys{}, fmt.Errorf("version %d of the sealing key occurs twice", n)
		}
		raw[n] = key
	}
	return fromBytes(raw)
}

// Rotate adds a random version to the key file and returns its number. It creates the file with mode 0600 if necessary.
func Rotate(path string) (int, error) {
	keys, err := Load(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	next := keys.Current() + 1
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("key file: %w", err)
	}
	_, err = fmt.Fprintf(f, "\n%d:%s\n", next, base64.StdEncoding.EncodeToString(newKey()))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return 0, fmt.Errorf("key file: %w", err)
	}
	return next, nil
}

// Current returns the number of the version that seals; 0 for the zero Keys.
func (k Keys) Current() int {
	if k.ring == nil {
		return 0
	}
	return k.ring.current
}

// Has reports whether the version is among the keys.
func (k Keys) Has(number int) bool {
	if k.ring == nil {
		return false
	}
	_, ok := k.ring.versions[number]
	return ok
}

func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never returns an error: it crashes the process instead
	return key
}

func fromBytes(raw map[int][]byte) (Keys, error) {
	if len(raw) == 0 {
		return Keys{}, errors.New("there is no sealing key")
	}
	r := &ring{versions: map[int]version{}}
	for n, key := range raw {
		v, err := derive(key)
		if err != nil {
			return Keys{}, fmt.Errorf("version %d of the sealing key: %w", n, err)
		}
		r.versions[n] = v
		r.current = max(r.current, n)
	}
	return Keys{ring: r}, nil
}

// derive derives a separate key for each use of a key (RFC 5869).
func derive(key []byte) (version, error) {
	sealing, err := hkdf.Expand(sha256.New, key, "seal", chacha20poly1305.KeySize)
	if err != nil {
		return version{}, err
	}
	mac, err := hkdf.Expand(sha256.New, key, "mac", sha256.Size)
	if err != nil {
		return version{}, err
	}
	aead, err := chacha20poly1305.NewX(sealing)
	return version{aead: aead, mac: mac}, err
}
