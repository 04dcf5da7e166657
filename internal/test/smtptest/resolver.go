package smtptest

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// Answer returns a DNS server's answer for a name with a final dot: its addresses, or a code other than success. A lost query gets no
// reply.
type Answer func(name string) (addresses []netip.Addr, code dnsmessage.RCode, lost bool)

// StartResolver starts a DNS server on loopback and returns a resolver that queries only that server. It is closed with the test.
func StartResolver(t TB, answer Answer) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start resolver: %v", err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { answer.serve(server) })
	clients := &dialed{address: server.LocalAddr().String()}
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
		clients.close()
	})
	return &net.Resolver{PreferGo: true, Dial: clients.dial}
}

func (a Answer) serve(conn net.PacketConn) {
	buffer := make([]byte, 512)
	for {
		n, client, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if reply, ok := a.Reply(buffer[:n]); ok {
			_, _ = conn.WriteTo(reply, client)
		}
	}
}

// Reply returns the reply to a query (RFC 1035 section 4), or false if the query is lost.
func (a Answer) Reply(query []byte) (reply []byte, ok bool) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil, false
	}
	question := m.Questions[0]
	addresses, code, lost := a(question.Name.String())
	if lost {
		return nil, false
	}
	m.Response, m.RecursionAvailable, m.RCode, m.Additionals = true, true, code, nil
	for _, address := range addresses {
		var body dnsmessage.ResourceBody
		switch {
		case address.Is4() && question.Type == dnsmessage.TypeA:
			body = &dnsmessage.AResource{A: address.As4()}
		case address.Is6() && question.Type == dnsmessage.TypeAAAA:
			body = &dnsmessage.AAAAResource{AAAA: address.As16()}
		default:
			continue
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET},
			Body:   body,
		})
	}
	reply, err := m.Pack()
	return reply, err == nil
}

// dialed are a resolver's connections. They are closed with the test, because a resolver keeps waiting for a lost reply after its
// lookup was abandoned.
type dialed struct {
	address string

	mu    sync.Mutex
	conns []net.Conn
}

func (d *dialed) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", d.address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns = append(d.conns, conn)
	return conn, nil
}

func (d *dialed) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range d.conns {
		_ = conn.Close()
	}
}
