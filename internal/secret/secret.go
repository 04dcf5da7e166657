// Package secret holds the one type that every password and token in this module travels in.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// Text is a secret. However it is printed, logged or marshalled, it shows "[redacted]"; only [Text.Reveal]
// gives the value. The zero Text is empty. Compare with [Text.Equal], not with ==.
type Text struct {
	// A pointer, because fmt cannot call methods on unexported fields of the structs that hold a Text: what it
	// then prints by reflection is an address, never the value.
	value *string
}

// New wraps s.
func New(s string) Text { return Text{value: &s} }

// Reveal returns the secret itself, "" for the zero Text.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// IsEmpty reports whether there is nothing to hide.
func (t Text) IsEmpty() bool { return t.Reveal() == "" }

// Equal reports whether both hold the same value, in constant time for values of equal length.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// separator stands between the values of a Text that was joined: no password, token or key holds it.
const separator = "\x00"

// Join makes one Text of two, so that they are stored, compared, moved and redacted together. Without a second it is the first.
func Join(first, second Text) Text {
	if second.IsEmpty() {
		return first
	}
	return New(first.Reveal() + separator + second.Reveal())
}

// Split is the reverse of [Join]; the second is empty for a Text that was not joined.
func (t Text) Split() (first, second Text) {
	before, after, joined := strings.Cut(t.Reveal(), separator)
	if !joined {
		return t, Text{}
	}
	return New(before), New(after)
}

// Format implements [fmt.Formatter] for every verb.
func (Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String implements [fmt.Stringer].
func (Text) String() string { return redacted }

// LogValue implements [slog.LogValuer].
func (Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler], which JSON uses too.
func (Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }
