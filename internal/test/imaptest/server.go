// Package imaptest is an IMAP server with one mailbox, for tests and the demo: go-imap's in-memory server, with configurable faults. It
// records every command that would change the mailbox.
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

// Config configures a server. The zero Config is a server on a free port of 127.0.0.1 with implicit TLS, whose mailbox has the folders
// INBOX, Junk and Archive.
type Config struct {
	// Address is the address to listen on; empty stands for 127.0.0.1:0.
	Address string
	// Listener is used instead of Address, if set. The server closes it.
	Listener net.Listener
	// Encryption is the server's encryption; empty stands for TLS.
	Encryption site.Encryption
	// CA signs the server's certificate; nil means a new one.
	CA *smtptest.CA
	// Leaf is the server's certificate; the zero Leaf fits localhost.
	Leaf     smtptest.Leaf
	Username string
	Password secret.Text
	// CheckToken, if set, makes the server accept tokens too. It returns nil if a token is valid for a user.
	CheckToken func(user string, token secret.Text) error
	// TokensOnly makes the server refuse passwords.
	TokensOnly bool
	// TokenMechanism is the mechanism of the login with a token; empty stands for XOAUTH2.
	TokenMechanism string
	// Folders are the folders besides INBOX, with their special use (RFC 6154); nil stands for Junk and Archive, marked as such.
	Folders map[string]imap.MailboxAttr
	// NoMarks makes the server omit the special use of its folders.
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
	// renumbered counts how often the mailbox was created.
	renumbered int
	seen       Seen
	faults     Faults
}

// Seen is what clients have done since the server started.
type Seen struct {
	Connections, MostAtOnce, Logins int
	// Changes lists each command that changes the mailbox or opens it for writing.
	Changes []string
}

// Faults make the server misbehave; the zero Faults do nothing.
type Faults struct {
	// Login refuses each login.
	Login *imap.Error
	// MostConnections is the maximum number of concurrent clients; more are refused with LIMIT. 0 means no limit.
	MostConnections int
	// Deaf makes the server accept connections but send nothing.
	Deaf bool
	// Flood makes every FETCH response endless.
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
		_ = s.imap.Serve(listener) // ends when Close closes the listener
	}()
	return s, nil
}

// Renumber empties the mailbox and changes the UIDVALIDITY of its folders, so that earlier UIDs are invalid.
func (s *Server) Renumber() error {
	user := imapmemserver.NewUser(s.config.Username, s.config.Password.Reveal())
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{"INBOX"}
	for name := range s.config.Folders {
		names = append(names, name)
	}
	slices.Sort(names)
	for range s.renumbered * (len(names) + 1) { // UIDVALIDITY counts up
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

// Close stops the server and closes its connections.
func (s *Server) Close() error {
	_ = s.listener.Close()
	<-s.served
	return s.imap.Close()
}

// Port returns the port that the server listens on.
func (s *Server) Port() int {
	address, _ := s.listener.Addr().(*net.TCPAddr)
	return address.Port
}

// RootCAs returns a pool with the authority of the server's certificate.
func (s *Server) RootCAs() *x509.CertPool { return s.ca.RootCAs() }

// CAPEM returns the authority's certificate (PEM).
func (s *Server) CAPEM() []byte { return s.ca.PEM() }

// SetFaults replaces the faults.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Deliver puts a message into a folder, like a mail server.
func (s *Server) Deliver(folder string, message []byte) error {
	s.mu.Lock()
	user := s.user
	s.mu.Unlock()
	_, err := user.Append(folder, literal{bytes.NewReader(message)}, &imap.AppendOptions{})
	return err
}

type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

// Kick closes every connection.
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
