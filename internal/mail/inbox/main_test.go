package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/inbox"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/imaptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	sender    = "shop@client.example"
	recipient = "ops@agency.example"
	password  = "correct horse battery"
	receiver  = "mx.agency.example"
	address   = "imap.agency.example:993"
)

// world is a mailbox in memory, in a bubble where time stands still unless everybody waits.
type world struct {
	*testing.T
	server  *imaptest.Server
	mailbox *inbox.Mailbox
	config  inbox.Config
}

// inBubble runs test in a world of its own.
func inBubble(t *testing.T, c imaptest.Config, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ca, err := smtptest.NewCA() // here, for the time of its certificates is that of the bubble
		if err != nil {
			t.Fatal(err)
		}
		var network adminapitest.Network
		c.Listener = network.Listen(address)
		c.CA, c.Leaf = ca, smtptest.Leaf{Names: []string{"imap.agency.example"}}
		c.Username, c.Password = recipient, secret.New(password)
		server, err := imaptest.New(c)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{T: t, server: server, config: inbox.Config{
			Host: "imap.agency.example", Port: 993, Encryption: site.TLS, Username: recipient, Password: secret.New(password),
			Receiver: receiver, RootCAs: ca.RootCAs(), DialContext: network.DialContext,
		}}
		if c.Encryption != "" {
			w.config.Encryption = c.Encryption
		}
		w.mailbox = inbox.New(w.config)
		defer func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(w)
		if changes := server.Seen().Changes; len(changes) > 0 {
			t.Errorf("the mailbox was changed: %v", changes)
		}
	})
}

func (w *world) watch() site.Watch {
	w.Helper()
	watch, err := w.mailbox.Watch(w.Context(), sender, recipient)
	if err != nil {
		w.Fatal(err)
	}
	return watch
}

func (w *world) deliver(folder, message string) {
	w.Helper()
	if err := w.server.Deliver(folder, []byte(message)); err != nil {
		w.Error(err)
	}
}

// find looks for a minute.
func (w *world) find(watch site.Watch, accepted site.TestResult) (site.Arrival, error) {
	defer watch.Close()
	return watch.Find(w.Context(), accepted, time.Minute)
}

// message is one as it arrives, with more header fields above its own.
func message(id string, fields ...string) string {
	return strings.Join(append(fields,
		"Message-ID: <"+id+">", "From: Shop <"+sender+">", "To: "+recipient, "Subject: Test message", "", "It works.", ""), "\r\n")
}

// accepted is the result of a test whose message has that id.
func accepted(id, reply string) site.TestResult {
	return site.TestResult{
		Status: site.Passed, Stage: site.StageData, MessageID: id, Recipient: recipient,
		Reply: &site.Reply{Code: 250, EnhancedCode: "2.0.0", Text: reply},
	}
}

func shortfallOf(err error) site.Shortfall {
	e := &site.InboxError{}
	if errors.As(err, &e) {
		return e.Shortfall
	}
	return site.Shortfall(fmt.Sprint(err))
}

// refusing is a network on which nothing answers.
func refusing(context.Context, string, string) (net.Conn, error) { return nil, adminapitest.Refused() }
