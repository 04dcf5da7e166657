// Package adminapitest gives tests a network in memory, which works with [testing/synctest], and a site on it that
// follows a script.
package adminapitest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
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
	near, far := net.Pipe()
	cut := new(atomic.Bool)
	select {
	case l.incoming <- &Conn{far, cut}:
		return &Conn{near, cut}, nil
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

// Conn is one end of a connection.
type Conn struct {
	net.Conn
	cut *atomic.Bool
}

// Reset ends the connection so that the other end sees a reset instead of its end.
func (c *Conn) Reset() {
	c.cut.Store(true)
	_ = c.Close()
}

// Read implements [net.Conn].
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, io.EOF) && c.cut.Load() {
		err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return n, err
}

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

func (l *listener) Addr() net.Addr { return address(l.address) }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }
