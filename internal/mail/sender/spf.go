package sender

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// SPF is the SPF record of a domain.
type SPF struct {
	Record string
	// Lookups is the maximum number of lookups that a receiver makes for it; more than [MostLookups] is an error (RFC 7208 section 4.6.4).
	Lookups int
}

// MostLookups is how many lookups an SPF record may require.
const MostLookups = 10

// mostMailServers is how many names an mx mechanism may lead to (RFC 7208 section 4.6.4).
const mostMailServers = 10

// permanent is an error in the record itself, which makes receivers ignore SPF ("permerror").
type permanent struct{ why string }

func (p *permanent) Error() string { return p.why }

// senders are the senders that an SPF record allows.
type senders struct {
	// included are the domains whose records count, with those that their records include.
	included []string
	networks []netip.Prefix
	// anybody: the record allows every sender (+all).
	anybody bool
	// opaque: the result also depends on the message, for example because of a macro.
	opaque bool
}

// walk reads an SPF record and all records that it includes.
type walk struct {
	questions *questions
	lookups   int
	path      []string
	senders   senders
}

// spfRecords returns the SPF records among texts (RFC 7208 section 4.5).
func spfRecords(texts []string) []string {
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool {
		version, _, _ := strings.Cut(text, " ")
		return !strings.EqualFold(version, "v=spf1")
	})
}

// domain reads the record of a domain that a record refers to. Its error is a *permanent or a *trouble.
func (w *walk) domain(ctx context.Context, domain string) error {
	switch {
	case CheckDomain(domain) != nil:
		return &permanent{fmt.Sprintf("it includes %q, which is no domain", untrusted.Brief(domain, 100))}
	case slices.Contains(w.path, domain):
		return &permanent{"it includes itself, by way of " + domain}
	}
	texts, err := w.questions.txt(ctx, domain)
	if err != nil {
		return err
	}
	records := spfRecords(texts)
	if len(records) != 1 {
		return &permanent{fmt.Sprintf("it includes %s, which has %s", domain, count(len(records), "SPF record"))}
	}
	return w.record(ctx, domain, records[0])
}

// record reads the terms of one record.
func (w *walk) record(ctx context.Context, domain, record string) error {
	w.path = append(w.path, domain)
	defer func() { w.path = w.path[:len(w.path)-1] }()
	redirect, hasAll := "", false
	for _, term := range strings.Fields(record)[1:] {
		if name, value, ok := modifier(term); ok {
			if name == "redirect" {
				redirect = value
			}
			continue
		}
		if hasAll {
			continue // nothing after "all" is evaluated
		}
		m := newMechanism(term, domain)
		hasAll = m.name == "all"
		if err := w.mechanism(ctx, m); err != nil {
			return err
		}
	}
	if redirect == "" || hasAll {
		return nil
	}
	if err := w.spend(); err != nil {
		return err
	}
	return w.follow(ctx, redirect)
}

// modifier splits a term such as "redirect=_spf.client.example" (RFC 7208 section 4.6.1).
func modifier(term string) (name, value string, ok bool) {
	at := strings.IndexAny(term, "=:/")
	if at < 0 || term[at] != '=' {
		return "", "", false
	}
	return strings.ToLower(term[:at]), strings.ToLower(strings.TrimSuffix(term[at+1:], ".")), true
}

// mechanism is a term such as "+mx:client.example/24".
type mechanism struct {
	term string
	// passes: matching senders are allowed.
	passes bool
	name   string
	// value is the domain, or the network of ip4 and ip6.
	value string
	// bits are the prefix lengths for IPv4 and IPv6; -1 if they are invalid.
	bits4, bits6 int
}

func newMechanism(term, domain string) mechanism {
	m := mechanism{term: term, passes: true, value: domain, bits4: 32, bits6: 128}
	if rest := strings.TrimLeft(term, "+-~?"); len(term)-len(rest) == 1 {
		m.passes, term = term[0] == '+', rest
	}
	name, value, hasValue := strings.Cut(term, ":")
	if !hasValue {
		name, value, _ = strings.Cut(term, "/")
		if value != "" {
			value = "/" + value
		}
	}
	m.name = strings.ToLower(name)
	if m.name == "ip4" || m.name == "ip6" {
		m.value = value
		return m
	}
	value, lengths, hasLengths := strings.Cut(strings.ToLower(value), "/")
	if value != "" {
		m.value = strings.TrimSuffix(value, ".")
	}
	if hasLengths {
		four, six, hasSix := strings.Cut(lengths, "/")
		if hasSix {
			m.bits6 = length(strings.TrimPrefix(six, "/"), 128)
		}
		if four != "" {
			m.bits4 = length(four, 32)
		}
	}
	return m
}

func length(text string, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return -1
	}
	return n
}

func (w *walk) mechanism(ctx context.Context, m mechanism) error {
	wrong := &permanent{fmt.Sprintf("%q in the record of %s is not valid", untrusted.Brief(m.term, 100), w.path[len(w.path)-1])}
	if slices.Contains([]string{"include", "a", "mx", "ptr", "exists"}, m.name) {
		if err := w.spend(); err != nil {
			return err
		}
	}
	switch {
	case m.bits4 < 0 || m.bits6 < 0:
		return wrong
	case m.name == "all":
		w.senders.anybody = w.senders.anybody || m.passes
		return nil
	case m.name == "ip4" || m.name == "ip6":
		network, err := parseNetwork(m.value)
		if err != nil || network.Addr().Is4() != (m.name == "ip4") {
			return wrong
		}
		w.add(m, network)
		return nil
	case m.name == "include":
		return w.include(ctx, m)
	case m.name == "ptr" || m.name == "exists" || strings.Contains(m.value, "%"):
		w.senders.opaque = w.senders.opaque || m.passes
		return nil
	case CheckDomain(m.value) != nil:
		return wrong
	case m.name == "a":
		return w.hosts(ctx, m, []string{m.value})
	case m.name == "mx":
		hosts, err := w.questions.mailServers(ctx, m.value)
		if err == nil && len(hosts) > mostMailServers {
			err = &permanent{fmt.Sprintf("%s leads to more than %d mail servers", untrusted.Brief(m.term, 100), mostMailServers)}
		}
		if err != nil {
			return err
		}
		return w.hosts(ctx, m, hosts)
	}
	return wrong
}

// spend counts a lookup.
func (w *walk) spend() error {
	w.lookups++
	if w.lookups > MostLookups {
		return &permanent{fmt.Sprintf("it takes more than %d lookups (RFC 7208 section 4.6.4)", MostLookups)}
	}
	return nil
}

// include reads the record of an included domain, whose senders count only if the include lets them pass.
func (w *walk) include(ctx context.Context, m mechanism) error {
	before := w.senders
	before.included, before.networks = slices.Clone(before.included), slices.Clone(before.networks)
	err := w.follow(ctx, m.value)
	if !m.passes {
		w.senders = before
	}
	return err
}

func (w *walk) follow(ctx context.Context, domain string) error {
	if strings.Contains(domain, "%") {
		w.senders.opaque = true
		return nil
	}
	w.senders.included = append(w.senders.included, domain)
	return w.domain(ctx, domain)
}

func (w *walk) hosts(ctx context.Context, m mechanism, hosts []string) error {
	for _, host := range hosts {
		addresses, err := w.questions.addresses(ctx, host)
		if err != nil {
			return err
		}
		for _, address := range addresses {
			address = address.Unmap()
			bits := m.bits6
			if address.Is4() {
				bits = m.bits4
			}
			w.add(m, netip.PrefixFrom(address, bits))
		}
	}
	return nil
}

func (w *walk) add(m mechanism, network netip.Prefix) {
	if m.passes && len(w.senders.networks) < mostNetworks {
		w.senders.networks = append(w.senders.networks, network.Masked())
	}
}

// mostNetworks limits how many networks are compared: ten records of 4,096 characters hold fewer.
const mostNetworks = 4096

// parseNetwork parses the value of ip4 and ip6: a network or a single address.
func parseNetwork(value string) (netip.Prefix, error) {
	if !strings.Contains(value, "/") {
		address, err := netip.ParseAddr(value)
		return netip.PrefixFrom(address, address.BitLen()), err
	}
	return netip.ParsePrefix(value)
}

// covers says whether a domain whose SPF record allows s covers a service. includes are the domains of the service's own SPF records,
// service are the senders that these allow.
func (s senders) covers(includes []string, service senders) Coverage {
	switch {
	case s.anybody || slices.ContainsFunc(includes, func(i string) bool { return slices.Contains(s.included, i) }):
		return Covered
	case s.opaque:
		return Unknown
	}
	// The service's networks may be listed one by one ("flattened").
	covered, overlapping := 0, false
	for _, theirs := range service.networks {
		if slices.ContainsFunc(s.networks, func(ours netip.Prefix) bool { return ours.Bits() <= theirs.Bits() && ours.Contains(theirs.Addr()) }) {
			covered++
		}
		overlapping = overlapping || slices.ContainsFunc(s.networks, theirs.Overlaps)
	}
	switch {
	case covered > 0 && covered == len(service.networks):
		return Covered
	case overlapping:
		return Unknown
	}
	return Missing
}

// count returns a number with a noun, in the plural if needed.
func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun
	case 1:
		return "one " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
