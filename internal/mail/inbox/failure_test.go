package inbox_test

import (
	"crypto/x509"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/inbox"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/imaptest"
)

func newMailbox(f *fixture) *inbox.Mailbox { return inbox.New(f.config) }

func TestInboxThatCannotBeRead(t *testing.T) {
	for name, tt := range map[string]struct {
		server imaptest.Config
		faults imaptest.Faults
		change func(*inbox.Config)
		want   site.Shortfall
		says   string
	}{
		"WrongPassword": {
			change: func(c *inbox.Config) { c.Password = secret.New("wrong") },
			want:   site.InboxLogin, says: "AUTHENTICATIONFAILED",
		},
		"LoginDisabled": {
			faults: imaptest.Faults{Login: &imap.Error{Type: imap.StatusResponseTypeNo, Text: "Basic authentication is disabled"}},
			want:   site.InboxLogin, says: "Basic authentication is disabled",
		},
		"TooManyConnections": {
			faults: imaptest.Faults{Login: &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeLimit, Text: "Maximum number of connections"}},
			want:   site.InboxLimit, says: "Maximum number of connections",
		},
		"Unavailable": {
			faults: imaptest.Faults{Login: &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable, Text: "Try later"}},
			want:   site.InboxConnect, says: "Try later",
		},
		"CertificateOfAnUnknownAuthority": {
			change: func(c *inbox.Config) { c.RootCAs = x509.NewCertPool() },
			want:   site.InboxTLS, says: "certificate",
		},
		"CertificateOfAnUnknownAuthorityBehindSTARTTLS": {
			server: imaptest.Config{Encryption: site.STARTTLS},
			change: func(c *inbox.Config) { c.RootCAs = x509.NewCertPool() },
			want:   site.InboxTLS, says: "certificate",
		},
		"TLSAtAPortWithout":   {server: imaptest.Config{Encryption: site.NoEncryption}, change: func(c *inbox.Config) { c.Encryption = site.TLS }, want: site.InboxTLS, says: "TLS"},
		"STARTTLSAtATLSPort":  {change: func(c *inbox.Config) { c.Encryption = site.STARTTLS }, want: site.InboxTLS, says: "TLS"},
		"STARTTLSNotOffered":  {server: imaptest.Config{Encryption: site.NoEncryption}, change: func(c *inbox.Config) { c.Encryption = site.STARTTLS }, want: site.InboxTLS, says: "STARTTLS"},
		"NothingListens":      {change: func(c *inbox.Config) { c.DialContext = refusing }, want: site.InboxConnect, says: "refused"},
		"SaysNothing":         {server: imaptest.Config{Encryption: site.NoEncryption}, faults: imaptest.Faults{Deaf: true}, want: site.InboxConnect, says: "greeting"},
		"EchoesThePassword":   {faults: imaptest.Faults{Login: &imap.Error{Type: imap.StatusResponseTypeNo, Text: "no user with " + password}}, want: site.InboxLogin, says: "[redacted]"},
		"HostileText":         {faults: imaptest.Faults{Login: &imap.Error{Type: imap.StatusResponseTypeNo, Text: "\x1b[31mred " + strings.Repeat("long ", 200)}}, want: site.InboxLogin, says: "red long"},
		"ClearTextLoginIsOff": {server: imaptest.Config{Encryption: site.NoEncryption}, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			withMailbox(t, tt.server, func(f *fixture) {
				f.server.SetFaults(tt.faults)
				if tt.change != nil {
					tt.change(&f.config)
				}
				watch, err := newMailbox(f).Watch(f.Context(), sender, recipient)
				if tt.want == "" {
					if err != nil {
						t.Fatal(err)
					}
					watch.Close()
					return
				}
				if shortfallOf(err) != tt.want || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %s: %v", shortfallOf(err), err)
				}
				if text := err.Error(); strings.Contains(text, password) || len([]rune(text)) > 300 || strings.ContainsRune(text, '\x1b') {
					t.Errorf("the error shows the password, is too long or holds control characters: %q", text)
				}
			})
		})
	}
}

// Three hundred sites with one wrong password must not lock the mailbox.
func TestRefusedLoginIsNotRepeated(t *testing.T) {
	withMailbox(t, imaptest.Config{}, func(f *fixture) {
		f.config.Password = secret.New("wrong")
		mailbox := newMailbox(f)
		for range 10 {
			if _, err := mailbox.Watch(f.Context(), sender, recipient); shortfallOf(err) != site.InboxLogin {
				t.Error(err)
			}
		}
		if seen := f.server.Seen(); seen.Logins != 1 {
			t.Errorf("got %+v", seen)
		}
	})
}

func TestConnectsAgain(t *testing.T) {
	t.Run("HangsUpWhileWaiting", func(t *testing.T) {
		withMailbox(t, imaptest.Config{}, func(f *fixture) {
			watch := f.watch()
			go func() {
				time.Sleep(2 * time.Second)
				f.server.Kick()
				f.deliver("INBOX", message(id))
			}()
			if arrival, err := f.find(watch, accepted(id, "Ok")); err != nil || arrival.Place != site.PlaceInbox {
				t.Errorf("got %+v, %v", arrival, err)
			}
			if seen := f.server.Seen(); seen.Connections != 2 {
				t.Errorf("got %+v", seen)
			}
		})
	})
	t.Run("UIDValidityChanges", func(t *testing.T) {
		withMailbox(t, imaptest.Config{}, func(f *fixture) {
			for range 3 {
				f.deliver("INBOX", message("before@client.example"))
			}
			watch := f.watch()
			if err := f.server.Renumber(); err != nil {
				t.Fatal(err)
			}
			f.server.Kick()
			f.deliver("INBOX", message(id))
			if arrival, err := f.find(watch, accepted(id, "Ok")); err != nil || arrival.FoundBy != "message_id" {
				t.Errorf("got %+v, %v", arrival, err)
			}
		})
	})
	t.Run("NeverComesBack", func(t *testing.T) {
		withMailbox(t, imaptest.Config{}, func(f *fixture) {
			watch := f.watch()
			f.server.SetFaults(imaptest.Faults{Login: &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable, Text: "Try later"}})
			f.server.Kick()
			if arrival, err := f.find(watch, accepted(id, "Ok")); shortfallOf(err) != site.InboxConnect {
				t.Errorf("a lost connection must not count as a missing message: got %+v, %v", arrival, err)
			}
		})
	})
	t.Run("ClosesWhenNoSearchIsLeft", func(t *testing.T) {
		withMailbox(t, imaptest.Config{}, func(f *fixture) {
			for range 2 {
				watch := f.watch()
				f.deliver("INBOX", message(id))
				if _, err := f.find(watch, accepted(id, "Ok")); err != nil {
					t.Error(err)
				}
				synctest.Wait() // the server notices too
			}
			if seen := f.server.Seen(); seen.Connections != 2 || seen.MostAtOnce != 1 {
				t.Errorf("got %+v", seen)
			}
		})
	})
}

func TestFloodIsBounded(t *testing.T) {
	withMailbox(t, imaptest.Config{Encryption: site.NoEncryption}, func(f *fixture) {
		f.server.SetFaults(imaptest.Faults{Flood: true})
		watch := f.watch()
		defer watch.Close()
		f.deliver("INBOX", message(id))
		if arrival, err := watch.Find(f.Context(), accepted(id, "Ok"), time.Second); shortfallOf(err) != site.InboxConnect {
			t.Errorf("got %+v, %v", arrival, err)
		}
	})
}
