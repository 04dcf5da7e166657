package sender

import (
	"context"
	"slices"
	"strings"
)

// DMARC is the policy that applies to a domain (RFC 9989 section 4.7).
type DMARC struct {
	// Domain is the domain that has the record: the sender's domain or a parent.
	Domain, Record string
	// Policy is "none", "quarantine" or "reject".
	Policy string
	// SPFStrict and DKIMStrict: subdomains do not align.
	SPFStrict, DKIMStrict bool
	// psd is "y" for a public suffix, "n" for an organizational domain, and empty if the record does not say.
	psd string
}

// mostPolicies bounds the names that are asked for a policy (RFC 9989 section 4.10).
const mostPolicies = 8

// policyNames returns the domain and its parents, the domain first. If there are too many, the closest parents are left out.
func policyNames(domain string) []string {
	labels := strings.Split(domain, ".")
	names := []string{domain}
	for i := max(1, len(labels)-mostPolicies+1); i < len(labels); i++ {
		names = append(names, strings.Join(labels[i:], "."))
	}
	return names
}

// policy looks for the record at the domain and, if there is none, at its parents (RFC 9989 section 4.10). Among the parents, the record with
// the fewest labels counts, unless a psd tag says where the organization begins. problem is the ID of a finding that says why no record can be used.
func (q *questions) policy(ctx context.Context, domain string) (found *DMARC, problem string, err error) {
	below := ""
	for _, at := range policyNames(domain) {
		record, why, err := q.policyAt(ctx, at, at != domain)
		switch {
		case err != nil:
			return nil, "", err
		case why != "" && found == nil:
			return nil, why, nil
		case record == nil: // No usable record here.
		case record.psd == "y" && found != nil && found.Domain == below:
			return found, "", nil // The record just below a public suffix is the organization's.
		case at == domain || record.psd != "":
			return record, "", nil
		default:
			found = record
		}
		below = at
	}
	if found == nil {
		return nil, "dmarc-missing", nil
	}
	return found, "", nil
}

// policyAt returns the record at one name; nil if there is none.
func (q *questions) policyAt(ctx context.Context, at string, forSubdomain bool) (found *DMARC, problem string, err error) {
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
		return nil, "", nil
	case 1:
		if found = newDMARC(at, records[0], forSubdomain); found.Policy == "" {
			return nil, "dmarc-invalid", nil
		}
		return found, "", nil
	}
	return nil, "dmarc-multiple", nil
}

func newDMARC(at, record string, forSubdomain bool) *DMARC {
	t := tags(record)
	d := &DMARC{Domain: at, Record: record, SPFStrict: strings.EqualFold(t["aspf"], "s"), DKIMStrict: strings.EqualFold(t["adkim"], "s")}
	if psd := strings.ToLower(t["psd"]); psd == "y" || psd == "n" {
		d.psd = psd
	}
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
