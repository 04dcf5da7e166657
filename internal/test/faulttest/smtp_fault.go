package faulttest

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// SMTPFault is one way in which a session with a mail server can go wrong.
type SMTPFault struct {
	Stage site.Stage
	Name  string
	// Row is the rule's number in RELIABILITY.md, such as "R37".
	Row string
	// Status is the expected verdict of the test, At the expected stage, and Code the expected reply code; 0 means no reply.
	Status site.Status
	At     site.Stage
	Code   int
	// Taken is true if the server accepts the message.
	Taken bool

	// One of these strikes: query replaces a name server's reply, connect a connection, and play the server's replies or the TLS
	// handshake.
	query   func(*dnsQuery)
	connect func(context.Context, dialer, string) (net.Conn, error)
	play    func(*session)
	// twoAddresses is true if the name has a dead address before the good one.
	twoAddresses bool
	// atDot is true if, in stage data, it strikes after the message instead of after the command.
	atDot bool
}

type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// SMTPFaults lists the faults, 15 for each stage.
func SMTPFaults() []SMTPFault {
	return slices.Concat(lookups(), connects(), handshakes(), banners(), hellos(), startTLSs(), logins(), senders(), recipients(), messages())
}

func (f *SMTPFault) connecting(dial dialer) dialer {
	return func(ctx context.Context, _, address string) (net.Conn, error) { return f.connect(ctx, dial, address) }
}

// connects are the faults of stage connect.
func connects() []SMTPFault {
	fault := func(name string, connect func(context.Context, dialer, string) (net.Conn, error)) SMTPFault {
		return SMTPFault{Stage: site.StageConnect, Name: name, Row: "R38", Status: site.Failed, At: site.StageConnect, connect: connect}
	}
	errno := func(name string, number syscall.Errno) SMTPFault {
		return fault(name, func(_ context.Context, _ dialer, address string) (net.Conn, error) {
			return nil, failed(address, number)
		})
	}
	after := func(name string, d time.Duration) SMTPFault {
		return fault(name, func(ctx context.Context, dial dialer, address string) (net.Conn, error) {
			select {
			case <-time.After(d):
				return dial(ctx, "tcp", address)
			case <-ctx.Done():
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
			}
		})
	}
	passes := func(f SMTPFault) SMTPFault {
		f.Status, f.At, f.Taken, f.Code = site.Passed, site.StageData, true, 250
		return f
	}
	dead := fault("FirstAddressDead", func(ctx context.Context, dial dialer, address string) (net.Conn, error) {
		return dial(ctx, "tcp", address)
	})
	allDead := errno("AllAddressesDead", syscall.ETIMEDOUT)
	dead.twoAddresses, allDead.twoAddresses = true, true
	return []SMTPFault{
		errno("Refused", syscall.ECONNREFUSED), errno("TimedOut", syscall.ETIMEDOUT), errno("HostUnreachable", syscall.EHOSTUNREACH),
		errno("NetworkUnreachable", syscall.ENETUNREACH), errno("Reset", syscall.ECONNRESET), errno("Forbidden", syscall.EACCES),
		errno("NotPermitted", syscall.EPERM), errno("NoPorts", syscall.EADDRNOTAVAIL), errno("NoFiles", syscall.EMFILE),
		errno("NetworkDown", syscall.ENETDOWN), after("Hang", time.Hour), after("TooLate", 12*time.Second), passes(after("Late", 8*time.Second)),
		passes(dead), allDead,
	}
}

func failed(address string, number syscall.Errno) error {
	host, port, _ := net.SplitHostPort(address)
	at, _ := net.LookupPort("tcp", port)
	return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(host), Port: at}, Err: os.NewSyscallError("connect", number)}
}

// handshakes are the faults of stage tls.
func handshakes() []SMTPFault {
	fault := func(name string, play func(*session)) SMTPFault {
		return SMTPFault{Stage: site.StageTLS, Name: name, Row: "R18", Status: site.Failed, At: site.StageTLS, play: play}
	}
	alert := func(name string, description byte) SMTPFault {
		return fault(name, func(s *session) { s.Send(string([]byte{21, 3, 3, 0, 2, 2, description})) })
	}
	shows := func(name string, leaf func(host string) smtptest.Leaf) SMTPFault {
		return fault(name, func(s *session) { s.show(leaf(s.proxy.config.Host)) })
	}
	// The start of a ServerHello that announces more than is sent.
	const hello = "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03half of it"
	return []SMTPFault{
		fault("Cut", func(*session) {}),
		fault("Reset", func(s *session) { s.Reset() }),
		fault("Hang", func(s *session) { s.Wait() }),
		alert("HandshakeFailure", 40),
		alert("InternalError", 80),
		fault("OldVersion", func(s *session) {
			s.StartTLS(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
		}),
		fault("PlainReply", func(s *session) { s.Say("454 4.7.0 TLS not available"); s.Wait() }),
		fault("Garbage", func(s *session) { s.Send(strings.Repeat("\x00\xff<", 100)); s.Wait() }),
		fault("EndlessRecords", func(s *session) { s.endless("\x14\x03\x03\x00\x01\x01") }),
		fault("HalfHelloCut", func(s *session) { s.Send(hello) }),
		fault("HalfHelloHang", func(s *session) { s.Send(hello); s.Wait() }),
		shows("Expired", func(host string) smtptest.Leaf {
			return smtptest.Leaf{Names: []string{host}, NotBefore: time.Now().AddDate(0, -2, 0), NotAfter: time.Now().AddDate(0, -1, 0)}
		}),
		shows("WrongName", func(string) smtptest.Leaf { return smtptest.Leaf{Names: []string{"other.example.test"}} }),
		fault("UnknownAuthority", func(s *session) {
			ca, err := smtptest.NewCA()
			if err != nil {
				return
			}
			certificate, err := ca.Issue(smtptest.Leaf{Names: []string{s.proxy.config.Host}})
			if err == nil {
				s.StartTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
			}
		}),
		fault("WantsCertificate", func(s *session) {
			certificate, err := s.proxy.Issue(smtptest.Leaf{Names: []string{s.proxy.config.Host}})
			if err == nil {
				s.StartTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12})
			}
		}),
	}
}

// endless sends piece repeatedly for as long as the client reads, and counts the bytes.
func (s *session) endless(piece string) {
	piece = strings.Repeat(piece, 1000)
	for s.Send(piece) {
		s.proxy.mu.Lock()
		s.proxy.flood += len(piece)
		s.proxy.mu.Unlock()
	}
}

// stay replies, and then keeps the session open for the client's QUIT.
func stay(lines ...string) func(*session) {
	return func(s *session) {
		s.Say(lines...)
		s.Answer("500 5.5.1 what", "221 2.0.0 bye")
	}
}
