package imaptest

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// session is the session of one client.
type session struct {
	imapserver.Session
	server *Server
}

func (s *Server) newSession(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &session{s.memory.NewSession(), s}, &imapserver.GreetingData{}, nil
}

func (s *session) Login(username, password string) error {
	server := s.server
	server.mu.Lock()
	server.seen.Logins++
	refusal, limit, clients := server.faults.Login, server.faults.MostConnections, len(server.conns)
	server.mu.Unlock()
	switch {
	case refusal != nil:
		return refusal
	case limit > 0 && clients > limit:
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeLimit, Text: "Maximum number of connections exceeded"}
	case server.config.TokensOnly:
		return &imap.Error{Type: imap.StatusResponseTypeNo, Text: "LOGIN failed."} // Microsoft's wording
	}
	return s.Session.Login(username, password)
}

// AuthenticateMechanisms implements [imapserver.SessionSASL].
func (s *session) AuthenticateMechanisms() []string {
	var mechanisms []string
	if !s.server.config.TokensOnly {
		mechanisms = append(mechanisms, sasl.Plain)
	}
	if s.server.config.CheckToken != nil {
		mechanisms = append(mechanisms, cmp.Or(s.server.config.TokenMechanism, "XOAUTH2"))
	}
	return mechanisms
}

// Authenticate implements [imapserver.SessionSASL].
func (s *session) Authenticate(mechanism string) (sasl.Server, error) {
	server := s.server
	switch {
	case !slices.Contains(s.AuthenticateMechanisms(), mechanism):
		return nil, &imap.Error{Type: imap.StatusResponseTypeNo, Text: "SASL mechanism not supported"}
	case mechanism == sasl.Plain:
		return sasl.NewPlainServer(func(_, username, password string) error { return s.Login(username, password) }), nil
	}
	return smtptest.NewTokenServer(mechanism, func(user, token string) error {
		server.mu.Lock()
		server.seen.Logins++
		server.mu.Unlock()
		if err := server.config.CheckToken(user, secret.New(token)); err != nil {
			return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeAuthenticationFailed, Text: "AUTHENTICATE failed."}
		}
		return s.Session.Login(server.config.Username, server.config.Password.Reveal())
	}), nil
}

// List adds the special use of folders, which the in-memory server does not support.
func (s *session) List(w *imapserver.ListWriter, _ string, patterns []string, _ *imap.ListOptions) error {
	if len(patterns) != 1 || patterns[0] != "*" {
		return fmt.Errorf("the server lists all folders only, not %q", patterns)
	}
	if err := w.WriteList(&imap.ListData{Mailbox: "INBOX", Delim: '/'}); err != nil {
		return err
	}
	for name, use := range s.server.config.Folders {
		data := &imap.ListData{Mailbox: name, Delim: '/'}
		if !s.server.config.NoMarks && use != "" {
			data.Attrs = []imap.MailboxAttr{use}
		}
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) changed(what string) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.seen.Changes = append(s.server.seen.Changes, what)
}

func (s *session) Select(mailbox string, options *imap.SelectOptions) (*imap.SelectData, error) {
	if !options.ReadOnly {
		s.changed("SELECT " + mailbox)
	}
	return s.Session.Select(mailbox, options)
}

func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	for _, section := range options.BodySection {
		if !section.Peek {
			s.changed("FETCH without PEEK")
		}
		if section.Specifier != imap.PartSpecifierHeader {
			s.changed("FETCH of more than headers")
		}
	}
	return s.Session.Fetch(w, set, options)
}

func (s *session) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, options *imap.StoreOptions) error {
	s.changed("STORE")
	return s.Session.Store(w, set, flags, options)
}

func (s *session) Expunge(w *imapserver.ExpungeWriter, uids *imap.UIDSet) error {
	s.changed("EXPUNGE")
	return s.Session.Expunge(w, uids)
}

func (s *session) Append(mailbox string, r imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	s.changed("APPEND")
	return s.Session.Append(mailbox, r, options)
}

func (s *session) Create(mailbox string, options *imap.CreateOptions) error {
	s.changed("CREATE " + mailbox)
	return s.Session.Create(mailbox, options)
}

// counting counts connections, and injects the faults.
type counting struct {
	net.Listener
	server *Server
}

func (l *counting) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	s := l.server
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &counted{Conn: conn, server: s, faults: s.faults}
	s.conns[c] = true
	s.seen.Connections++
	s.seen.MostAtOnce = max(s.seen.MostAtOnce, len(s.conns))
	return c, nil
}

type counted struct {
	net.Conn
	server *Server
	faults Faults
}

func (c *counted) Close() error {
	c.server.mu.Lock()
	delete(c.server.conns, c)
	c.server.mu.Unlock()
	return c.Conn.Close()
}

func (c *counted) Write(b []byte) (int, error) {
	if c.faults.Deaf {
		return len(b), nil
	}
	if c.faults.Flood && strings.Contains(string(b), "FETCH") {
		junk := []byte("* OK " + strings.Repeat("more ", 200) + "\r\n")
		for {
			if _, err := c.Conn.Write(junk); err != nil {
				return 0, err
			}
		}
	}
	return c.Conn.Write(b)
}
