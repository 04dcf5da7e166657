// Package seal keeps passwords unreadable at rest and fingerprints what a test was made with.
package seal

import (
	"crypto/rand"
)

const keySize = 32

// Keys are the versions of one site server's key. The zero Keys hold none and are refused everywhere.
type Keys struct {
	versions map[int][]byte
	current  int
}

// Generate returns Keys with one random version, 1.
func Generate() Keys {
	key := make([]byte, keySize)
	_, _ = rand.Read(key)
	return Keys{versions: map[int][]byte{1: key}, current: 1}
}
