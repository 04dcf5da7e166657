// Package sender finds out what a domain's DNS says about mail that is sent in its name: SPF (RFC 7208), DKIM (RFC 6376) and
// DMARC (RFC 9989), and whether one of them covers a mail service. What it asks is bounded, and what it is answered is untrusted.
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

// Checker asks the DNS. The zero Checker asks the name servers of this machine.
type Checker struct {
	// Resolver is asked; nil means the one of this machine.
	Resolver *net.Resolver
}

// Nameserver returns a resolver that asks one name server, given as host and port, instead of those of this machine.
func Nameserver(address string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, address)
	}}
}

// Request says what to look at.
type Request struct {
	// Domain is that of from_address, in ASCII and without a final dot; [CheckDomain] says which it may be.
	Domain string
	// Preset is the mail service, by its id in the catalogue. Empty looks at the domain alone.
	Preset string
	// Selectors are DKIM selectors to look for beside those that are known of the preset.
	Selectors []string
}

// Report is what was found. All that comes from the DNS is fit to be shown.
type Report struct {
	// SPF is the domain's SPF record; nil where it has none, or more than one.
	SPF *SPF
	// Keys are the DKIM keys that were looked for, in the order of their selectors.
	Keys []Key
	// DMARC is the policy that applies to the domain; nil where there is none.
	DMARC *DMARC
	// SPFCovers and DKIMCovers say whether mail that the service sends passes in the name of the domain.
	SPFCovers, DKIMCovers Coverage
	// Findings are what is wrong, the worst first.
	Findings []Finding
	// Summary is one sentence; it says the same as long as the DNS does.
	Summary string
}

// OK reports whether nothing was found for which mail is likely to be refused.
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Level == Severe })
}

// Text is the summary and the findings, for people.
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

// Coverage says whether something of the domain covers a service.
type Coverage string

// The coverages. Unknown stands for what cannot be judged from outside, such as a DKIM selector that only the account knows.
const (
	Covered Coverage = "covered"
	Missing Coverage = "missing"
	Unknown Coverage = "unknown"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	// Severe: mail is likely to be refused, or to be filed as spam.
	Severe Level = "error"
	// Warning: mail may pass, but something is not as it should be.
	Warning Level = "warning"
)

// Finding is something that is wrong.
type Finding struct {
	// ID is stable, such as "spf-multiple".
	ID    string
	Level Level
	// Text says what was found, and Remedy what to do; Remedy may be empty.
	Text, Remedy string
}

var domainName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckDomain refuses what is no domain that mail can come from.
func CheckDomain(domain string) error {
	if len(domain) > 253 || !domainName.MatchString(domain) {
		return errors.New("must be a domain in lower case such as client.example, internationalized ones in their ASCII form (xn--…)")
	}
	return nil
}

var selectorName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*$`)

// CheckSelector refuses what is no DKIM selector (RFC 6376 section 3.1).
func CheckSelector(selector string) error {
	if len(selector) > 100 || !selectorName.MatchString(selector) {
		return errors.New("must be a DKIM selector such as s1: the part before ._domainkey")
	}
	return nil
}

// Check looks at a domain, for as long as ctx allows.
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
