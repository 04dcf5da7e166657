package sender

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

const (
	// mostQuestions limits the queries of one check: the ten lookups of SPF twice, ten mail servers for each mx, and the rest.
	mostQuestions = 100
	// mostRecords and longestRecord limit what is read from a response.
	mostRecords, longestRecord = 100, 4096
)

// trouble says why the DNS did not answer a query. Its text does not change from one run to the next.
type trouble struct{ name, why string }

func (t *trouble) Error() string { return t.name + ": " + t.why }

// questions queries the DNS and counts the queries.
type questions struct {
	resolver *net.Resolver
	asked    int
}

// ask makes one query. If there is no such record, it returns nothing and no error. Its error is a *trouble.
func ask[T any](ctx context.Context, q *questions, name string, lookup func(context.Context, string) (T, error)) (T, error) {
	var none T
	shown := untrusted.Brief(name, 253)
	q.asked++
	if q.asked > mostQuestions {
		return none, &trouble{shown, "too many lookups"}
	}
	found, err := lookup(ctx, name+".") // the final dot keeps search domains out
	failed, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case err == nil:
		return found, nil
	case isDNS && failed.IsNotFound:
		return found, nil // LookupMX and LookupTXT return usable records together with such an error
	case ctx.Err() != nil, isDNS && failed.IsTimeout:
		return none, &trouble{shown, "no answer in time"}
	case isDNS && failed.IsTemporary:
		return none, &trouble{shown, "the name server failed (SERVFAIL)"}
	}
	return none, &trouble{shown, "the name server cannot be used"}
}

// txt returns the TXT records of a name, sorted, because their order in responses changes.
func (q *questions) txt(ctx context.Context, name string) ([]string, error) {
	records, err := ask(ctx, q, name, q.resolver.LookupTXT)
	records = slices.Clone(records[:min(len(records), mostRecords)])
	for i, record := range records {
		records[i] = untrusted.Brief(record, longestRecord)
	}
	slices.Sort(records)
	return records, err
}

// addresses returns the IP addresses of a name.
func (q *questions) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	found, err := ask(ctx, q, name, func(ctx context.Context, name string) ([]netip.Addr, error) {
		return q.resolver.LookupNetIP(ctx, "ip", name)
	})
	return found[:min(len(found), mostRecords)], err
}

// mailServers returns the MX hosts of a name.
func (q *questions) mailServers(ctx context.Context, name string) ([]string, error) {
	records, err := ask(ctx, q, name, q.resolver.LookupMX)
	var hosts []string
	for _, mx := range records[:min(len(records), mostRecords)] {
		if host := bareName(mx.Host); host != "" { // not a null MX (RFC 7505)
			hosts = append(hosts, host)
		}
	}
	return hosts, err
}

// alias returns the CNAME target of a name, even if the target has no records; empty if there is none.
func (q *questions) alias(ctx context.Context, name string) (string, error) {
	target, err := ask(ctx, q, name, q.resolver.LookupCNAME)
	if target = bareName(target); target == name {
		target = ""
	}
	return target, err
}

// bareName returns a DNS name in the form in which names are compared and shown.
func bareName(name string) string {
	return strings.ToLower(strings.TrimSuffix(untrusted.Brief(name, 254), "."))
}
