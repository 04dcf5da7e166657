//go:build receiver

package inbox_test

import (
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/inbox"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// dovecotConfig is for Dovecot 2.3 as Debian packages it (dovecot-imapd, dovecot-lmtpd). %[1]s is a folder, the rest are ports.
const dovecotConfig = `protocols = imap lmtp
listen = 127.0.0.1
base_dir = %[1]s/run
log_path = %[1]s/log
ssl = no
disable_plaintext_auth = no
mail_location = maildir:%[1]s/mail/%%n
first_valid_uid = 1
passdb {
  driver = static
  args = password=secretpass
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=%[1]s/mail/%%n
}
service imap-login {
  inet_listener imap {
    port = %[2]d
  }
  inet_listener imaps {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = %[3]d
  }
}
namespace inbox {
  inbox = yes
  mailbox Junk {
    auto = create
    special_use = \Junk
  }
}
`

// dovecot is a genuine one, which root starts.
type dovecot struct {
	*testing.T
	dir        string
	imap, lmtp int
}

func startDovecot(t *testing.T) dovecot {
	t.Helper()
	d := dovecot{T: t, dir: t.TempDir(), imap: freePort(t), lmtp: freePort(t)}
	config := filepath.Join(d.dir, "dovecot.conf")
	mail := filepath.Join(d.dir, "mail")
	// Each folder above is for the owner of its test alone, and Dovecot works as nobody.
	err := errors.Join(os.WriteFile(config, fmt.Appendf(nil, dovecotConfig, d.dir, d.imap, d.lmtp), 0o644), os.Mkdir(mail, 0o777), os.Chmod(mail, 0o777), //nolint:gosec // see above
		os.Chmod(d.dir, 0o755), os.Chmod(filepath.Dir(d.dir), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	// It goes into the background, and would keep a pipe open.
	if err := exec.CommandContext(t.Context(), "dovecot", "-c", config).Run(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("doveadm", "-c", config, "stop").CombinedOutput(); err != nil { //nolint:noctx // after the test
			t.Errorf("%v: %s", err, out)
		}
	})
	return d
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	number, _ := strconv.Atoi(port)
	return number
}

func (d dovecot) mailbox(password string) *inbox.Mailbox {
	return inbox.New(inbox.Config{
		Host: "127.0.0.1", Port: d.imap, Encryption: site.NoEncryption, Username: "ops", Password: secret.New(password), Receiver: receiver,
	})
}

// deliver hands a message over as a mail server does.
func (d dovecot) deliver(message string) error {
	c, err := textproto.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(d.lmtp)))
	if err != nil {
		return err
	}
	defer c.Close()
	if _, _, err := c.ReadResponse(220); err != nil {
		return err
	}
	for _, line := range []struct {
		say  string
		code int
	}{{"LHLO localhost", 250}, {"MAIL FROM:<bounce@client.example>", 250}, {"RCPT TO:<ops>", 250}, {"DATA", 354}, {message + "\r\n.", 250}} {
		if err := c.PrintfLine("%s", line.say); err != nil {
			return err
		}
		if _, _, err := c.ReadResponse(line.code); err != nil {
			return err
		}
	}
	return nil
}

// TestGenuineDovecot watches a mailbox of Dovecot's over 300 tests, ten at a time, over one connection.
func TestGenuineDovecot(t *testing.T) {
	d := startDovecot(t)
	if _, err := d.mailbox("wrong").Watch(t.Context(), sender, recipient); shortfallOf(err) != site.InboxLogin {
		t.Errorf("wrong password: %v", err)
	}
	mailbox, began := d.mailbox("secretpass"), time.Now()
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
			if err := d.deliver(message(own, "Authentication-Results: "+receiver+"; dmarc=pass header.from=client.example")); err != nil {
				t.Error(err)
				return
			}
			arrival, err := watch.Find(t.Context(), accepted(own, "Ok"), time.Minute)
			if err != nil || arrival.Place != site.PlaceInbox || arrival.DMARC.Result != "pass" || arrival.FoundBy != "message_id" {
				t.Errorf("%d: %+v, %v", i, arrival, err)
			}
		})
	}
	all.Wait()
	t.Logf("300 tests, ten at a time: %s", time.Since(began))
	if unread, err := filepath.Glob(filepath.Join(d.dir, "mail", "ops", "new", "*")); err != nil || len(unread) != 300 {
		t.Errorf("%d messages are still unread, want all: %v", len(unread), err)
	}
}
