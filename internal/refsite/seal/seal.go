package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// ErrOpen is returned for a sealed text that was changed, or that was sealed for a different place or with a different key.
var ErrOpen = errors.New("the sealed text does not belong here, or was changed")

// Sealed is an encrypted text.
type Sealed struct {
	// Key is the version of the key.
	Key int `json:"key"`
	// Data is a nonce of 24 bytes and the XChaCha20-Poly1305 ciphertext.
	Data []byte `json:"data"`
}

// MAC is a keyed digest (HMAC-SHA-256): equal for equal input, and useless without the key.
type MAC struct {
	// Key is the version of the key.
	Key int `json:"key"`
	// Sum is 32 bytes.
	Sum []byte `json:"sum"`
}

// Seal encrypts text with the current key. [Keys.Open] needs the same place, in the same order.
func (k Keys) Seal(text secret.Text, place ...string) Sealed {
	v := k.ring.versions[k.ring.current]
	nonce := make([]byte, v.aead.NonceSize(), v.aead.NonceSize()+len(text.Reveal())+v.aead.Overhead())
	_, _ = rand.Read(nonce)
	return Sealed{Key: k.ring.current, Data: v.aead.Seal(nonce, nonce, []byte(text.Reveal()), frame(place))}
}

// Open decrypts s, or returns [ErrOpen].
func (k Keys) Open(s Sealed, place ...string) (secret.Text, error) {
	v, ok := k.ring.versions[s.Key]
	if !ok || len(s.Data) < v.aead.NonceSize() {
		return secret.Text{}, ErrOpen
	}
	nonce, ciphertext := s.Data[:v.aead.NonceSize()], s.Data[v.aead.NonceSize():]
	text, err := v.aead.Open(nil, nonce, ciphertext, frame(place))
	if err != nil {
		return secret.Text{}, ErrOpen
	}
	return secret.New(string(text)), nil
}

// MAC returns the keyed digest of the parts, in their order, with the current key.
func (k Keys) MAC(parts ...string) MAC {
	return k.macWith(k.ring.current, parts)
}

// Matches reports whether m is the digest of the parts. A digest with a missing version matches nothing.
func (k Keys) Matches(m MAC, parts ...string) bool {
	return k.Has(m.Key) && hmac.Equal(m.Sum, k.macWith(m.Key, parts).Sum)
}

func (k Keys) macWith(number int, parts []string) MAC {
	h := hmac.New(sha256.New, k.ring.versions[number].mac)
	h.Write(frame(parts))
	return MAC{Key: number, Sum: h.Sum(nil)}
}

// frame joins parts unambiguously: different lists of parts give different bytes.
func frame(parts []string) []byte {
	var b []byte
	for _, part := range parts {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return b
}
