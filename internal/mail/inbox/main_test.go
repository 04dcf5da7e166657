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

// fixture is a mailbox and a server that has it in memory, in a bubble of testing/synctest, where time passes only while all wait.
type fixture struct {
	*testing.T
	server  *imaptest.Server
	mailbox *inbox.Mailbox
	config  inbox.Config
}

// withMailbox runs test in a fixture of its own.
func withMailbox(t *testing.T, c imaptest.Config, test func(f *fixture)) {
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
		f := &fixture{T: t, server: server, config: inbox.Config{
			Host: "imap.agency.example", Port: 993, Encryption: site.TLS, Username: recipient, Password: secret.New(password),
			Receiver: receiver, RootCAs: ca.RootCAs(), DialContext: network.DialContext,
		}}
		if c.Encryption != "" {
			f.config.Encryption = c.Encryption
		}
		f.mailbox = inbox.New(f.config)
		defer func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		}()
		test(f)
		if changes := server.Seen().Changes; len(changes) > 0 {
			t.Errorf("the mailbox was changed: %v", changes)
		}
	})
}

func (f *fixture) watch() site.Watch {
	f.Helper()
	watch, err := f.mailbox.Watch(f.Context(), sender, recipient)
	if err != nil {
		f.Fatal(err)
	}
	return watch
}

func (f *fixture) deliver(folder, message string) {
	f.Helper()
	if err := f.server.Deliver(folder, []byte(message)); err != nil {
		f.Error(err)
	}
}

// find looks for a minute.
func (f *fixture) find(watch site.Watch, accepted site.TestResult) (site.Arrival, error) {
	defer watch.Close()
	return watch.Find(f.Context(), accepted, time.Minute)
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
