// Package dialrule prevents a server from being used to reach its own network (SSRF). It checks the address that is finally dialled, so
// no name, spelling or redirection can get around it.
package dialrule

import (
	"errors"
	"net/netip"
	"slices"
	"syscall"
)

// reserved4 are the IPv4 networks that are not public: the IANA special-purpose registry, multicast and class E.
var reserved4 = prefixes(
	"0.0.0.0/8",       // this network (RFC 791)
	"10.0.0.0/8",      // private (RFC 1918)
	"100.64.0.0/10",   // shared by carriers (RFC 6598)
	"127.0.0.0/8",     // loopback (RFC 1122)
	"169.254.0.0/16",  // link-local, and cloud metadata services (RFC 3927)
	"172.16.0.0/12",   // private (RFC 1918)
	"192.0.0.0/24",    // protocol assignments (RFC 6890)
	"192.0.2.0/24",    // documentation (RFC 5737)
	"192.88.99.0/24",  // 6to4 relays, withdrawn (RFC 7526)
	"192.168.0.0/16",  // private (RFC 1918)
	"198.18.0.0/15",   // benchmarks (RFC 2544)
	"198.51.100.0/24", // documentation (RFC 5737)
	"203.0.113.0/24",  // documentation (RFC 5737)
	"224.0.0.0/4",     // multicast (RFC 5771)
	"240.0.0.0/4",     // reserved, and broadcast (RFC 1112)
)

// In IPv6, only global unicast (RFC 4291 section 2.4) is public, except for reserved6. That excludes loopback, link-local, unique
// local and multicast addresses, and all embedded IPv4 addresses such as NAT64 (RFC 6052).
var (
	global6   = netip.MustParsePrefix("2000::/3")
	reserved6 = prefixes(
		"2001::/23",     // protocol assignments, and Teredo (RFC 2928, RFC 4380)
		"2001:db8::/32", // documentation (RFC 3849)
		"2002::/16",     // 6to4, which holds an IPv4 address (RFC 3056)
		"3fff::/20",     // documentation (RFC 9637)
	)
)

// Rules allow public addresses, and those of the networks in Allow.
type Rules struct{ Allow []netip.Prefix }

// errNotPublic does not include the address: a user who may send tests must not learn the address of an internal name.
var errNotPublic = errors.New("the address is not public, and its network is not among those that this site allows")

// Control is a [net.Dialer.Control] that refuses addresses that may not be dialled.
func (r Rules) Control(_, address string, _ syscall.RawConn) error {
	dialled, err := netip.ParseAddrPort(address)
	if err != nil {
		return errors.New("the address is not an IP address and port")
	}
	ip := dialled.Addr().WithZone("").Unmap()
	if contains(r.Allow, ip) || isPublic(ip) {
		return nil
	}
	return errNotPublic
}

func isPublic(ip netip.Addr) bool {
	if ip.Is4() {
		return !contains(reserved4, ip)
	}
	return global6.Contains(ip) && !contains(reserved6, ip)
}

func contains(networks []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(ip) })
}

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}
