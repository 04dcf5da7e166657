package smtptest

import (
	"net"
	"sync"
)

// listener counts connections, and closes those that are open when it is closed.
type listener struct {
	net.Listener

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	count  int
	closed bool
}

// listen uses l or, if that is nil, listens on address.
func listen(l net.Listener, address string) (*listener, error) {
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", address); err != nil {
			return nil, err
		}
	}
	return &listener{Listener: l, open: map[net.Conn]struct{}{}}, nil
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	l.count++
	l.open[conn] = struct{}{}
	return &tracked{conn, l}, nil
}

// Close implements [net.Listener].
func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for conn := range l.open {
		_ = conn.Close()
	}
	return l.Listener.Close()
}

func (l *listener) address() *net.TCPAddr { return l.Addr().(*net.TCPAddr) }

func (l *listener) connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count
}

// tracked is a connection that its listener tracks while it is open.
type tracked struct {
	net.Conn
	listener *listener
}

// Close implements [net.Conn].
func (t *tracked) Close() error {
	t.listener.mu.Lock()
	delete(t.listener.open, t.Conn)
	t.listener.mu.Unlock()
	return t.Conn.Close()
}

// reset closes the connection with a TCP reset.
func (t *tracked) reset() {
	switch conn := t.Conn.(type) {
	case *net.TCPConn:
		_ = conn.SetLinger(0)
	case interface{ Reset() }:
		conn.Reset()
	}
	_ = t.Close()
}
