// Package loopback tells hosts that are this very machine: what is sent there cannot be read on the way.
package loopback

import (
	"net/netip"
	"strings"
)

// Is reports whether a host is the very machine that connects to it, by its name or address alone.
func Is(host string) bool {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
