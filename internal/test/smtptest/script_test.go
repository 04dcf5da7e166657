package smtptest_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func dialScript(t *testing.T, s *smtptest.Script) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", net.JoinHostPort(s.Host(), strconv.Itoa(s.Port())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestScriptPlaysItsPart(t *testing.T) {
	s := smtptest.StartScript(t, func(p *smtptest.Peer) {
		p.Say("554 no")
		p.Answer("250-two\n250 lines", "354 go")
		p.HearBody()
		p.Send("25")
	})
	conn := dialScript(t, s)
	if _, err := io.WriteString(conn, "EHLO x\r\nDATA\r\nfirst\r\n.\r\n"); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if want := "554 no\r\n250-two\r\n250 lines\r\n354 go\r\n25"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if want := []string{"EHLO x", "DATA", "first", "."}; !slices.Equal(s.Heard(), want) {
		t.Errorf("heard %q, want %q", s.Heard(), want)
	}
	if s.Connections() != 1 {
		t.Errorf("counted %d connections, want 1", s.Connections())
	}
}

func TestScriptSpeaksTLS(t *testing.T) {
	s := smtptest.StartScript(t, func(p *smtptest.Peer) {
		if p.StartTLS(nil) {
			p.Say("220 inside")
			p.Wait()
		}
	})
	conn := tls.Client(dialScript(t, s), &tls.Config{RootCAs: s.RootCAs(), ServerName: "localhost", MinVersion: tls.VersionTLS12})
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || line != "220 inside\r\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

func TestScriptResetsConnections(t *testing.T) {
	s := smtptest.StartScript(t, func(p *smtptest.Peer) {
		p.Hear()
		p.Reset()
	})
	conn := dialScript(t, s)
	if _, err := io.WriteString(conn, "hello\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want a reset", err)
	}
}

func TestClosedScriptHangsUp(t *testing.T) {
	waiting := make(chan struct{})
	s, err := smtptest.NewScript(func(p *smtptest.Peer) {
		close(waiting)
		p.Wait()
	})
	if err != nil {
		t.Fatal(err)
	}
	conn := dialScript(t, s)
	<-waiting
	s.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}

func TestResolver(t *testing.T) {
	r := smtptest.StartResolver(t, func(name string) ([]netip.Addr, dnsmessage.RCode, bool) {
		if name != "mail.example.test." {
			return nil, dnsmessage.RCodeNameError, false
		}
		return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, dnsmessage.RCodeSuccess, false
	})
	got, err := r.LookupNetIP(t.Context(), "ip", "mail.example.test")
	if err != nil || len(got) != 2 || !slices.Contains(got, netip.MustParseAddr("2001:db8::1")) {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = r.LookupNetIP(t.Context(), "ip", "other.example.test")
	if dns, ok := errors.AsType[*net.DNSError](err); !ok || !dns.IsNotFound {
		t.Errorf("got %v, want no such host", err)
	}
}
