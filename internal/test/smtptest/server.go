// Package smtptest is a real SMTP server to send to, for tests and the demo, with STARTTLS or implicit TLS, AUTH, limits, configurable
// faults and an inbox. [Script] is for behaviour that no proper server shows.
package smtptest

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// maxConnections is the maximum number of concurrent clients. More have to wait.
const maxConnections = 100

// Config configures a server. The zero Config is a server on a free port of 127.0.0.1 with STARTTLS and without login.
type Config struct {
	// Address is the address to listen on; empty stands for 127.0.0.1:0.
	Address string
	// Listener is used instead of Address, if set. It must have a TCP address. The server closes it.
	Listener net.Listener
	// Encryption is the server's encryption; empty stands for STARTTLS. With site.NoEncryption, logins in clear text are accepted.
	Encryption site.Encryption
	// CA issues the server's certificate; nil stands for a new authority.
	CA *CA
	// Leaf is the server's certificate; the zero Leaf fits localhost.
	Leaf Leaf
	// Users are the usernames with their passwords. If there are none, the server does not offer AUTH, and requires no login.
	Users map[string]secret.Text
	// CheckToken, if set, makes the server accept XOAUTH2 and OAUTHBEARER, and offer PLAIN and LOGIN only if there are Users. It returns
	// nil if an access token is valid for the user.
	CheckToken func(user string, token secret.Text) error
	// Mechanisms are the login mechanisms to offer; nil stands for all that can succeed.
	Mechanisms []string
	// MaxMessageBytes is the announced and enforced SIZE; 0 stands for 1 MiB.
	MaxMessageBytes int64
	// Faults are the initial faults.
	Faults Faults
	// Taken, if set, is called with each message before the server replies that it accepted the message.
	Taken func(Message)
}

// Faults make the server misbehave; the zero Faults do nothing.
type Faults struct {
	// AuthErr, MailErr and DataErr refuse every login, sender and message.
	AuthErr, MailErr, DataErr *smtp.SMTPError
	// RcptErr maps recipients to the errors that refuse them.
	RcptErr map[string]*smtp.SMTPError
	// Before, if set, is called before the server replies in stage auth, mail, rcpt or data (after the whole message has arrived). It
	// may block; ctx ends when the server closes.
	Before func(ctx context.Context, stage site.Stage)
}

// Message is a message that the server accepted.
type Message struct {
	From string
	To   []string
	// Data is the message as received, with CRLF line endings and without dot-stuffing.
	Data []byte
	// QueueID is its ID in the server's reply.
	QueueID string
	// ReceivedAt is when its last line was received.
	ReceivedAt time.Time
	// TLS is true if the connection was encrypted. User is the username of the login, or empty.
	TLS  bool
	User string
	// HELOName is the client's name in EHLO.
	HELOName string
	// Size is the size that the client announced in MAIL (RFC 1870), UTF8 whether it requested SMTPUTF8 (RFC 6531).
	Size int64
	UTF8 bool
}

// Login is an attempt to log in, successful or not.
type Login struct {
	User     string
	Password secret.Text
}

// Counters are counts since the server started: connections, attempted logins and accepted messages.
type Counters struct {
	Connections, Logins, Messages int
}

// Server is a running SMTP server.
type Server struct {
	mechanisms []string
	checkToken func(user string, token secret.Text) error
	ca         *CA
	listener   *listener
	smtp       *smtp.Server
	served     chan struct{}
	// running ends when the server closes.
	running context.Context
	stop    context.CancelFunc
	taken   func(Message)

	mu     sync.Mutex
	users  map[string]secret.Text
	faults Faults
	logins []Login
	inbox  []Message
}

// New starts a server; the caller closes it.
func New(c Config) (*Server, error) {
	s := &Server{
		mechanisms: c.Mechanisms,
		checkToken: c.CheckToken,
		ca:         c.CA,
		users:      maps.Clone(c.Users),
		faults:     c.Faults,
		served:     make(chan struct{}),
		taken:      c.Taken,
	}
	if s.mechanisms == nil && (len(c.Users) > 0 || c.CheckToken == nil) {
		s.mechanisms = []string{sasl.Plain, sasl.Login}
	}
	if c.Mechanisms == nil && c.CheckToken != nil {
		s.mechanisms = append(s.mechanisms, xoauth2, sasl.OAuthBearer)
	}
	if s.users == nil {
		s.users = map[string]secret.Text{}
	}
	config, err := s.tlsConfig(c)
	if err != nil {
		return nil, err
	}
	if s.listener, err = listen(c.Listener, cmp.Or(c.Address, "127.0.0.1:0")); err != nil {
		return nil, err
	}
	s.running, s.stop = context.WithCancel(context.Background())
	s.smtp = newSMTP(s, c)
	listener := netutil.LimitListener(s.listener, maxConnections)
	switch c.Encryption {
	case site.TLS:
		listener = tls.NewListener(listener, config)
	case site.NoEncryption:
	default:
		s.smtp.TLSConfig = config
	}
	go func() {
		defer close(s.served)
		// It ends when Close closes the listener.
		_ = s.smtp.Serve(listener)
	}()
	return s, nil
}

// newSMTP sets every limit, because go-smtp has none by default.
func newSMTP(s *Server, c Config) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(s.newSession))
	server.Domain = "localhost"
	server.ReadTimeout = 2 * time.Minute
	server.WriteTimeout = 30 * time.Second
	server.MaxMessageBytes = cmp.Or(c.MaxMessageBytes, 1<<20)
	server.MaxRecipients = 10
	server.EnableSMTPUTF8 = true
	// The maximum for AUTH (RFC 4954 section 4): with a token, a line exceeds go-smtp's default of 2,000.
	server.MaxLineLength = 12288
	server.AllowInsecureAuth = c.Encryption == site.NoEncryption
	server.ErrorLog = log.New(io.Discard, "", 0)
	return server
}

func (s *Server) tlsConfig(c Config) (*tls.Config, error) {
	if s.ca == nil {
		var err error
		if s.ca, err = NewCA(); err != nil {
			return nil, err
		}
	}
	certificate, err := s.ca.Issue(c.Leaf)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
}

// Close stops the server, closes its connections and waits until their sessions have ended, but not for a hook that ignores its
// context.
func (s *Server) Close() error {
	s.stop()
	err := s.listener.Close()
	<-s.served
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if shutdown := s.smtp.Shutdown(ctx); errors.Is(shutdown, context.DeadlineExceeded) {
		return shutdown
	}
	return err
}

// Host returns the IP address that the server listens on.
func (s *Server) Host() string { return s.listener.address().IP.String() }

// Port returns the TCP port that the server listens on.
func (s *Server) Port() int { return s.listener.address().Port }

// RootCAs returns a pool with the authority that issued the server's certificate.
func (s *Server) RootCAs() *x509.CertPool { return s.ca.RootCAs() }

// CAPEM returns that authority's certificate (PEM).
func (s *Server) CAPEM() []byte { return s.ca.PEM() }

// SetFaults replaces the faults.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// SetUser adds a user or changes its password.
func (s *Server) SetUser(name string, password secret.Text) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[name] = password
}

// Messages returns the messages accepted so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.inbox)
}

// Logins returns the logins attempted so far, in order.
func (s *Server) Logins() []Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logins)
}

// Counters returns the current counts.
func (s *Server) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Counters{Connections: s.listener.connections(), Logins: len(s.logins), Messages: len(s.inbox)}
}
