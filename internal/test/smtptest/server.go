// Package smtptest is a real SMTP server to send to, for tests and the demo: STARTTLS or implicit TLS, AUTH PLAIN and
// LOGIN, limits, faults by field, an inbox. For what no proper server does there is [Script].
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

// maxConnections is how many clients a server serves at once; more wait.
const maxConnections = 100

// Config says what kind of server to start. The zero Config is one on a free port of 127.0.0.1 with STARTTLS and
// without login.
type Config struct {
	// Address to listen on; empty means 127.0.0.1:0.
	Address string
	// Listener is one to take instead, which has a TCP address; the server closes it.
	Listener net.Listener
	// Encryption that the server speaks; empty means STARTTLS. With site.NoEncryption a login is taken in clear text.
	Encryption site.Encryption
	// CA signs the server's certificate; nil means a new one.
	CA *CA
	// Leaf is the server's certificate; the zero Leaf fits localhost.
	Leaf Leaf
	// Users are the logins with their passwords; with none the server offers no AUTH and wants none.
	Users map[string]secret.Text
	// CheckToken, when set, says whose mailbox an access token opens: it returns nil for a token that is good for the user.
	// A login by XOAUTH2 or OAUTHBEARER is then taken, and offered beside PLAIN and LOGIN only where there are Users.
	CheckToken func(user string, token secret.Text) error
	// Mechanisms to offer for login; nil means all that can succeed.
	Mechanisms []string
	// MaxMessageBytes is the announced and enforced SIZE; 0 means 1 MiB.
	MaxMessageBytes int64
	// Faults are those to start with.
	Faults Faults
	// Taken, when set, is called with each message before the server answers that it took it.
	Taken func(Message)
}

// Faults make the server misbehave; the zero Faults do nothing.
type Faults struct {
	// AuthErr, MailErr and DataErr refuse every login, sender and message.
	AuthErr, MailErr, DataErr *smtp.SMTPError
	// RcptErr refuses the recipients that are its keys.
	RcptErr map[string]*smtp.SMTPError
	// Before, when set, is called before the server answers in stage auth, mail, rcpt or data (there after the whole
	// message came in). It may block; ctx ends when the server closes.
	Before func(ctx context.Context, stage site.Stage)
}

// Message is one message that the server took.
type Message struct {
	From string
	To   []string
	// Data is the message as it came, with CRLF line ends and without dot-stuffing.
	Data []byte
	// QueueID is what the server's reply called it.
	QueueID string
	// ReceivedAt is when its last line had come.
	ReceivedAt time.Time
	// TLS tells whether the connection was encrypted; User is who had logged in, empty for nobody.
	TLS  bool
	User string
	// HELOName is what the client called itself.
	HELOName string
	// Size is what the client announced in MAIL (RFC 1870), UTF8 whether it asked for SMTPUTF8 (RFC 6531).
	Size int64
	UTF8 bool
}

// Login is one try to log in, right or wrong.
type Login struct {
	User     string
	Password secret.Text
}

// Counters count since the start of the server: connections taken, logins tried (passed or not), messages taken.
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
		// It ends with the listener, and Close knows.
		_ = s.smtp.Serve(listener)
	}()
	return s, nil
}

// newSMTP sets every limit: go-smtp has none by itself.
func newSMTP(s *Server, c Config) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(s.newSession))
	server.Domain = "localhost"
	server.ReadTimeout = 2 * time.Minute
	server.WriteTimeout = 30 * time.Second
	server.MaxMessageBytes = cmp.Or(c.MaxMessageBytes, 1<<20)
	server.MaxRecipients = 10
	server.EnableSMTPUTF8 = true
	// The longest line of AUTH (RFC 4954 section 4): a token makes it longer than go-smtp's 2,000.
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

// Close stops the server, hangs up on its clients and waits until their sessions have ended, a hook that ignores its
// context aside.
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

// Host is the IP address that the server listens on.
func (s *Server) Host() string { return s.listener.address().IP.String() }

// Port is the TCP port that the server listens on.
func (s *Server) Port() int { return s.listener.address().Port }

// RootCAs holds the authority that signed the server's certificate.
func (s *Server) RootCAs() *x509.CertPool { return s.ca.RootCAs() }

// CAPEM is the same authority's certificate in PEM.
func (s *Server) CAPEM() []byte { return s.ca.PEM() }

// SetFaults replaces the faults.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// SetUser adds a login or changes its password.
func (s *Server) SetUser(name string, password secret.Text) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[name] = password
}

// Messages are those taken so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.inbox)
}

// Logins are those tried so far, in order.
func (s *Server) Logins() []Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logins)
}

// Counters returns the present counts.
func (s *Server) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Counters{Connections: s.listener.connections(), Logins: len(s.logins), Messages: len(s.inbox)}
}
