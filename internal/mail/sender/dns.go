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
	// mostQuestions bounds what one check asks: the ten lookups of SPF twice, ten mail servers for an mx each, and the rest.
	mostQuestions = 100
	// mostRecords and longestRecord bound what is read of an answer.
	mostRecords, longestRecord = 100, 4096
)

// trouble is why the DNS did not answer a question. It says nothing that changes from one time to the next.
type trouble struct{ name, why string }

func (t *trouble) Error() string { return t.name + ": " + t.why }

// questions asks the DNS and counts.
type questions struct {
	resolver *net.Resolver
	asked    int
}

// ask puts one question; no error and nothing found where there is no such record. Its error is a *trouble.
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
		return found, nil // LookupMX and LookupTXT return what could be used beside such an error
	case ctx.Err() != nil, isDNS && failed.IsTimeout:
		return none, &trouble{shown, "no answer in time"}
	case isDNS && failed.IsTemporary:
		return none, &trouble{shown, "the name server failed (SERVFAIL)"}
	}
	return none, &trouble{shown, "the name server cannot be used"}
}

// txt returns the TXT records of a name in the order of their text: that of the answer changes.
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

// mailServers returns the hosts that take mail for a name.
func (q *questions) mailServers(ctx context.Context, name string) ([]string, error) {
	records, err := ask(ctx, q, name, q.resolver.LookupMX)
	var hosts []string
	for _, mx := range records[:min(len(records), mostRecords)] {
		if host := bareName(mx.Host); host != "" { // a null MX (RFC 7505) is none
			hosts = append(hosts, host)
		}
	}
	return hosts, err
}

// alias returns what a name is an alias of, be there records or not; empty where it is none.
func (q *questions) alias(ctx context.Context, name string) (string, error) {
	target, err := ask(ctx, q, name, q.resolver.LookupCNAME)
	if target = bareName(target); target == name {
		target = ""
	}
	return target, err
}

// bareName is a name of the DNS as it is compared and shown.
func bareName(name string) string {
	return strings.ToLower(strings.TrimSuffix(untrusted.Brief(name, 254), "."))
}
