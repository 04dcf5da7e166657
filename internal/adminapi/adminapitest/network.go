// Package adminapitest gives tests a network in memory, which works with [testing/synctest], and a site on it that
// follows a script.
package adminapitest

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// Network is a set of addresses in memory. The zero Network has none.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
}

// Listen makes address, a host and a port, reachable until the listener is closed.
func (n *Network) Listen(address string) net.Listener {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners == nil {
		n.listeners = map[string]*listener{}
	}
	l := &listener{address: address, incoming: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[address] = l
	return l
}

// DialContext connects to an address that is listened on; every other one refuses the connection.
func (n *Network) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	if l == nil {
		return nil, Refused()
	}
	near, far := pair(client, toAddr(address))
	select {
	case l.incoming <- far:
		return near, nil
	case <-l.closed:
		return nil, Refused()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Refused is the error of a connection that nobody accepts.
func Refused() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

// NoSuchHost is the error of a name that the DNS does not know.
func NoSuchHost() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "site.example", IsNotFound: true}}
}

// client is where every connection comes from.
var client = toAddr("127.0.0.1:49152")

type listener struct {
	address  string
	incoming chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.incoming:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return toAddr(l.address) }

// toAddr is that of TCP where address has an IP address.
func toAddr(text string) net.Addr {
	if parsed, err := netip.ParseAddrPort(text); err == nil {
		return net.TCPAddrFromAddrPort(parsed)
	}
	return address(text)
}

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }
