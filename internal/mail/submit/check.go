package submit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// rule is a condition that must hold before anything is dialled.
type rule struct {
	// stage is where the server would reject it.
	stage site.Stage
	// field is the value at fault: its name in [site.Settings.Fields], "password" or "recipient".
	field string
	err   error
}

// check ends the attempt at the first broken rule, before anything is dialled.
func (a *attempt) check(ctx context.Context, rules []rule) error {
	for _, r := range rules {
		if r.err == nil {
			continue
		}
		err := fmt.Errorf("%s: %w", r.field, r.err)
		a.report.Result.Stage = r.stage
		a.fail(ctx, err, 0)
		return err
	}
	return nil
}

// CheckSetting says what is wrong with the value of one setting in s: the same rules wherever settings are entered, stored
// or used.
func CheckSetting(d site.Setting, s site.Settings) error {
	value := d.Text(s)
	if value == "" && d.Optional {
		return nil
	}
	if err := CheckLength(d, value); err != nil {
		return err
	}
	switch d.Format {
	case site.HostName:
		return CheckHost(value)
	case site.PortNumber:
		return checkPort(s.Port)
	case site.Choice:
		if !slices.Contains(d.Choices, value) {
			return fmt.Errorf("must be one of %v", d.Choices)
		}
		return nil
	case site.Credential:
		return CheckCredential(value)
	case site.MailAddress:
		return CheckAddress(value)
	case site.DisplayName:
		return CheckFromName(value)
	case site.EHLOName:
		return CheckHELOName(value)
	case site.TokenEndpoint:
		return oauth.CheckTokenURL(value)
	case site.ClientIdentifier:
		return CheckClientID(value)
	case site.ScopeList:
		return CheckScopes(value)
	}
	return fmt.Errorf("has a format without rules: %d", d.Format)
}

// CheckLength refuses a value that is longer than the setting allows.
func CheckLength(d site.Setting, value string) error {
	if d.MaxLength > 0 && utf8.RuneCountInString(value) > d.MaxLength {
		return fmt.Errorf("must have at most %d characters", d.MaxLength)
	}
	return nil
}

// rulesAt are those of the settings that a server meets at these stages.
func rulesAt(s site.Settings, stages ...site.Stage) []rule {
	var rules []rule
	for _, stage := range stages {
		for _, d := range site.AllSettings() {
			if d.Stage == stage {
				rules = append(rules, rule{stage, d.Name, CheckSetting(d, s)})
			}
		}
	}
	return rules
}

func serverRules(s site.Settings) []rule {
	return rulesAt(s, site.StageDNS, site.StageTLS, site.StageEHLO)
}

func candidateRules(c site.Candidate) []rule {
	field, err := CheckToken(c.Settings)
	return slices.Concat(serverRules(c.Settings), []rule{{site.StageToken, field, err}}, rulesAt(c.Settings, site.StageAuth),
		[]rule{{site.StageAuth, "password", checkPassword(c)}})
}

func messageRules(s site.Settings, recipient string) []rule {
	return slices.Concat(rulesAt(s, site.StageMail), []rule{{site.StageRcpt, "recipient", CheckAddress(recipient)}}, rulesAt(s, site.StageData))
}

func checkPort(port int) error {
	if port < 1 || port > 65535 {
		return errors.New("must be from 1 to 65535")
	}
	return nil
}

// CheckToken names the first setting of a login with a token that cannot work, by its name in [site.Settings.Fields], and
// says why; a login with a password has none of them.
func CheckToken(s site.Settings) (field string, err error) {
	if s.Grant == "" && s.TokenURL+s.ClientID+s.Scopes == "" {
		return "", nil
	}
	if s.Grant == "" {
		return "grant", errors.New("is missing, but there are settings for a login with a token")
	}
	if !slices.Contains(site.Grants(), s.Grant) {
		return "grant", fmt.Errorf("must be one of %q", site.Grants())
	}
	if s.Username == "" {
		return "username", errors.New("is missing: a login with a token needs the mailbox")
	}
	for _, check := range []struct {
		field string
		err   error
	}{
		{"token_url", oauth.CheckTokenURL(s.TokenURL)},
		{"client_id", CheckClientID(s.ClientID)},
		{"scopes", CheckScopes(s.Scopes)},
	} {
		if check.err != nil {
			return check.field, check.err
		}
	}
	return "", nil
}

// CheckClientID refuses an invalid client identifier: empty, more than 255 bytes, or anything but visible ASCII (RFC 6749
// appendix A.1).
func CheckClientID(id string) error {
	if id == "" || len(id) > 255 || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("must be the application's id, of at most 255 visible ASCII characters")
	}
	return nil
}

// CheckScopes refuses an invalid list of scopes in the form of Settings (RFC 6749 section 3.3); an empty list is valid.
func CheckScopes(scopes string) error {
	odd := strings.ContainsFunc(scopes, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
	if odd || len(scopes) > 1024 || site.JoinScopes(strings.Fields(scopes)) != scopes {
		return errors.New("must be scopes of visible ASCII characters, sorted, with single spaces between them, of at most 1024 bytes")
	}
	return nil
}

func checkPassword(c site.Candidate) error {
	if c.LacksPassword() {
		return errors.New("is missing, but there is a username")
	}
	return CheckSecret(c.Settings.Grant, c.Password)
}

// CheckSecret refuses an invalid secret for a login with this grant, which is empty for a password. Its error does not repeat it.
func CheckSecret(grant site.Grant, password secret.Text) error {
	switch grant {
	case site.JWTBearer:
		return oauth.CheckPrivateKey(password)
	case site.RefreshToken:
		token, clientSecret := password.Split()
		return cmp.Or(CheckCredential(token.Reveal()), CheckCredential(clientSecret.Reveal()))
	}
	return CheckCredential(password.Reveal())
}

// CheckCredential refuses a username or password that no login can carry: control characters, including NUL, which
// separates the parts of AUTH PLAIN (RFC 4013 section 2.3, RFC 4616 section 2), and invalid UTF-8.
func CheckCredential(value string) error {
	if !utf8.ValidString(value) {
		return errors.New("must be valid UTF-8")
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		return errors.New("must not contain control characters")
	}
	return nil
}

var (
	// dnsName is letters, digits and hyphens (RFC 1123 section 2.1).
	dnsName = domainOf(`[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?`)
	// hostName also allows underscores, which container networks use in names.
	hostName = domainOf(`[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?`)
	// number is a last label that some resolvers read as part of an IPv4 address.
	number = regexp.MustCompile(`(^|\.)([0-9]+|0[xX][0-9a-fA-F]*)$`)
)

func domainOf(label string) *regexp.Regexp {
	return regexp.MustCompile(`^` + label + `(\.` + label + `)*$`)
}

// maxDomain is the longest name in DNS in its text form without the final dot (RFC 1035 section 2.3.4).
const maxDomain = 253

// maxAddress is the longest path of RFC 5321 section 4.5.3.1.3 without its angle brackets.
const maxAddress = 254

// CheckAddress refuses anything but a plain email address: an addr-spec (RFC 5322 section 3.4.1) of at most 254 octets
// with a local part of at most 64 (RFC 5321 section 4.5.3.1), without quotes, brackets, spaces, comments and anything
// not printable, at a domain name. Non-ASCII characters are allowed on both sides (RFC 6531).
func CheckAddress(address string) error {
	if len(address) > maxAddress {
		return errors.New("must be a mail address of at most 254 bytes")
	}
	if strings.ContainsFunc(address, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }) {
		return errors.New("must be a mail address without spaces and control characters")
	}
	if strings.ContainsAny(address, "<>\"()[]\\,;:") {
		return errors.New("must be a plain mail address such as name@example.com, without name, brackets and quotes")
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Name != "" || parsed.Address != address {
		return errors.New("must be a plain mail address such as name@example.com")
	}
	local, domain := splitAddress(address)
	if len(local) > 64 {
		return errors.New("must have at most 64 bytes before the @")
	}
	name, err := toASCII(domain)
	if err != nil || !dnsName.MatchString(name) || len(local)+len("@")+len(name) > maxAddress {
		return errors.New("must have a domain name behind the @")
	}
	return nil
}

// CheckHELOName refuses what EHLO does not allow (RFC 5321 section 4.1.1.1): anything but a domain name of letters,
// digits and hyphens, or an address literal such as [192.0.2.1] or [IPv6:2001:db8::1].
func CheckHELOName(name string) error {
	if literal, ok := strings.CutPrefix(name, "["); ok {
		return checkLiteral(literal)
	}
	if len(name) > maxDomain || !dnsName.MatchString(name) {
		return errors.New("must be a domain name of letters, digits, dots and hyphens, or an address literal such as [192.0.2.1]")
	}
	return nil
}

func checkLiteral(literal string) error {
	inner, closed := strings.CutSuffix(literal, "]")
	v6, isV6 := strings.CutPrefix(inner, "IPv6:")
	ip, err := netip.ParseAddr(v6)
	if !closed || err != nil || ip.Zone() != "" || ip.Is6() != isV6 {
		return errors.New("must be an address literal such as [192.0.2.1] or [IPv6:2001:db8::1]")
	}
	return nil
}

// CheckHost refuses anything but a plain host name or IP address: URLs, ports, spaces, control characters, brackets,
// zones, and numbers that some resolvers read as an address (2130706433, 0x7f.1).
func CheckHost(host string) error {
	switch {
	case host == "":
		return errors.New("must not be empty")
	case strings.Contains(host, "://"):
		return errors.New("must be a host name only, not a URL with ://")
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" {
		return nil
	}
	name, err := toASCII(strings.TrimSuffix(host, "."))
	if err != nil || !hostName.MatchString(name) || number.MatchString(name) {
		return errors.New("must be a host name such as smtp.example.com or an IP address, without port, path and spaces")
	}
	return nil
}

// CheckFromName refuses what is not a plain display name: more than 255 bytes, angle brackets, and anything not printable.
func CheckFromName(name string) error {
	switch {
	case len(name) > 255:
		return errors.New("must have at most 255 bytes")
	case !utf8.ValidString(name):
		return errors.New("must be valid UTF-8")
	case strings.ContainsAny(name, "<>"):
		return errors.New("must be the display name alone, without the address in angle brackets")
	}
	for _, r := range name {
		switch {
		case unicode.IsPrint(r):
		case unicode.Is(unicode.Zs, r):
			return fmt.Errorf("must not contain unusual spaces such as %U (a no-break space is one): use an ordinary space", r)
		default:
			return fmt.Errorf("must not contain control characters or invisible ones such as %U", r)
		}
	}
	return nil
}

// ascii gives a domain name that was checked before, with or without a final dot, as DNS and SMTP know it.
func ascii(domain string) string {
	name, absolute := strings.CutSuffix(domain, ".")
	if converted, err := toASCII(name); err == nil {
		name = converted
	}
	if absolute {
		name += "."
	}
	return name
}

// toASCII gives a domain name as DNS and SMTP know it (RFC 5891); an error for one that cannot exist.
func toASCII(domain string) (string, error) {
	name := domain
	if !isASCII(domain) {
		var err error
		if name, err = idna.Lookup.ToASCII(domain); err != nil {
			return "", err
		}
	}
	if len(name) > maxDomain || !utf8.ValidString(domain) {
		return "", errors.New("not a domain name")
	}
	return name, nil
}

func splitAddress(address string) (local, domain string) {
	at := strings.LastIndexByte(address, '@')
	return address[:at], address[at+1:]
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
