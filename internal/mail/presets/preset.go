// Package presets is the catalogue of mail services: where each takes mail, how it wants its users to sign in, and
// which public sources say so. The catalogue is compiled in and read once, when it is first asked for.
package presets

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Category says what kind of service a preset is.
type Category string

// The categories. Local services run on the sender's own machine.
const (
	Mailbox       Category = "mailbox"
	Transactional Category = "transactional"
	Hosting       Category = "hosting"
	ISP           Category = "isp"
	Local         Category = "local"
)

// AuthStatus says whether a service still lets a program sign in with a password.
type AuthStatus string

// The states of password sign-in. With DeprecatedPassword the service has announced its end or is reported to have
// ended it; with OAuth2Only no password works.
const (
	PasswordOK          AuthStatus = "password-ok"
	AppPasswordRequired AuthStatus = "app-password-required"
	DeprecatedPassword  AuthStatus = "deprecated-password"
	OAuth2Only          AuthStatus = "oauth2-only"
)

// PasswordKind says which of a user's secrets a service takes.
type PasswordKind string

// The kinds of password.
const (
	AccountPassword PasswordKind = "account"
	AppPassword     PasswordKind = "app-password"
	SMTPCredentials PasswordKind = "smtp-credentials"
	APIKey          PasswordKind = "api-key"
	// NoPassword: the service wants no login.
	NoPassword PasswordKind = "none"
)

// PasswordKinds lists the valid values of PasswordKind.
func PasswordKinds() []PasswordKind {
	return []PasswordKind{AccountPassword, AppPassword, SMTPCredentials, APIKey, NoPassword}
}

// Words returns the kind with its article, such as "an app password".
func (k PasswordKind) Words() string {
	switch k {
	case AppPassword:
		return "an app password"
	case SMTPCredentials:
		return "an SMTP password"
	case APIKey:
		return "an API key"
	case NoPassword:
		return "no password"
	default:
		return "the password of the account"
	}
}

// UsernameRule says what a service takes as the username: one of the constants, or "literal:" and the words that it
// takes, separated by "|".
type UsernameRule string

// The rules for usernames. UsernameIAM is the id of an AWS access key; UsernameAPIKey is a key or token that stands
// in the place of a username; UsernameAny cannot be judged.
const (
	UsernameEmail     UsernameRule = "email"
	UsernameLocalPart UsernameRule = "localpart"
	UsernameIAM       UsernameRule = "iam"
	UsernameAPIKey    UsernameRule = "api-key-name"
	UsernameAny       UsernameRule = "any"
)

// Literals returns the words of a literal rule, nil for every other rule.
func (r UsernameRule) Literals() []string {
	words, ok := strings.CutPrefix(string(r), "literal:")
	if !ok {
		return nil
	}
	return strings.Split(words, "|")
}

// Endpoint is one way into a service.
type Endpoint struct {
	Host       string          `json:"host"`
	Port       int             `json:"port"`
	Encryption site.Encryption `json:"encryption"`
}

// Region is a service's host for one part of the world or one kind of mail.
type Region struct {
	Name string `json:"region"`
	Host string `json:"host"`
}

// OAuth2 is how an application gets a token for a login.
type OAuth2 struct {
	// TokenURL holds {tenant} where each customer has one of its own.
	TokenURL string `json:"token_url"`
	// Grants are those that the service knows, each with the scopes to ask for.
	Grants map[site.Grant][]string `json:"grants"`
	// Regions are those of the service that it is for; "" is the default one.
	Regions []string `json:"regions"`
}

const tenantPlace = "{tenant}"

// NeedsTenant reports whether each customer of the service has a token endpoint of its own.
func (o OAuth2) NeedsTenant() bool { return strings.Contains(o.TokenURL, tenantPlace) }

// TokenURLOf returns the endpoint of a tenant, which is empty at a service that has none; empty for a tenant that is missing.
func (o OAuth2) TokenURLOf(tenant string) string {
	if tenant == "" && o.NeedsTenant() {
		return ""
	}
	return strings.ReplaceAll(o.TokenURL, tenantPlace, tenant)
}

// TenantOf returns the tenant whose endpoint this is, the inverse of TokenURLOf; empty for any other address.
func (o OAuth2) TenantOf(tokenURL string) string {
	before, after, _ := strings.Cut(o.TokenURL, tenantPlace)
	rest, begins := strings.CutPrefix(tokenURL, before)
	tenant, ends := strings.CutSuffix(rest, after)
	if !o.NeedsTenant() || !begins || !ends || strings.Contains(tenant, "/") {
		return ""
	}
	return tenant
}

// Covers reports whether the endpoint is that of a region.
func (o OAuth2) Covers(region string) bool { return slices.Contains(o.Regions, region) }

// GrantNames lists the grants, in the order of [site.Grants].
func (o OAuth2) GrantNames() []site.Grant {
	return slices.DeleteFunc(site.Grants(), func(g site.Grant) bool { _, known := o.Grants[g]; return !known })
}

// Preset is one mail service of the catalogue. Texts and lists that the service has no use for are empty.
type Preset struct {
	// ID is lower case with dashes and never changes; Name is for people.
	ID   string `json:"id"`
	Name string `json:"name"`
	// Host, Port and Encryption are the endpoint to use: the one that the service recommends, else implicit TLS
	// (RFC 8314 section 3.3), else the only one there is.
	Host       string          `json:"host"`
	Port       int             `json:"port"`
	Encryption site.Encryption `json:"encryption"`
	// Alternatives are the other ports of the same host.
	Alternatives []Endpoint `json:"alternatives"`
	Regions      []Region   `json:"regions"`
	// Aliases are further hosts of the service, such as former names; "*" stands for any characters: a region, or in
	// first place a customer. They tell whose a host is and are not offered.
	Aliases []string `json:"aliases"`
	// Domains are the mail domains whose mailboxes the service holds.
	Domains      []string     `json:"domains"`
	Username     UsernameRule `json:"username"`
	UsernameHint string       `json:"username_hint"`
	PasswordKind PasswordKind `json:"password_kind"`
	// PasswordFormat is a regular expression (RE2) for the usual shape of a password, PasswordHint the same in words.
	// Services change shapes: good for a warning, never for a refusal.
	PasswordFormat string `json:"password_format"`
	PasswordHint   string `json:"password_hint"`
	// AppPasswordURL is where a user makes the password, DocsURL what the service says about its settings.
	AppPasswordURL string `json:"app_password_url"`
	DocsURL        string `json:"docs_url"`
	// Requires says what has to be done at the service before its server takes mail.
	Requires       string     `json:"requires"`
	AuthStatus     AuthStatus `json:"auth_status"`
	AuthStatusNote string     `json:"auth_status_note"`
	// OAuth2 is how an application gets a token for a login; nil where it cannot, or nobody looked.
	OAuth2   *OAuth2  `json:"oauth2"`
	Category Category `json:"category"`
	// Sources are where the entry comes from, read on VerifiedOn (YYYY-MM-DD); Conflicts where they disagree.
	Sources    []string `json:"sources"`
	VerifiedOn string   `json:"verified_on"`
	Conflicts  []string `json:"conflicts"`
}

// Endpoint returns where mail goes in a region, "" being the default one. An unknown region is an error that lists
// the known ones.
func (p Preset) Endpoint(region string) (Endpoint, error) {
	host := p.Host
	if region != "" {
		i := slices.IndexFunc(p.Regions, func(r Region) bool { return r.Name == region })
		if i < 0 {
			return Endpoint{}, p.unknownRegion(region)
		}
		host = p.Regions[i].Host
	}
	return Endpoint{Host: host, Port: p.Port, Encryption: p.Encryption}, nil
}

// Endpoints returns the ways into the service by its own host, the one to use first, then the alternatives.
func (p Preset) Endpoints() []Endpoint {
	best := Endpoint{Host: p.Host, Port: p.Port, Encryption: p.Encryption}
	return append([]Endpoint{best}, p.Alternatives...)
}

// Serves reports whether the service takes the mail of its users at host: its own, that of a region, or that of one
// more region by the pattern of their names. Former names and the hosts of single customers are not among them.
func (p Preset) Serves(host string) bool {
	host = normal(host)
	return host == p.Host ||
		slices.ContainsFunc(p.Regions, func(r Region) bool { return r.Host == host }) ||
		slices.ContainsFunc(p.Aliases, func(alias string) bool { return strings.IndexByte(alias, '*') > 0 && matches(alias, host) })
}

func (p Preset) unknownRegion(region string) error {
	if len(p.Regions) == 0 {
		return fmt.Errorf("preset %q has no regions, so region %q cannot be chosen", p.ID, region)
	}
	return fmt.Errorf("preset %q has no region %q; it has %s", p.ID, region, strings.Join(p.RegionNames(), ", "))
}

// RegionNames returns the regions that can be chosen, none for a service that has one endpoint for all.
func (p Preset) RegionNames() []string {
	names := make([]string, len(p.Regions))
	for i, r := range p.Regions {
		names[i] = r.Name
	}
	return names
}

func (p Preset) clone() Preset {
	p.Alternatives = slices.Clone(p.Alternatives)
	p.Regions = slices.Clone(p.Regions)
	p.Aliases = slices.Clone(p.Aliases)
	p.Domains = slices.Clone(p.Domains)
	p.Sources = slices.Clone(p.Sources)
	p.Conflicts = slices.Clone(p.Conflicts)
	return p
}
