package submit

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// What a server may send at most: replies in one dialogue, and everything on one connection, TLS included.
const (
	maxDialogue   = 64 << 10
	maxConnection = 1 << 20
)

var errFlood = errors.New("server sent more data than allowed")

// limited reads at most left bytes, then fails with errFlood.
type limited struct {
	r    io.Reader
	left int
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errFlood
	}
	n, err := l.r.Read(b[:min(len(b), l.left)])
	l.left -= n
	return n, err
}

// guarded is a connection that the context of the present stage bounds, whatever deadlines are set on it: go-smtp sets
// one of its own for each command, clears it afterwards, and sets none while it writes a body.
type guarded struct {
	net.Conn
	in limited

	mu  sync.Mutex
	ctx context.Context
}

func guard(conn net.Conn) *guarded {
	return &guarded{Conn: conn, in: limited{conn, maxConnection}, ctx: context.Background()}
}

// within puts the connection under ctx until the returned function is called: reads and writes fail once ctx ends.
func (g *guarded) within(ctx context.Context) (release func()) {
	g.mu.Lock()
	g.ctx = ctx
	g.mu.Unlock()
	renew := func() { _ = g.SetDeadline(time.Time{}) }
	renew()
	stop := context.AfterFunc(ctx, renew)
	return func() { stop() }
}

func (g *guarded) Read(b []byte) (int, error) { return g.in.Read(b) }

func (g *guarded) SetDeadline(t time.Time) error      { return g.set(g.Conn.SetDeadline, t) }
func (g *guarded) SetReadDeadline(t time.Time) error  { return g.set(g.Conn.SetReadDeadline, t) }
func (g *guarded) SetWriteDeadline(t time.Time) error { return g.set(g.Conn.SetWriteDeadline, t) }

// set takes the past for t once the context has ended. The lock orders it with that end, so that no later call can undo
// it.
func (g *guarded) set(apply func(time.Time) error, t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ctx.Err() != nil {
		t = time.Unix(1, 0)
	}
	return apply(t)
}
