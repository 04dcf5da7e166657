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

// Config says which mailbox to read. All but RootCAs, Receiver and DialContext are needed.
type Config struct {
	Host string
	// Port is usually 993 with [site.TLS] and 143 with [site.STARTTLS].
	Port int
	// Encryption is [site.NoEncryption] for a loopback host only.
	Encryption site.Encryption
	Username   string
	Password   secret.Text
	// Token fetches an access token for each login, which is then one by XOAUTH2 or OAUTHBEARER (RFC 7628) instead of by Password.
	// Its errors are of package oauth.
	Token func(ctx context.Context) (secret.Text, error)
	// Secrets are what Token sends: they are taken out of errors, as Password and the tokens are.
	Secrets []secret.Text
	// Receiver is the authserv-id under which the receiving server reports what it found out about senders (RFC 8601 section
	// 2.5), or the domain that it ends in. Empty means what [ReceiverOf] knows; without either nothing is taken for checked.
	Receiver string
	// RootCAs are trusted instead of the system's; nil for those.
	RootCAs *x509.CertPool
	// DialContext opens the connection; nil for the network of this machine.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Mailbox is a mailbox that any number of tests watch at once. It is connected only while somebody watches.
type Mailbox struct {
	config Config
	// redactor knows the password and the tokens.
	redactor untrusted.Redactor
	// busy is held by whatever uses connection and marks: one round at a time.
	busy       chan struct{}
	connection *connection
	marks      map[string]mark

	mu      sync.Mutex
	watches map[*watch]struct{}
	// started and last count and keep the rounds.
	started int
	last    round
	// arrived are the messages that came since the first of the present watches began.
	arrived []message
	// refused is the end of all: logging in again and again with a wrong password locks accounts out.
	refused *site.InboxError
	// lost are the senders and recipients whose message was not found and may still come.
	lost map[route]bool
}

// round is one look into all watched folders.
type round struct {
	number int
	err    error
}

// route is from whom to whom a message goes.
type route struct{ from, to string }

// New returns a mailbox; nothing is dialled yet.
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

// refresh waits for a round after the one of that number, and makes it unless somebody else does.
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
	// Not with ctx: others watch over the same connection.
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

// look makes a round.
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

// finish ends a round: where nobody watches any more, the connection too.
func (m *Mailbox) finish(r round) {
	m.mu.Lock()
	m.last = r
	if e, ok := errors.AsType[*site.InboxError](r.err); ok && e.Shortfall == site.InboxLogin {
		m.refused = e
	}
	m.mu.Unlock()
	m.release()
}

// release lets the next one use the connection, which it ends first where nobody watches any more.
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

// explain makes an error fit to be shown.
func (m *Mailbox) explain(err error) error {
	return &site.InboxError{Shortfall: shortfall(err), Message: m.redactor.Brief(err.Error(), maxText)}
}

const (
	// maxText is how much of what the server said is shown.
	maxText = 300
	// roundTimeout bounds one look into the folders, connecting included.
	roundTimeout = 30 * time.Second
)
