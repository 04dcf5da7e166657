//go:build receiver

package receivertest

import (
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Password is the password of every mailbox.
const Password = "secretpass"

// dovecotConfig is for Debian's Dovecot 2.3 (dovecot-imapd, dovecot-lmtpd, dovecot-sieve). %[1]s is a folder; the rest are ports and the
// password. Messages that fail DMARC go to Junk, as at many receivers.
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
  args = password=%[4]s
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
protocol lmtp {
  mail_plugins = sieve
  postmaster_address = postmaster@example.test
}
plugin {
  sieve = file:%[1]s/mail/%%n.sieve
  sieve_before = %[1]s/sieve/junk.sieve
}
namespace inbox {
  inbox = yes
  mailbox Junk {
    auto = create
    special_use = \Junk
  }
}
`

const junkRule = `require ["fileinto"];
if header :contains "Authentication-Results" "dmarc=fail (p=quarantine" { fileinto "Junk"; }
`

// Dovecot is a genuine Dovecot.
type Dovecot struct {
	// Dir holds its files, with the mailboxes as Maildirs in mail.
	Dir string
	// IMAP and LMTP are its ports on 127.0.0.1, without TLS.
	IMAP, LMTP int
}

// StartDovecot starts Dovecot. It stops with the test.
func StartDovecot(t *testing.T) Dovecot {
	t.Helper()
	d := Dovecot{Dir: folder(t), IMAP: freePort(t), LMTP: freePort(t)}
	config := filepath.Join(d.Dir, "dovecot.conf")
	mail, sieve := filepath.Join(d.Dir, "mail"), filepath.Join(d.Dir, "sieve")
	rule := filepath.Join(sieve, "junk.sieve")
	err := errors.Join(
		os.WriteFile(config, fmt.Appendf(nil, dovecotConfig, d.Dir, d.IMAP, d.LMTP, Password), 0o644),
		os.Mkdir(mail, 0o777), os.Chmod(mail, 0o777),
		os.Mkdir(sieve, 0o755), os.WriteFile(rule, []byte(junkRule), 0o644),
	)
	if err != nil {
		t.Fatal(err)
	}
	run(t, "sievec", "-c", config, rule)
	// Run without pipes: Dovecot goes into the background and would keep them open.
	if err := exec.CommandContext(t.Context(), "dovecot", "-c", config).Run(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("doveadm", "-c", config, "stop").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		showLog(t, filepath.Join(d.Dir, "log"))
	})
	return d
}

// Deliver delivers a message to a mailbox, like a mail server.
func (d Dovecot) Deliver(mailbox, message string) error {
	c, err := textproto.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(d.LMTP)))
	if err != nil {
		return err
	}
	defer c.Close()
	return say(c, message, "LHLO localhost", "MAIL FROM:<bounce@client.example>", "RCPT TO:<"+mailbox+">")
}

// say sends commands and a message over SMTP or LMTP. All of them must be accepted.
func say(c *textproto.Conn, message string, commands ...string) error {
	if _, _, err := c.ReadResponse(220); err != nil {
		return err
	}
	for _, command := range commands {
		code := 250
		if strings.HasPrefix(command, "XCLIENT ") {
			code = 220 // it begins anew
		}
		if err := c.PrintfLine("%s", command); err != nil {
			return err
		}
		if _, _, err := c.ReadResponse(code); err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
	}
	if err := c.PrintfLine("DATA"); err != nil {
		return err
	}
	if _, _, err := c.ReadResponse(354); err != nil {
		return err
	}
	w := c.DotWriter()
	if _, err := w.Write([]byte(message)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_, _, err := c.ReadResponse(250)
	return err
}

// folder returns a temporary folder that servers can read without being root. By default only its owner can read the folders above it.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	number, _ := strconv.Atoi(port)
	return number
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// showLog logs what a server wrote when the test failed.
func showLog(t *testing.T, file string) {
	if !t.Failed() {
		return
	}
	if text, err := os.ReadFile(file); err == nil {
		t.Logf("%s:\n%s", file, text)
	}
}
