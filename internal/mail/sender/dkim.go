package sender

import (
	"context"
	"slices"
	"strings"
)

// Key is what stands at a DKIM selector of the domain (RFC 6376 section 3.6.1).
type Key struct {
	Selector string
	// Found: there is a key that has not been revoked.
	Found bool
	// Revoked: the key was taken back by an empty one.
	Revoked bool
	// Target is what the name is an alias of; empty where it is none.
	Target string
}

// key looks for the key at a selector. want is what the name should be an alias of; empty where that is not known.
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

// tags are those of a DKIM or DMARC record: name=value, separated by semicolons (RFC 6376 section 3.2). Of two with one name, the
// record is wrong, and the first counts.
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

// keysCover says whether a signature of the service can pass in the name of the domain. targets are those of the service by
// selector, and own the selectors that the configuration names.
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
			coverage = Unknown // a key, but not by way of the service
		}
	}
	return coverage
}
