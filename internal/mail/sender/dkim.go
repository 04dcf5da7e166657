package sender

import (
	"context"
	"slices"
	"strings"
)

// Key is the record at a DKIM selector of the domain (RFC 6376 section 3.6.1).
type Key struct {
	Selector string
	// Found: there is a key that has not been revoked.
	Found bool
	// Revoked: the key is empty, which revokes it.
	Revoked bool
	// Target is the target of the name's CNAME; empty if it has none.
	Target string
}

// key looks up the key at a selector. want is the CNAME target that the name should have; empty if that is not known.
func (q *questions) key(ctx context.Context, selector, domain, want string) (Key, error) {
	k := Key{Selector: selector}
	name := strings.ToLower(selector) + "._domainkey." + domain
	texts, err := q.txt(ctx, name)
	if err != nil {
		return k, err
	}
	for _, text := range texts {
		public, isKey := tags(text)["p"]
		k.Found = k.Found || isKey && public != ""
		k.Revoked = k.Revoked || isKey && public == ""
	}
	if want != "" || !k.Found {
		k.Target, err = q.alias(ctx, name)
	}
	return k, err
}

// tags are those of a DKIM or DMARC record: name=value, separated by semicolons (RFC 6376 section 3.2). A record with
// duplicate tags is invalid; the first one is used.
func tags(record string) map[string]string {
	found := map[string]string{}
	for part := range strings.SplitSeq(record, ";") {
		name, value, ok := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := found[name]; ok && !twice {
			found[name] = strings.TrimSpace(value)
		}
	}
	return found
}

// keysCover says whether a signature of the service can pass for the domain. targets are the service's CNAME targets by selector, own
// the selectors that the configuration names.
func keysCover(keys []Key, targets map[string]string, own []string) Coverage {
	if len(keys) == 0 {
		return Unknown
	}
	coverage := Missing
	for _, k := range keys {
		want := targets[k.Selector]
		switch {
		case !k.Found:
		case slices.Contains(own, k.Selector), want == "", k.Target == want:
			return Covered
		default:
			coverage = Unknown // a key, but not the service's CNAME
		}
	}
	return coverage
}
