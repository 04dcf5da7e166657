//go:build receiver

package inbox_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/inbox"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/receivertest"
)

// TestGenuineDovecot watches a mailbox of Dovecot's over 300 tests, ten at a time, over one connection.
func TestGenuineDovecot(t *testing.T) {
	d := receivertest.StartDovecot(t)
	open := func(password string) *inbox.Mailbox {
		return inbox.New(inbox.Config{
			Host: "127.0.0.1", Port: d.IMAP, Encryption: site.NoEncryption, Username: "ops", Password: secret.New(password), Receiver: receiver,
		})
	}
	if _, err := open("wrong").Watch(t.Context(), sender, recipient); shortfallOf(err) != site.InboxLogin {
		t.Errorf("wrong password: got %v", err)
	}
	mailbox, began := open(receivertest.Password), time.Now()
	turns := make(chan struct{}, 10)
	var all sync.WaitGroup
	for i := range 300 {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			own := fmt.Sprintf("%04d-0123456789abcdef@client.example", i)
			watch, err := mailbox.Watch(t.Context(), sender, recipient)
			if err != nil {
				t.Error(err)
				return
			}
			defer watch.Close()
			if err := d.Deliver("ops", message(own, "Authentication-Results: "+receiver+"; dmarc=pass header.from=client.example")); err != nil {
				t.Error(err)
				return
			}
			arrival, err := watch.Find(t.Context(), accepted(own, "Ok"), time.Minute)
			if err != nil || arrival.Place != site.PlaceInbox || arrival.DMARC.Result != "pass" || arrival.FoundBy != "message_id" {
				t.Errorf("message %d: got %+v, %v", i, arrival, err)
			}
		})
	}
	all.Wait()
	t.Logf("300 tests, ten at a time: %s", time.Since(began))
	if unread, err := filepath.Glob(filepath.Join(d.Dir, "mail", "ops", "new", "*")); err != nil || len(unread) != 300 {
		t.Errorf("%d messages are still unread, want all: %v", len(unread), err)
	}
}
