// Package inbox finds out where a test message arrived: it reads one IMAP mailbox (RFC 3501, RFC 9051) over one shared
// connection, and never writes to it. Folders are opened with EXAMINE and headers fetched with BODY.PEEK, so that no message is
// marked as read; bodies are not fetched at all.
package inbox

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// Config says which mailbox to read. RootCAs, Receiver and DialContext are optional.
type Config struct {
	Host string
	// Port is usually 993 with [site.TLS] and 143 with [site.STARTTLS].
	Port int
	// Encryption is [site.NoEncryption] for a loopback host only.
	Encryption site.Encryption
	Username   string
	Password   secret.Text
	// Token fetches an access token for each login. The login is then XOAUTH2 or OAUTHBEARER (RFC 7628), and Password is not used.
	// Its errors are of package oauth.
	Token func(ctx context.Context) (secret.Text, error)
	// Secrets are the secrets that Token sends. They are redacted from errors, as are Password and the tokens.
	Secrets []secret.Text
	// Receiver is the authserv-id under which the receiving server reports its checks of senders (RFC 8601 section
	// 2.5), or the domain that it ends in. If it is empty, [ReceiverOf] is asked; if that knows none, no message counts as checked.
	Receiver string
	// RootCAs are trusted instead of the system's; nil for those.
	RootCAs *x509.CertPool
	// DialContext opens the connection; nil for the network of this machine.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Mailbox is a mailbox that any number of tests can watch at the same time. It is connected only while one of them does.
type Mailbox struct {
	config Config
	// redactor knows the password and the tokens.
	redactor untrusted.Redactor
	// busy is held by the round that uses connection and marks; there is one at a time.
	busy       chan struct{}
	connection *connection
	marks      map[string]mark

	mu      sync.Mutex
	watches map[*watch]struct{}
	// started counts the rounds; last is the latest one.
	started int
	last    round
	// arrived holds the messages that arrived since the first of the current watches began.
	arrived []message
	// refused ends all watches: repeated logins with a wrong password lock accounts.
	refused *site.InboxError
	// lost holds the senders and recipients whose message was not found and may still arrive.
	lost map[route]bool
}

// round is one reading of all watched folders.
type round struct {
	number int
	err    error
}

// route is the sender and the recipient of a message.
type route struct{ from, to string }

// New returns a mailbox. It does not connect.
func New(c Config) *Mailbox {
	m := &Mailbox{
		config:  c,
		busy:    make(chan struct{}, 1),
		marks:   map[string]mark{},
		watches: map[*watch]struct{}{},
		lost:    map[route]bool{},
	}
	m.redactor.Add(append(c.Secrets, c.Password)...)
	if c.Token != nil {
		m.config.Token = func(ctx context.Context) (secret.Text, error) {
			token, err := c.Token(ctx)
			m.redactor.Add(token)
			return token, err
		}
	}
	return m
}

var _ site.Inbox = (*Mailbox)(nil)

// Watch implements [site.Inbox]. The first watch connects and logs in.
func (m *Mailbox) Watch(ctx context.Context, from, recipient string) (site.Watch, error) {
	w := &watch{mailbox: m, route: route{normal(from), normal(recipient)}}
	m.mu.Lock()
	seen := m.started
	for other := range m.watches {
		if other.route == w.route {
			other.shared, w.shared = true, true
		}
	}
	w.shared = w.shared || m.lost[w.route]
	m.watches[w] = struct{}{}
	m.mu.Unlock()

	if _, err := m.refresh(ctx, seen); err != nil {
		w.Close()
		return nil, err
	}
	m.mu.Lock()
	w.from = len(m.arrived)
	m.mu.Unlock()
	return w, nil
}

// refresh waits for a round later than the one with that number, and runs it unless another watch does.
func (m *Mailbox) refresh(ctx context.Context, seen int) (number int, err error) {
	select {
	case m.busy <- struct{}{}:
	case <-ctx.Done():
		return seen, ctx.Err()
	}
	m.mu.Lock()
	last, refused := m.last, m.refused
	if last.number <= seen && refused == nil {
		m.started++
	}
	number = m.started
	m.mu.Unlock()
	switch {
	case refused != nil:
		<-m.busy
		return number, refused
	case last.number > seen:
		<-m.busy
		return last.number, last.err
	}
	// Not with ctx, because other watches use the same connection.
	made := make(chan error, 1)
	go func() {
		err := m.look()
		m.finish(round{number, err})
		made <- err
	}()
	select {
	case err := <-made:
		return number, err
	case <-ctx.Done():
		return number, ctx.Err()
	}
}

// look runs a round.
func (m *Mailbox) look() error {
	ctx, cancel := context.WithTimeout(context.Background(), roundTimeout)
	defer cancel()
	var err error
	if m.connection == nil {
		if m.connection, err = open(ctx, m.config); err != nil {
			return m.explain(err)
		}
	}
	arrived, err := m.connection.round(ctx, m.marks)
	if err != nil {
		m.connection.close()
		m.connection = nil
		return m.explain(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.arrived = append(m.arrived, arrived...)
	return nil
}

// finish ends a round and, if nothing is watched any more, the connection.
func (m *Mailbox) finish(r round) {
	m.mu.Lock()
	m.last = r
	if e, ok := errors.AsType[*site.InboxError](r.err); ok && e.Shortfall == site.InboxLogin {
		m.refused = e
	}
	m.mu.Unlock()
	m.release()
}

// release passes the connection on to the next round; if nothing is watched any more, it closes it.
func (m *Mailbox) release() {
	m.mu.Lock()
	unwatched := len(m.watches) == 0
	if unwatched {
		m.arrived = nil
	}
	m.mu.Unlock()
	if unwatched {
		m.connection.close()
		m.connection = nil
		clear(m.marks)
	}
	<-m.busy
}

// explain cleans and redacts an error for use in messages.
func (m *Mailbox) explain(err error) error {
	return &site.InboxError{Shortfall: shortfall(err), Message: m.redactor.Brief(err.Error(), maxText)}
}

const (
	// maxText limits how much of a server's reply is shown.
	maxText = 300
	// roundTimeout limits one round, including the connection.
	roundTimeout = 30 * time.Second
)
