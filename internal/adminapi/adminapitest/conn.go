package adminapitest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is how much one end can write before the other reads it.
const window = 64 << 10

// wire is what two ends share. Like a TCP connection and unlike [net.Pipe] it buffers, so that two ends that both write
// first do not wait for each other.
type wire struct {
	mu      sync.Mutex
	changed sync.Cond
	reset   bool
}

// Conn is one end of a connection.
type Conn struct {
	wire          *wire
	peer          *Conn
	local, remote net.Addr

	// All of it is guarded by wire.mu.
	unread      []byte
	closed      bool
	read, write deadline
}

// pair connects two ends.
func pair(near, far net.Addr) (client, server *Conn) {
	w := &wire{}
	w.changed.L = &w.mu
	client, server = &Conn{wire: w, local: near, remote: far}, &Conn{wire: w, local: far, remote: near}
	client.peer, server.peer = server, client
	return client, server
}

// LocalAddr implements [net.Conn].
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements [net.Conn].
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// Read implements [net.Conn].
func (c *Conn) Read(b []byte) (int, error) {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	for {
		switch {
		case c.closed:
			return 0, c.failed("read", net.ErrClosed)
		case c.wire.reset:
			return 0, c.failed("read", syscall.ECONNRESET)
		case c.read.passed:
			return 0, c.failed("read", os.ErrDeadlineExceeded)
		case len(c.unread) > 0:
			n := copy(b, c.unread)
			c.unread = c.unread[n:]
			c.wire.changed.Broadcast()
			return n, nil
		case c.peer.closed:
			return 0, io.EOF
		}
		c.wire.changed.Wait()
	}
}

// Write implements [net.Conn].
func (c *Conn) Write(b []byte) (n int, err error) {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	for {
		switch room := window - len(c.peer.unread); {
		case c.closed:
			return n, c.failed("write", net.ErrClosed)
		case c.wire.reset:
			return n, c.failed("write", syscall.ECONNRESET)
		case c.write.passed:
			return n, c.failed("write", os.ErrDeadlineExceeded)
		case c.peer.closed:
			return n, c.failed("write", syscall.EPIPE)
		case room > 0:
			piece := b[n:min(n+room, len(b))]
			c.peer.unread = append(c.peer.unread, piece...)
			n += len(piece)
			c.wire.changed.Broadcast()
		}
		if n == len(b) {
			return n, nil
		}
		c.wire.changed.Wait()
	}
}

func (c *Conn) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.local, Addr: c.remote, Err: err}
}

// Close implements [net.Conn]. The other end can still read what was written.
func (c *Conn) Close() error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	c.closed = true
	c.read.set(c.wire, time.Time{})
	c.write.set(c.wire, time.Time{})
	c.wire.changed.Broadcast()
	return nil
}

// Reset ends the connection so that the other end sees a reset instead of its end.
func (c *Conn) Reset() {
	c.wire.mu.Lock()
	c.wire.reset = true
	c.wire.mu.Unlock()
	_ = c.Close()
}

// SetDeadline implements [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error { return c.bound(t, &c.read, &c.write) }

// SetReadDeadline implements [net.Conn].
func (c *Conn) SetReadDeadline(t time.Time) error { return c.bound(t, &c.read) }

// SetWriteDeadline implements [net.Conn].
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.bound(t, &c.write) }

func (c *Conn) bound(t time.Time, deadlines ...*deadline) error {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	if c.closed {
		return c.failed("set", net.ErrClosed)
	}
	for _, d := range deadlines {
		d.set(c.wire, t)
	}
	c.wire.changed.Broadcast()
	return nil
}

// deadline is a moment from which on one direction fails.
type deadline struct {
	passed bool
	timer  *time.Timer
	// turn tells a timer that was replaced while it fired.
	turn int
}

func (d *deadline) set(w *wire, t time.Time) {
	if d.timer != nil {
		d.timer.Stop()
	}
	d.turn++
	d.passed, d.timer = false, nil
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if d.passed = left <= 0; d.passed {
		return
	}
	turn := d.turn
	d.timer = time.AfterFunc(left, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if d.turn == turn {
			d.passed = true
			w.changed.Broadcast()
		}
	})
}
