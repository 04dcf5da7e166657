// Package sender checks what a domain's DNS says about mail that is sent from it, in SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC
// 9989), and whether SPF or DKIM covers a mail service. The number of queries is limited, and responses are untrusted input.
package sender

import (
	"context"
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
)

// Checker queries the DNS. The zero Checker uses the name servers of this machine.
type Checker struct {
	// Resolver makes the queries; nil means this machine's.
	Resolver *net.Resolver
}

// Nameserver returns a resolver that queries one name server, given as host and port, instead of this machine's.
func Nameserver(address string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, address)
	}}
}

// Request says what to check.
type Request struct {
	// Domain is the domain of from_address, in ASCII and without a final dot; [CheckDomain] says which are allowed.
	Domain string
	// Preset is the ID of the mail service in the catalogue. If it is empty, only the domain is checked.
	Preset string
	// Selectors are DKIM selectors to check in addition to those of the preset.
	Selectors []string
}

// Report is what was found. Texts from the DNS are cleaned for use in messages.
type Report struct {
	// SPF is the domain's SPF record; nil if it has none or more than one.
	SPF *SPF
	// Keys are the DKIM keys that were looked up, sorted by selector.
	Keys []Key
	// DMARC is the policy that applies to the domain; nil if there is none.
	DMARC *DMARC
	// SPFCovers and DKIMCovers say whether mail that the service sends passes for the domain.
	SPFCovers, DKIMCovers Coverage
	// Findings are the problems, the most severe first.
	Findings []Finding
	// Summary is one sentence; it does not change unless the DNS does.
	Summary string
}

// OK reports whether no finding is [Severe].
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == Severe })
}

// Text returns the summary and the findings for people.
func (r Report) Text() string {
	var b strings.Builder
	b.WriteString(r.Summary)
	for _, f := range r.Findings {
		b.WriteString("\n\n" + f.Text)
		if f.Remedy != "" {
			b.WriteString(" " + f.Remedy)
		}
	}
	return b.String()
}

// Coverage says whether SPF or DKIM of the domain covers a service.
type Coverage string

// The coverages. Unknown means that it cannot be determined from outside, for example because only the account knows the DKIM selector.
const (
	Covered Coverage = "covered"
	Missing Coverage = "missing"
	Unknown Coverage = "unknown"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	// Severe: mail is likely to be refused or filed as spam.
	Severe Level = "error"
	// Warning: mail may pass, but something is wrong.
	Warning Level = "warning"
)

// Finding is one problem.
type Finding struct {
	// ID is stable, such as "spf-multiple".
	ID    string
	Level Level
	// Text says what was found, and Remedy what to do; Remedy may be empty.
	Text, Remedy string
}

var domainName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckDomain refuses a text that is not a domain that mail can come from.
func CheckDomain(domain string) error {
	if len(domain) > 253 || !domainName.MatchString(domain) {
		return errors.New("must be a domain in lower case such as client.example, internationalized ones in their ASCII form (xn--…)")
	}
	return nil
}

var selectorName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*$`)

// CheckSelector refuses a text that is not a DKIM selector (RFC 6376 section 3.1).
func CheckSelector(selector string) error {
	if len(selector) > 100 || !selectorName.MatchString(selector) {
		return errors.New("must be a DKIM selector such as s1: the part before ._domainkey")
	}
	return nil
}

// Check checks a domain. It ends when ctx does.
func (c Checker) Check(ctx context.Context, r Request) Report {
	q := &questions{resolver: c.Resolver}
	if q.resolver == nil {
		q.resolver = &net.Resolver{PreferGo: true}
	}
	j := judgement{request: r, questions: q}
	j.facts, j.known = FactsOf(r.Preset)
	if preset, ok := presets.ByID(r.Preset); ok {
		j.service, _, _ = strings.Cut(preset.Name, " (")
	}
	j.look(ctx)
	return j.report
}
