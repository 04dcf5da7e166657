package api

import (
	"net/netip"
	"strings"
)

// client is the address that the call comes from; invalid when it cannot be known.
func (c call) client() netip.Addr {
	if c.BehindProxy {
		values := c.r.Header.Values("X-Forwarded-For")
		last := strings.Join(values, ",")
		ip, _ := netip.ParseAddr(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]))
		return ip
	}
	remote, _ := netip.ParseAddrPort(c.r.RemoteAddr)
	return remote.Addr()
}
