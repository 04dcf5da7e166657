package inbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// session is a connection that is logged in.
type session struct {
	conn    *bounded
	client  *imapclient.Client
	folders []folder
}

// connection is the part of a session that rounds need. It holds functions instead of the session: the mailbox is passed in interfaces,
// and the linker keeps every method that is reachable through an interface, which would be the whole IMAP client instead of six commands.
type connection struct {
	round  func(ctx context.Context, marks map[string]mark) ([]message, error)
	sweep  func(ctx context.Context) ([]message, error)
	hangUp func()
}

func (c *connection) close() {
	if c != nil {
		c.hangUp()
	}
}

// open connects, logs in and lists the folders. Its errors name the step that failed.
func open(ctx context.Context, c Config) (*connection, error) {
	dial := c.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	raw, err := dial(ctx, "tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, &stepError{site.InboxConnect, "connecting to the test inbox", err}
	}
	s := &session{conn: &bounded{Conn: raw}}
	stop := s.within(ctx)
	defer stop()
	if err := s.begin(ctx, c); err != nil {
		s.close()
		return nil, err
	}
	return &connection{round: s.round, sweep: s.sweep, hangUp: s.close}, nil
}

// begin prepares the first round.
func (s *session) begin(ctx context.Context, c Config) error {
	config := &tls.Config{ServerName: strings.TrimSuffix(c.Host, "."), RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12}
	switch c.Encryption {
	case site.TLS:
		conn := tls.Client(s.conn, config)
		if err := conn.HandshakeContext(ctx); err != nil {
			return &stepError{site.InboxTLS, "starting TLS with the test inbox", err}
		}
		s.client = imapclient.New(conn, nil)
	case site.STARTTLS:
		client, err := imapclient.NewStartTLS(s.conn, &imapclient.Options{TLSConfig: config})
		if err != nil {
			return &stepError{site.InboxTLS, "starting TLS with the test inbox", err}
		}
		s.client = client
	default:
		s.client = imapclient.New(s.conn, nil)
	}
	if err := s.client.WaitGreeting(); err != nil {
		return &stepError{site.InboxConnect, "waiting for the greeting of the test inbox", err}
	}
	if err := s.login(ctx, c); err != nil {
		return err
	}
	return s.list()
}

// within closes the connection when ctx ends, because go-imap does not support contexts, and resets the count of bytes read.
func (s *session) within(ctx context.Context) (stop func()) {
	s.conn.left.Store(maxRound)
	cancel := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	return func() { cancel() }
}

func (s *session) close() {
	if s.client == nil {
		_ = s.conn.Close()
		return
	}
	// LOGOUT is a courtesy; its response does not matter.
	_ = s.client.Logout()
	_ = s.client.Close()
}

// The limits of one round: bytes, and messages in each folder.
const (
	maxRound    = 16 << 20
	maxMessages = 200
)

// bounded is a connection that limits how much is read.
type bounded struct {
	net.Conn
	left atomic.Int64
}

func (b *bounded) Read(p []byte) (int, error) {
	left := b.left.Load()
	if left <= 0 {
		return 0, errors.New("the server sent more data than allowed")
	}
	n, err := b.Conn.Read(p[:min(int64(len(p)), left)])
	b.left.Add(-int64(n))
	return n, err
}

// stepError says which step failed while the mailbox was opened.
type stepError struct {
	shortfall site.Shortfall
	doing     string
	err       error
}

func (e *stepError) Error() string { return fmt.Sprintf("%s: %v", e.doing, e.err) }
func (e *stepError) Unwrap() error { return e.err }

// shortfall classifies an error of a session.
func shortfall(err error) site.Shortfall {
	refusal, refused := errors.AsType[*imap.Error](err)
	step, _ := errors.AsType[*stepError](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case refused && (refusal.Code == imap.ResponseCodeLimit || refusal.Code == imap.ResponseCodeInUse):
		return site.InboxLimit
	case refused && refusal.Code == imap.ResponseCodeUnavailable:
		return site.InboxConnect
	case certificate:
		return site.InboxTLS
	case step == nil:
		return site.InboxConnect
	case step.shortfall == site.InboxLogin && !refused && !isRefusal(err):
		return site.InboxConnect // The connection broke during the login.
	}
	return step.shortfall
}
