package submit_test

import (
	"cmp"
	"crypto/x509"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// explained is a test message to a server, whose outcome the diagnosis then explains.
type explained struct {
	server smtptest.Config
	play   func(*smtptest.Peer)
	change func(*site.Candidate)
	roots  *x509.CertPool
}

// send starts the server and sends one test message to it as a site would.
func (e explained) send(t *testing.T) (site.TestResult, site.Settings) {
	t.Helper()
	var sender *submit.Sender
	var c site.Candidate
	if e.play != nil {
		_, sender, c = script(t, cmp.Or(e.server.Encryption, site.STARTTLS), e.play)
	} else {
		_, sender, c = start(t, e.server)
	}
	sender.Timeout, sender.Resolver = 2*time.Second, smtptest.StartResolver(t, unknownName)
	if e.roots != nil {
		sender.RootCAs = e.roots
	}
	if e.change != nil {
		e.change(&c)
	}
	return sender.Send(t.Context(), c, "ops@example.net"), c.Settings
}

func unknownName(string) ([]netip.Addr, dnsmessage.RCode, bool) {
	return nil, dnsmessage.RCodeNameError, false
}

// The diagnosis knows the errors by the words that this package and Go's standard library give them.
func TestDiagnosisKnowsTheErrors(t *testing.T) {
	for name, test := range map[string]struct {
		explained
		id, attribute string
	}{
		"UnknownName": {
			explained{change: func(c *site.Candidate) { c.Settings.Host = "smtp.example.test" }},
			"dns-nxdomain", "host",
		},
		"URL": {
			explained{change: func(c *site.Candidate) { c.Settings.Host = "https://smtp.example.test" }},
			"dns-host-is-url", "host",
		},
		"HostAndPort": {
			explained{change: func(c *site.Candidate) { c.Settings.Host = "smtp.example.test:587" }},
			"any-invalid-setting", "host",
		},
		"PortOutOfRange": {
			explained{change: func(c *site.Candidate) { c.Settings.Port = 65536 }},
			"any-invalid-setting", "port",
		},
		"ClosedPort": {
			explained{change: func(c *site.Candidate) { c.Settings.Port = 1 }},
			"connect-refused", "port",
		},
		"PasswordMissing": {
			explained{change: func(c *site.Candidate) { c.Password = secret.Text{} }},
			"any-invalid-setting", "password",
		},
		"FromAddressWithName": {
			explained{change: func(c *site.Candidate) { c.Settings.FromAddress = "Shop <shop@example.com>" }},
			"any-invalid-setting", "from_address",
		},
		"TLSToAClearTextPort": {
			explained{change: func(c *site.Candidate) { c.Settings.Encryption = site.TLS }},
			"tls-on-plaintext-port", "encryption",
		},
		"UntrustedCertificate": {
			explained{server: smtptest.Config{Encryption: site.TLS}, roots: x509.NewCertPool()},
			"tls-cert-unknown-authority", "host",
		},
		"CertificateOfAnotherName": {
			explained{server: smtptest.Config{Encryption: site.TLS, Leaf: smtptest.Leaf{Names: []string{"mail.hoster.example", "127.0.0.9"}}}},
			"tls-cert-host-mismatch", "host",
		},
		"ExpiredCertificate": {
			explained{server: smtptest.Config{Encryption: site.TLS, Leaf: smtptest.Leaf{
				NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour),
			}}},
			"tls-cert-expired", "host",
		},
		"NotAMailServer": {
			explained{play: func(p *smtptest.Peer) { p.Say("* OK IMAP4rev1 ready"); p.Wait() }},
			"banner-not-smtp", "port",
		},
		"EndlessBanner": {
			explained{play: func(p *smtptest.Peer) {
				for p.Send(strings.Repeat("220-more\r\n", 1000)) {
				}
			}},
			"any-reply-flood", "host",
		},
		"STARTTLSNotOffered": {
			explained{play: func(p *smtptest.Peer) { p.Say("220 hello"); p.Answer("250 hello"); p.Wait() }},
			"starttls-not-offered", "encryption",
		},
		"ClearTextBehindSTARTTLS": {
			explained{play: func(p *smtptest.Peer) {
				p.Say("220 hello")
				p.Answer("250-hello\n250 STARTTLS")
				p.Hear()
				p.Send("220 go ahead\r\n250 hello\r\n")
				p.Wait()
			}},
			"starttls-injected", "",
		},
		"LoginsWithATokenOnly": {
			explained{server: smtptest.Config{Encryption: site.TLS, Mechanisms: []string{"XOAUTH2"}}},
			"auth-only-tokens", "host",
		},
		"WrongPassword": {
			explained{change: func(c *site.Candidate) { c.Password = secret.New("another") }},
			"auth-credentials-invalid", "password",
		},
		"GmailsRefusal": {
			explained{server: smtptest.Config{Faults: smtptest.Faults{AuthErr: &smtp.SMTPError{
				Code: 534, EnhancedCode: smtp.NoEnhancedCode, Message: "5.7.9 Application-specific password required. For more information, go to\n5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor",
			}}}},
			"auth-gmail-app-password", "password",
		},
		"SenderOfAnotherAccount": {
			explained{server: smtptest.Config{Faults: smtptest.Faults{MailErr: &smtp.SMTPError{
				Code: 553, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "<shop@example.com>: Sender address rejected: not owned by user other@example.com",
			}}}},
			"mail-not-owned", "from_address",
		},
		"UnknownRecipient": {
			explained{server: smtptest.Config{Faults: smtptest.Faults{RcptErr: map[string]*smtp.SMTPError{"ops@example.net": {
				Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<ops@example.net>: Recipient address rejected: User unknown in virtual mailbox table",
			}}}}},
			"rcpt-unknown-postfix", "recipient",
		},
		"SandboxOfAmazonSES": {
			explained{server: smtptest.Config{Faults: smtptest.Faults{DataErr: &smtp.SMTPError{
				Code: 554, EnhancedCode: smtp.NoEnhancedCode, Message: "Message rejected: Email address is not verified. The following identities failed the check in region US-EAST-1: ops@example.net",
			}}}},
			"data-ses-unverified", "recipient",
		},
		"HangUpAfterTheMessage": {
			explained{server: smtptest.Config{Encryption: site.NoEncryption}, play: func(p *smtptest.Peer) {
				p.Say("220 hello")
				p.Answer("250-hello\n250 AUTH PLAIN", "235 2.7.0 ok", "250 ok", "250 ok", "354 go on")
				p.HearBody()
				p.HangUp()
			}},
			"in-doubt", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, settings := test.send(t)
			// What only one service says is known at its hosts.
			settings.Host = cmp.Or(map[string]string{
				"GmailsRefusal": "smtp.gmail.com", "SandboxOfAmazonSES": "email-smtp.us-east-1.amazonaws.com",
			}[name], settings.Host)
			d := diagnosis.Of(result, settings)
			if d.ID != test.id || d.Attribute != test.attribute {
				t.Errorf("got %q, %q, want %q, %q for %+v %v", d.ID, d.Attribute, test.id, test.attribute, result, result.Reply)
			}
			text := diagnosis.Failure{Result: result, Settings: settings, Machine: "this machine", Secrets: []secret.Text{secret.New(canary)}}.Text()
			if !strings.Contains(text, d.ID) || strings.Contains(text, canary) {
				t.Errorf("got:\n%s", text)
			}
		})
	}
}
