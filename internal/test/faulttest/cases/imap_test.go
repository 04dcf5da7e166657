package cases_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/faulttest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/imaptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

const (
	inboxName     = "imap.example.test"
	inboxPassword = "canary-of-the-inbox"
	inboxAt       = inboxName + ":993"
	behindInbox   = "127.0.0.1:143"
	// inboxWait is how long to wait for a message.
	inboxWait = 10 * time.Second
)

// TestIMAP makes the test inbox's server fail at each step: nothing is saved, the run ends, and the next run without a fault converges.
func TestIMAP(t *testing.T) {
	cases := faulttest.IMAPFaults()
	if len(cases) != 72 {
		t.Fatalf("got %d cases, want 72", len(cases))
	}
	for _, fault := range soaktest.Draw(t, cases, func(f faulttest.IMAPFault) bool { return f.Name == "HugeLiteral" || f.Name == "Refused" }) {
		t.Run(fault.At+"/"+fault.Row+"_"+fault.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { runIMAP(t, fault) })
		})
	}
}

func runIMAP(t *testing.T, fault faulttest.IMAPFault) {
	w, inbox := newInboxTestbed(t)
	wanted := w.configuration(siteKey, arguments{"test": arguments{"require": "delivered", "wait": inboxWait.String()}})
	wanted.provider["test_inbox"] = arguments{
		"host": inboxName, "username": recipient, "password": inboxPassword, "ca_certificate": string(inbox.CAPEM()),
	}
	before := w.held()
	inbox.Break(&fault)
	start := time.Now()
	got := w.apply(wanted)
	took := time.Since(start)
	inbox.Break(nil)
	w.checkCalls(w.proxy.Calls(), 1)

	if len(got.errors) != 1 {
		t.Fatalf("got %d errors, want 1: %s", len(got.errors), told(got.errors))
	}
	d, sent := got.errors[0], 0
	says := "the test inbox cannot be read, and nothing is saved"
	if fault.Sent {
		sent, says = 1, "the test message was accepted, but the test inbox could not be read"
	}
	if d.Summary != "The test inbox cannot be read" || !strings.Contains(d.Detail, says) || !strings.Contains(d.Detail, string(fault.Shortfall)) {
		t.Errorf("want %s: %s", fault.Shortfall, told(got.errors))
	}
	if strings.ContainsAny(d.Detail, "\x1b\x00\r") || strings.Contains(d.Detail, inboxPassword) {
		t.Errorf("the error holds control characters or the password: %q", d.Detail)
	}
	if n := w.messages(); n != sent {
		t.Errorf("%d messages were sent, want %d", n, sent)
	}
	if now := w.held(); now.Revision != before.Revision || now.Enabled {
		t.Errorf("I7: the site holds %+v", now)
	}
	// A round takes at most half a minute, and a round that began in time is finished.
	if took > inboxWait+40*time.Second {
		t.Errorf("the run took %s", took)
	}
	if n := inbox.Flooded(); n > 20<<20 {
		t.Errorf("the provider read %d bytes", n)
	}
	w.converge(wanted, got, sent)
	w.checkSecrets()
}

// newInboxTestbed is a testbed whose messages go into a mailbox behind a proxy.
func newInboxTestbed(t *testing.T) (*testbed, *faulttest.IMAP) {
	var server *imaptest.Server
	w := newTestbed(t, build{taken: func(m smtptest.Message) {
		if err := server.Deliver("INBOX", m.Data); err != nil {
			t.Error(err)
		}
	}})
	var err error
	server, err = imaptest.New(imaptest.Config{
		Listener: w.listen(behindInbox), Encryption: site.NoEncryption, Username: recipient, Password: secret.New(inboxPassword),
	})
	w.require(err)
	t.Cleanup(func() { w.require(server.Close()) })
	inbox, err := faulttest.NewIMAP(w.listen(inboxAt), inboxName, w.dialing(behindInbox))
	w.require(err)
	t.Cleanup(inbox.Close)
	return w, inbox
}
