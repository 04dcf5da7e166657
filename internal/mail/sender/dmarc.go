package sender

import (
	"context"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// DMARC is the policy that applies to a domain (RFC 7489 section 6.3).
type DMARC struct {
	// Domain is where the record is: the domain itself, or the one that its owner registered.
	Domain, Record string
	// Policy is "none", "quarantine" or "reject".
	Policy string
	// SPFStrict and DKIMStrict: a subdomain of the domain does not align.
	SPFStrict, DKIMStrict bool
}

// organizational is the domain that was registered: the one below the public suffix (RFC 7489 section 3.2).
func organizational(domain string) string {
	registered, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return domain // a public suffix itself
	}
	return registered
}

// policy looks for the record at the domain, and then at the registered one. problem names the finding of a record that is no use.
func (q *questions) policy(ctx context.Context, domain string) (found *DMARC, problem string, err error) {
	for _, at := range slices.Compact([]string{domain, organizational(domain)}) {
		texts, err := q.txt(ctx, "_dmarc."+at)
		if err != nil {
			return nil, "", err
		}
		records := slices.DeleteFunc(texts, func(text string) bool {
			version, _, _ := strings.Cut(text, ";")
			return strings.ReplaceAll(version, " ", "") != "v=DMARC1"
		})
		switch len(records) {
		case 0:
			continue
		case 1:
			d := newDMARC(at, records[0], at != domain)
			if d.Policy == "" {
				return nil, "dmarc-invalid", nil
			}
			return d, "", nil
		}
		return nil, "dmarc-multiple", nil
	}
	return nil, "dmarc-missing", nil
}

func newDMARC(at, record string, forSubdomain bool) *DMARC {
	t := tags(record)
	d := &DMARC{Domain: at, Record: record, SPFStrict: strings.EqualFold(t["aspf"], "s"), DKIMStrict: strings.EqualFold(t["adkim"], "s")}
	policy := t["p"]
	if sub, said := t["sp"]; said && forSubdomain {
		policy = sub
	}
	policy = strings.ToLower(policy)
	switch {
	case slices.Contains([]string{"none", "quarantine", "reject"}, policy):
		d.Policy = policy
	case t["rua"] != "":
		d.Policy = "none" // RFC 7489 section 6.6.3, step 6
	}
	return d
}
