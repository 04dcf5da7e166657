package smtptest

import (
	"context"
	"net"
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"
)

// StartResolver starts a DNS server on loopback and returns a resolver that asks it only, to be used by name. For each
// query answer gets the name, with its final dot, and returns the addresses; a code other than success is sent instead.
// A query that answer marks as lost gets no reply. It is closed with the test.
func StartResolver(t TB, answer func(name string) (addresses []netip.Addr, code dnsmessage.RCode, lost bool)) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start resolver: %v", err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		buffer := make([]byte, 512)
		for {
			n, client, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply, ok := resolve(buffer[:n], answer); ok {
				_, _ = conn.WriteTo(reply, client)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func resolve(query []byte, answer func(string) ([]netip.Addr, dnsmessage.RCode, bool)) (reply []byte, ok bool) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil, false
	}
	question := m.Questions[0]
	addresses, code, lost := answer(question.Name.String())
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
