//go:build receiver

package receivertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/sitemail/terraform-provider-smtp/internal/test/dnstest"
)

const (
	// Name is the receiver's name, at the start of its Authentication-Results.
	Name = "mx.agency.example"
	// Domain is the domain that it accepts mail for.
	Domain = "example.test"
	// Selector is the DKIM selector of [Receiver.Key].
	Selector = "s1"
)

// Receiver is a mail server that checks senders and has mailboxes.
type Receiver struct {
	Dovecot
	// SMTP is the port of Postfix on 127.0.0.1.
	SMTP int
	// DNS is the address of the name server that its checks query.
	DNS string

	key *rsa.PrivateKey
	dir string
}

// Start starts a receiver whose checks use a name server with that zone. It stops with the test. It needs root: OpenDMARC's resolver
// supports only port 53 and /etc/resolv.conf, so it runs in a mount namespace with its own resolv.conf.
func Start(t *testing.T, zone func(r *Receiver) dnstest.Zone) *Receiver {
	t.Helper()
	r := &Receiver{Dovecot: StartDovecot(t), SMTP: freePort(t), dir: folder(t)}
	var err error
	if r.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	// All of 127.0.0.0/8 is this machine. Port 53 is free on an address that nothing else uses.
	address := fmt.Sprintf("127.53.%d.%d", os.Getpid()%250+1, time.Now().Nanosecond()%250+1)
	server, err := dnstest.Listen(net.JoinHostPort(address, "53"), zone(r))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	r.DNS = address
	resolv := r.file(t, "resolv.conf", "nameserver "+address+"\n")
	nobody := r.file(t, "ignored-hosts", "192.0.2.255\n")

	dkimPort, dmarcPort := freePort(t), freePort(t)
	daemon(t, dkimPort, "opendkim", "-f", "-x", r.file(t, "opendkim.conf", fmt.Sprintf(
		"Mode v\nSocket inet:%d@127.0.0.1\nAuthservID %s\nAlwaysAddARHeader yes\nRemoveARFrom %s\nInternalHosts %s\nExternalIgnoreList %s\nNameservers %s\nUserID opendkim\nPidFile %s/opendkim.pid\n",
		dkimPort, Name, Name, nobody, nobody, address, r.dir)))
	const withResolver = `mount --bind "$0" /etc/resolv.conf && exec opendmarc -f -c "$1"`
	daemon(t, dmarcPort, "unshare", "--mount", "sh", "-c", withResolver, resolv, r.file(t, "opendmarc.conf", fmt.Sprintf(
		"Socket inet:%d@127.0.0.1\nAuthservID %s\nTrustedAuthservIDs %s\nSPFSelfValidate true\nSPFIgnoreResults true\nRejectFailures false\nIgnoreHosts %s\nUserID opendmarc\n",
		dmarcPort, Name, Name, nobody)))
	r.postfix(t, dkimPort, dmarcPort)
	return r
}

func (r *Receiver) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// daemon runs a program that listens on a port, in the foreground, until the test ends.
func daemon(t *testing.T, port int, name string, args ...string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it has no data to lose, and would take seconds to end gracefully
		<-ended
		if t.Failed() {
			t.Logf("%s:\n%s", cmd, out.String())
		}
	})
	waitFor(t, args[len(args)-1], port)
}

// waitFor waits until something listens on a port.
func waitFor(t *testing.T, name string, port int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not listen: %v", name, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

const mainCF = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = %[1]s/maillog
maillog_file_prefixes = %[1]s
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.agency.example
mydestination =
mynetworks =
virtual_mailbox_domains = example.test
virtual_mailbox_maps = static:all
virtual_transport = lmtp:inet:127.0.0.1:%[2]d
smtpd_relay_restrictions = reject_unauth_destination
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_milters = inet:127.0.0.1:%[3]d, inet:127.0.0.1:%[4]d
milter_default_action = tempfail
alias_maps =
alias_database =
local_recipient_maps =
disable_dns_lookups = yes
`

// masterCF lists Postfix's services. None uses a chroot, which would need the package's files.
const masterCF = `127.0.0.1:%[1]d inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
`

// postfix starts Postfix with the checks as milters.
func (r *Receiver) postfix(t *testing.T, dkimPort, dmarcPort int) {
	t.Helper()
	config := filepath.Join(r.dir, "postfix")
	for _, dir := range []string{config, filepath.Join(r.dir, "queue"), filepath.Join(r.dir, "data")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "chown", "postfix", filepath.Join(r.dir, "data"))
	r.file(t, "postfix/main.cf", fmt.Sprintf(mainCF, r.dir, r.LMTP, dkimPort, dmarcPort))
	r.file(t, "postfix/master.cf", fmt.Sprintf(masterCF, r.SMTP))
	run(t, "postfix", "-c", config, "start")
	t.Cleanup(func() {
		if out, err := exec.Command("postfix", "-c", config, "stop").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		showLog(t, filepath.Join(r.dir, "maillog"))
	})
	waitFor(t, "postfix", r.SMTP)
}

// Key returns the DKIM record of the key that [Receiver.Sign] signs with.
func (r *Receiver) Key() string {
	public, err := x509.MarshalPKIXPublicKey(&r.key.PublicKey)
	if err != nil {
		panic(err) // cannot fail: the key was generated here
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public)
}

// Sign signs a message for a domain with DKIM, like a mail service.
func (r *Receiver) Sign(domain string, message []byte) ([]byte, error) {
	var signed bytes.Buffer
	err := dkim.Sign(&signed, bytes.NewReader(message), &dkim.SignOptions{Domain: domain, Selector: Selector, Signer: r.key})
	return signed.Bytes(), err
}

// Relay sends a message like a mail service with that IP address and with from as the bounce address.
func (r *Receiver) Relay(address, from, to string, message []byte) error {
	c, err := textproto.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(r.SMTP)))
	if err != nil {
		return err
	}
	defer c.Close()
	_, domain, _ := strings.Cut(from, "@")
	return say(c, strings.ReplaceAll(string(message), "\r\n", "\n"),
		"EHLO localhost", "XCLIENT ADDR="+address+" NAME=[UNAVAILABLE]", "EHLO out."+domain, "MAIL FROM:<"+from+">", "RCPT TO:<"+to+">")
}
