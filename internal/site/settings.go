package site

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Encryption says how the connection to the submission server is protected.
type Encryption string

// The encryptions. STARTTLS is required STARTTLS, never opportunistic (RFC 8314 section 5); TLS is implicit TLS
// (RFC 8314 section 3.3).
const (
	STARTTLS     Encryption = "starttls"
	TLS          Encryption = "tls"
	NoEncryption Encryption = "none"
)

// Encryptions lists the valid values of Encryption.
func Encryptions() []Encryption { return []Encryption{STARTTLS, TLS, NoEncryption} }

// IsLoopback reports whether a host is the very machine that connects to it, by its name or address alone: nothing
// that is sent there can be read on the way.
func IsLoopback(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// Settings are a site's mail settings: everything that decides how mail leaves it, except the login's secret. The zero
// Settings are those of a site that was never configured.
type Settings struct {
	// Host is the name or address of the submission server, without a port.
	Host string `json:"host"`
	// Port is a TCP port, 1 to 65535; 0 when unconfigured.
	Port int `json:"port"`
	// Encryption is empty when unconfigured.
	Encryption Encryption `json:"encryption"`
	// Username is empty for a server without login.
	Username string `json:"username"`
	// FromAddress is an addr-spec (RFC 5322 section 3.4.1), also used as the envelope sender.
	FromAddress string `json:"from_address"`
	// FromName is the display name beside it; may be empty.
	FromName string `json:"from_name"`
	// HELOName is what the site calls itself in EHLO; empty leaves the choice to the site.
	HELOName string `json:"helo_name"`
	// Grant is how a token for the login is obtained (RFC 6749); empty for a login with a password, and then the rest is
	// empty too.
	Grant Grant `json:"grant,omitempty"`
	// TokenURL is the token endpoint, which gets the secret.
	TokenURL string `json:"token_url,omitempty"`
	// ClientID is what the token endpoint calls the application.
	ClientID string `json:"client_id,omitempty"`
	// Scopes are sorted and separated by single spaces.
	Scopes string `json:"scopes,omitempty"`
}

// Grant is a way to obtain an access token.
type Grant string

// ClientCredentials is the grant of an application that acts for itself (RFC 6749 section 4.4); the login's secret is the
// client secret.
const ClientCredentials Grant = "client_credentials"

// Grants lists the valid values of Grant, for a login with a token.
func Grants() []Grant { return []Grant{ClientCredentials} }

// JoinScopes gives scopes in the form that Settings hold them in.
func JoinScopes(scopes []string) string {
	return strings.Join(slices.Sorted(slices.Values(scopes)), " ")
}

// IsZero reports whether s are the settings of a site that was never configured.
func (s Settings) IsZero() bool { return s == Settings{} }

// Field is one setting by its name in the contract, in Terraform and in messages.
type Field struct {
	Name  string
	Value any
}

// IsUnsetToken reports whether f belongs to logins with a token, and is not set. The first version knew no such settings:
// what it sealed, signed or digested of a site with a password must stay what it is.
func (f Field) IsUnsetToken() bool {
	switch f.Name {
	case "grant", "token_url", "client_id", "scopes":
		return f.Value == "" || f.Value == Grant("")
	}
	return false
}

// Fields lists every setting, in the order of the struct.
func (s Settings) Fields() []Field {
	return []Field{
		{"host", s.Host},
		{"port", s.Port},
		{"encryption", s.Encryption},
		{"username", s.Username},
		{"from_address", s.FromAddress},
		{"from_name", s.FromName},
		{"helo_name", s.HELOName},
		{"grant", s.Grant},
		{"token_url", s.TokenURL},
		{"client_id", s.ClientID},
		{"scopes", s.Scopes},
	}
}

// Diff names the settings in which s and other differ.
func (s Settings) Diff(other Settings) []string {
	var names []string
	theirs := other.Fields()
	for i, mine := range s.Fields() {
		if mine.Value != theirs[i].Value {
			names = append(names, mine.Name)
		}
	}
	return names
}

// Candidate is settings plus password that were not saved yet.
type Candidate struct {
	Settings Settings
	// Password is the login's secret: the password or, with Settings.Grant, the client secret. It is empty when
	// Settings.Username is, or when it is not known here and the site's stored one is meant.
	Password secret.Text
}

// LacksPassword reports whether c has a username, and no password is known for it.
func (c Candidate) LacksPassword() bool { return c.Settings.Username != "" && c.Password.IsEmpty() }
