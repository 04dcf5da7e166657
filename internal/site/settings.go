package site

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Encryption says how the connection to the mail server is protected.
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

// Settings are a site's mail settings: everything that decides how its mail is sent, except the secret of the login. The zero
// Settings are those of a site that was never configured. [AllSettings] describes each one.
//
// A setting that is added later has omitempty in its tag: if it is absent from a request of an older client, or from what an older
// program stored, it has its zero value, and a site that does not know it is not sent it.
type Settings struct {
	Host       string     `json:"host"`
	Port       int        `json:"port"`
	Encryption Encryption `json:"encryption"`
	Username   string     `json:"username"`
	// FromAddress is also used as the envelope sender.
	FromAddress string `json:"from_address"`
	FromName    string `json:"from_name"`
	ReplyTo     string `json:"reply_to,omitempty"`
	HELOName    string `json:"helo_name"`
	// Grant is empty for a login with a password; so are then the settings below.
	Grant    Grant  `json:"grant,omitempty"`
	TokenURL string `json:"token_url,omitempty"`
	ClientID string `json:"client_id,omitempty"`
	// Scopes are sorted and separated by single spaces.
	Scopes string `json:"scopes,omitempty"`
}

// Grant is a way to obtain an access token.
type Grant string

// The grants. ClientCredentials is that of an application that acts for itself (RFC 6749 section 4.4); the login's secret is the
// client secret. RefreshToken is based on the consent of a person (section 6); the secret is the refresh token, joined with the client
// secret if the application has one. JWTBearer is that of a service account (RFC 7523 section 2.1), which signs for the mailbox in
// Username; the secret is its private key, and ClientID its name.
const (
	ClientCredentials Grant = "client_credentials"
	RefreshToken      Grant = "refresh_token"
	JWTBearer         Grant = "jwt_bearer"
)

// Grants lists the valid values of Grant, for a login with a token.
func Grants() []Grant { return []Grant{ClientCredentials, RefreshToken, JWTBearer} }

// JoinScopes gives scopes in the form that Settings hold them in.
func JoinScopes(scopes []string) string {
	return strings.Join(slices.Sorted(slices.Values(scopes)), " ")
}

// Format says which values a setting takes. Package submit checks them.
type Format int

const (
	// HostName is a hostname or an IP address, without a port.
	HostName Format = iota
	// PortNumber is a TCP port, 1 to 65535.
	PortNumber
	// Choice is one of [Setting.Choices].
	Choice
	// Credential is text that an SMTP login can carry (RFC 4616).
	Credential
	// MailAddress is an addr-spec (RFC 5322 section 3.4.1).
	MailAddress
	// DisplayName is the name beside an address.
	DisplayName
	// EHLOName is a domain name or an address literal (RFC 5321 section 4.1.1.1).
	EHLOName
	// TokenEndpoint is the URL of a token endpoint.
	TokenEndpoint
	// ClientIdentifier is the id of an application (RFC 6749 appendix A.1).
	ClientIdentifier
	// ScopeList is sorted and separated by single spaces (RFC 6749 section 3.3).
	ScopeList
)

// Setting declares one mail setting. Terraform, the contract, the reference site and its page derive what they need from the
// declaration; a test fails for each place that must be changed by hand.
type Setting struct {
	// Name is that of the contract, of Terraform and of messages.
	Name   string
	Format Format
	// Choices are the values of a Choice.
	Choices []string
	// MaxLength is the longest value in characters; 0 if that does not apply.
	MaxLength int
	// Optional: it may be empty at a configured site.
	Optional bool
	// Stage is where a wrong value makes a test fail.
	Stage Stage
	// Since is the version of the site admin contract that introduced it; empty for 1.0.
	Since string
	// Group is the Terraform attribute that it is nested in; empty if it is an attribute of its own.
	Group string
	// Label names it on a page, and Hint says there what to enter; both for people, without markup.
	Label, Hint string
	// Description says in documentation what it is, in Markdown.
	Description string

	// in returns a pointer to the setting: to a string of some kind, or to an int.
	in func(*Settings) any
}

var allSettings = []Setting{{
	Name: "host", Format: HostName, MaxLength: 253, Stage: StageDNS,
	Label: "Host", Hint: "Hostname of the mail server, without a port.",
	Description: "Hostname or IP address of the mail server, without a port.",
	in:          func(s *Settings) any { return &s.Host },
}, {
	Name: "port", Format: PortNumber, Stage: StageDNS,
	Label:       "Port",
	Description: "Port of the mail server, usually 465 with `tls` and 587 with `starttls`.",
	in:          func(s *Settings) any { return &s.Port },
}, {
	Name: "encryption", Format: Choice, Choices: choices(Encryptions()), Stage: StageTLS,
	Label: "Encryption",
	Description: "Encryption of the connection to the mail server. `tls`: encrypted from the first byte. `starttls`: encrypted before the login and the " +
		"message; a server that does not offer it is refused. `none`: not encrypted; with a username only for a server on the site's own machine.",
	in: func(s *Settings) any { return &s.Encryption },
}, {
	Name: "username", Format: Credential, MaxLength: 255, Optional: true, Stage: StageAuth,
	Label: "Username", Hint: "Usually the email address. Leave it empty for a server without login.",
	Description: "Username at the mail server, usually the email address. Omit it for a relay without login.",
	in:          func(s *Settings) any { return &s.Username },
}, {
	Name: "from_address", Format: MailAddress, MaxLength: 254, Stage: StageMail,
	Label: "From address", Hint: "If it is empty, the username is used, provided that it is an address.",
	Description: "Sender address of the site's mail.",
	in:          func(s *Settings) any { return &s.FromAddress },
}, {
	Name: "from_name", Format: DisplayName, MaxLength: 255, Optional: true, Stage: StageData,
	Label: "From name", Hint: "May be empty.",
	Description: "Display name of the sender. Default: none.",
	in:          func(s *Settings) any { return &s.FromName },
}, {
	Name: "reply_to", Format: MailAddress, MaxLength: 254, Optional: true, Stage: StageData, Since: "1.1",
	Label: "Reply to", Hint: "Where replies go. Leave it empty to let them go to the From address.",
	Description: "Address that replies to the site's mail go to. Default: none, so that they go to `from_address`.",
	in:          func(s *Settings) any { return &s.ReplyTo },
}, {
	Name: "helo_name", Format: EHLOName, MaxLength: 255, Optional: true, Stage: StageEHLO,
	Label: "HELO name", Hint: "Name that the site gives itself in EHLO. Leave it empty to let the site choose.",
	Description: "Name that the site gives itself in EHLO, for servers that insist on a certain name. Default: the site chooses.",
	in:          func(s *Settings) any { return &s.HELOName },
}, {
	Name: "grant", Format: Choice, Choices: choices(Grants()), Optional: true, Stage: StageToken, Since: "1.1", Group: oauth2,
	Label: "Login with", Hint: "With a token, the password above is the client secret, the refresh token or the private key.",
	Description: "How the site obtains an OAuth 2.0 access token for the login: `client_credentials`, `refresh_token` or `jwt_bearer`. Default: the login is a password.",
	in:          func(s *Settings) any { return &s.Grant },
}, {
	Name: "token_url", Format: TokenEndpoint, MaxLength: 2048, Optional: true, Stage: StageToken, Since: "1.1", Group: oauth2,
	Label: "Token URL", Hint: "For Microsoft 365: https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token",
	Description: "URL of the token endpoint, which gets the secret.",
	in:          func(s *Settings) any { return &s.TokenURL },
}, {
	Name: "client_id", Format: ClientIdentifier, MaxLength: 255, Optional: true, Stage: StageToken, Since: "1.1", Group: oauth2,
	Label: "Client ID", Hint: "The application (client) ID.",
	Description: "ID of the application at the token endpoint.",
	in:          func(s *Settings) any { return &s.ClientID },
}, {
	Name: "scopes", Format: ScopeList, MaxLength: 1024, Optional: true, Stage: StageToken, Since: "1.1", Group: oauth2,
	Label: "Scopes", Hint: "For Microsoft 365: https://outlook.office365.com/.default",
	Description: "Scopes of the token. Default: those that the token endpoint gives.",
	in:          func(s *Settings) any { return &s.Scopes },
}}

// oauth2 is the Terraform attribute for logins with a token.
const oauth2 = "oauth2"

func choices[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// AllSettings lists the declaration of every setting, in the order of the struct.
func AllSettings() []Setting { return slices.Clone(allSettings) }

// OriginalSettings names the settings of the first version of the contract, which every platform has had to map.
func OriginalSettings() []string {
	var names []string
	for _, d := range allSettings {
		if d.Since == "" {
			names = append(names, d.Name)
		}
	}
	return names
}

// SettingByName returns the declaration of the setting with this name.
func SettingByName(name string) (Setting, bool) {
	i := slices.IndexFunc(allSettings, func(d Setting) bool { return d.Name == name })
	if i < 0 {
		return Setting{}, false
	}
	return allSettings[i], true
}

// OfToken reports whether d belongs to logins with a token: such settings make sense only together.
func (d Setting) OfToken() bool { return d.Stage == StageToken }

// Text returns the setting's value in s as text, empty where it is not set.
func (d Setting) Text(s Settings) string {
	value := reflect.ValueOf(d.in(&s)).Elem()
	if value.IsZero() {
		return ""
	}
	return fmt.Sprint(value.Interface())
}

// SetText sets the setting in s to the value that text represents; the error is that of an invalid number.
func (d Setting) SetText(s *Settings, text string) error {
	value := reflect.ValueOf(d.in(s)).Elem()
	if value.Kind() == reflect.String {
		value.SetString(text)
		return nil
	}
	if text == "" {
		text = "0"
	}
	number, err := strconv.Atoi(text)
	value.SetInt(int64(number))
	return err
}

// IsZero reports whether s are the settings of a site that was never configured.
func (s Settings) IsZero() bool { return s == Settings{} }

// Field is one setting by its name in the contract, in Terraform and in messages.
type Field struct {
	Name  string
	Value any
}

// IsSet reports whether f has another than its zero value.
func (f Field) IsSet() bool { return !reflect.ValueOf(f.Value).IsZero() }

// Fields lists every setting, in the order of the struct.
func (s Settings) Fields() []Field {
	fields := make([]Field, len(allSettings))
	for i, d := range allSettings {
		fields[i] = Field{d.Name, reflect.ValueOf(d.in(&s)).Elem().Interface()}
	}
	return fields
}

// IdentityFields lists what distinguishes s from other settings in stored digests. Settings that the first version of the contract
// did not have count only if they are set, so that what was stored before they existed still matches.
func (s Settings) IdentityFields() []Field {
	var fields []Field
	for i, f := range s.Fields() {
		if allSettings[i].Since == "" || f.IsSet() {
			fields = append(fields, f)
		}
	}
	return fields
}

// SettingNames is a set of names of settings, which can be compared with others.
type SettingNames string

// With returns n with name added.
func (n SettingNames) With(name string) SettingNames {
	return SettingNames(strings.TrimSpace(string(n) + " " + name))
}

// Has reports whether name is one of n.
func (n SettingNames) Has(name string) bool {
	return slices.Contains(strings.Fields(string(n)), name)
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

// Candidate is settings plus a password that are not saved yet.
type Candidate struct {
	Settings Settings
	// Password is the login's secret: the password or, with Settings.Grant, that of the [Grant]. It is empty if Settings.Username
	// is, or if it is not known here and the site's stored one is meant.
	Password secret.Text
	// Adopt: the secret is the one that the site sends its mail with now, which only the site knows ([State.InForce]). Password is empty.
	Adopt bool
}

// LacksPassword reports whether c has a username, and no password is known for it.
func (c Candidate) LacksPassword() bool {
	return c.Settings.Username != "" && c.Password.IsEmpty() && !c.Adopt
}
