// Package imaptest is an IMAP server with one mailbox, for tests and the demo: go-imap's in memory, with faults by field. It
// notes whatever would change the mailbox.
package imaptest

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// Config says what kind of server to start. The zero Config is one on a free port of 127.0.0.1 with implicit TLS, whose mailbox
// has the folders INBOX, Junk and Archive.
type Config struct {
	// Address to listen on; empty means 127.0.0.1:0.
	Address string
	// Listener is one to take instead; the server closes it.
	Listener net.Listener
	// Encryption that the server speaks; empty means TLS.
	Encryption site.Encryption
	// CA signs the server's certificate; nil means a new one.
	CA *smtptest.CA
	// Leaf is the server's certificate; the zero Leaf fits localhost.
	Leaf     smtptest.Leaf
	Username string
	Password secret.Text
	// CheckToken, when set, has the server take tokens too: it returns nil for one that is good for a user.
	CheckToken func(user string, token secret.Text) error
	// TokensOnly: the server takes no password.
	TokensOnly bool
	// TokenMechanism is that of the login with a token; empty means XOAUTH2.
	TokenMechanism string
	// Folders beside INBOX, with their special use (RFC 6154); nil means Junk and Archive, marked as such.
	Folders map[string]imap.MailboxAttr
	// NoMarks: the server does not say what its folders are for.
	NoMarks bool
}

// Server is a running IMAP server.
type Server struct {
	config   Config
	ca       *smtptest.CA
	listener net.Listener
	imap     *imapserver.Server
	served   chan struct{}

	mu     sync.Mutex
	memory *imapmemserver.Server
	user   *imapmemserver.User
	conns  map[net.Conn]bool
	// renumbered counts how often the mailbox was set up.
	renumbered int
	seen       Seen
	faults     Faults
}

// Seen is what clients did since the start of the server.
type Seen struct {
	Connections, MostAtOnce, Logins int
	// Changes names each command that changes the mailbox, or opens it for that.
	Changes []string
}

// Faults make the server misbehave; the zero Faults do nothing.
type Faults struct {
	// Login refuses each login.
	Login *imap.Error
	// MostConnections is how many clients may be logged in at once; 0 is no limit. One more is refused with LIMIT.
	MostConnections int
	// Deaf: the server takes connections and says nothing.
	Deaf bool
	// Flood: every header is followed by ever more.
	Flood bool
}

// New starts a server; the caller closes it.
func New(c Config) (*Server, error) {
	s := &Server{config: c, ca: c.CA, served: make(chan struct{}), conns: map[net.Conn]bool{}}
	if c.Folders == nil {
		s.config.Folders = map[string]imap.MailboxAttr{"Junk": imap.MailboxAttrJunk, "Archive": imap.MailboxAttrArchive}
	}
	if err := s.Renumber(); err != nil {
		return nil, err
	}
	var err error
	if s.ca == nil {
		if s.ca, err = smtptest.NewCA(); err != nil {
			return nil, err
		}
	}
	certificate, err := s.ca.Issue(c.Leaf)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if s.listener = c.Listener; s.listener == nil {
		if s.listener, err = net.Listen("tcp", cmp.Or(c.Address, "127.0.0.1:0")); err != nil {
			return nil, err
		}
	}
	options := &imapserver.Options{
		NewSession:   s.newSession,
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapSpecialUse: {}, imap.CapListExtended: {}, imap.CapUnselect: {}},
		Logger:       log.New(io.Discard, "", 0),
		InsecureAuth: c.Encryption == site.NoEncryption,
	}
	var listener net.Listener = &counting{Listener: s.listener, server: s}
	switch c.Encryption {
	case site.STARTTLS:
		options.TLSConfig = config
	case site.NoEncryption:
	default:
		listener = tls.NewListener(listener, config)
	}
	s.imap = imapserver.New(options)
	go func() {
		defer close(s.served)
		_ = s.imap.Serve(listener) // it ends with the listener, and Close knows
	}()
	return s, nil
}

// Renumber empties the mailbox, and gives its folders new validities: numbers of messages from before mean nothing.
func (s *Server) Renumber() error {
	user := imapmemserver.NewUser(s.config.Username, s.config.Password.Reveal())
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{"INBOX"}
	for name := range s.config.Folders {
		names = append(names, name)
	}
	slices.Sort(names)
	for range s.renumbered * (len(names) + 1) { // validities count up
		if err := errors.Join(user.Create("unused", nil), user.Delete("unused")); err != nil {
			return err
		}
	}
	s.renumbered++
	for _, name := range names {
		if err := user.Create(name, nil); err != nil {
			return err
		}
	}
	s.memory, s.user = imapmemserver.New(), user
	s.memory.AddUser(user)
	return nil
}

// Close stops the server and hangs up on its clients.
func (s *Server) Close() error {
	_ = s.listener.Close()
	<-s.served
	return s.imap.Close()
}

// Port is the port that the server listens on.
func (s *Server) Port() int {
	address, _ := s.listener.Addr().(*net.TCPAddr)
	return address.Port
}

// RootCAs holds the authority of the server's certificate.
func (s *Server) RootCAs() *x509.CertPool { return s.ca.RootCAs() }

// CAPEM is the authority's certificate.
func (s *Server) CAPEM() []byte { return s.ca.PEM() }

// SetFaults replaces the faults.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Deliver puts a message into a folder, as a mail server does.
func (s *Server) Deliver(folder string, message []byte) error {
	s.mu.Lock()
	user := s.user
	s.mu.Unlock()
	_, err := user.Append(folder, literal{bytes.NewReader(message)}, &imap.AppendOptions{})
	return err
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

// Kick hangs up on every client.
func (s *Server) Kick() {
	s.mu.Lock()
	conns := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close()
	}
}

// Seen returns what clients have done so far.
func (s *Server) Seen() Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	seen.Changes = slices.Clone(seen.Changes)
	return seen
}
