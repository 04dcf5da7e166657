package adminapi

import "github.com/sitemail/terraform-provider-smtp/internal/secret"

// Secret is the one form in which a secret shows: as a string in JSON that is sent. With omitzero an empty one is left
// out.
type Secret struct{ secret.Text }

// MarshalText implements [encoding.TextMarshaler].
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Reveal()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Secret) UnmarshalText(text []byte) error {
	s.Text = secret.New(string(text))
	return nil
}

// IsZero reports whether there is nothing to send.
func (s Secret) IsZero() bool { return s.IsEmpty() }
