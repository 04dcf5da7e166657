package diagnosis

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	nothingSaved = "Nothing was saved: the site's mail works as before."
	neverOn      = "Nothing was saved: the site's mail is still off."
)

func gmail(port int, encryption site.Encryption) site.Settings {
	return site.Settings{Host: "smtp.gmail.com", Port: port, Encryption: encryption, Username: "shop@example.com", FromAddress: "shop@example.com"}
}

func stages(names ...site.Stage) []site.StageTime {
	var times []site.StageTime
	for i, name := range names {
		times = append(times, site.StageTime{Stage: name, Duration: time.Duration(7+11*i*i) * time.Millisecond})
	}
	return times
}

// goldens are failures as users meet them, by the name of their file.
var goldens = map[string]Failure{
	"wrong-password": {
		Settings: gmail(465, site.TLS),
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageAuth, Recipient: "ops@example.net",
			Stages: stages(site.StageDNS, site.StageConnect, site.StageTLS, site.StageBanner, site.StageEHLO),
			Reply: &site.Reply{Code: 535, EnhancedCode: "5.7.8", Text: "Username and Password not accepted. For more information, go to 5.7.8 " +
				"https://support.google.com/mail/?p=BadCredentials 5b1f17b1804b1-42a6b5c3 - gsmtp"},
		},
		Machine: "the site", State: nothingSaved, Attempts: 1, Spent: time.Second,
	},
	"port-blocked": {
		Settings: gmail(587, site.STARTTLS),
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageConnect, Recipient: "ops@example.net",
			Stages: stages(site.StageDNS), Error: "dial tcp 192.0.2.7:587: i/o timeout",
		},
		Machine: "this machine", State: neverOn, Attempts: 1, Spent: 10 * time.Second,
	},
	"tls-on-starttls-port": {
		Settings: site.Settings{Host: "mail.example.com", Port: 587, Encryption: site.TLS, Username: "shop@example.com", FromAddress: "shop@example.com"},
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageTLS, Recipient: "ops@example.net",
			Stages: stages(site.StageDNS, site.StageConnect), Error: "tls: first record does not look like a TLS handshake",
		},
		Machine: "the site", State: neverOn,
	},
	"certificate-of-another-name": {
		Settings: site.Settings{Host: "mail.example.com", Port: 465, Encryption: site.TLS, Username: "shop@example.com", FromAddress: "shop@example.com"},
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageTLS, Recipient: "ops@example.net",
			Stages: stages(site.StageDNS, site.StageConnect),
			Error:  "tls: failed to verify certificate: x509: certificate is valid for *.hoster.example, web17.hoster.example, not mail.example.com",
			Certificate: &site.Certificate{
				Names: []string{"*.hoster.example", "web17.hoster.example"}, Issuer: "R11, Let's Encrypt",
				NotAfter: time.Date(2027, 2, 3, 4, 5, 6, 0, time.UTC),
			},
		},
		Machine: "the site", State: nothingSaved,
	},
	"ses-sandbox": {
		Settings: site.Settings{Host: "email-smtp.eu-west-1.amazonaws.com", Port: 587, Encryption: site.STARTTLS, Username: "AKIAIOSFODNN7EXAMPLE", FromAddress: "shop@example.com"},
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageData, Recipient: "ops@example.net",
			Stages: stages(site.StageDNS, site.StageConnect, site.StageBanner, site.StageEHLO, site.StageSTARTTLS, site.StageTLS, site.StageAuth, site.StageMail, site.StageRcpt),
			Reply:  &site.Reply{Code: 554, Text: "Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: ops@example.net"},
		},
		Machine: "the site", State: neverOn,
	},
	"in-doubt": {
		Settings: gmail(465, site.TLS),
		Result: site.TestResult{
			Status: site.InDoubt, Stage: site.StageData, Recipient: "ops@example.net", MessageID: "5f1e@example.com",
			Stages: stages(site.StageDNS, site.StageConnect, site.StageTLS, site.StageBanner, site.StageEHLO, site.StageAuth, site.StageMail, site.StageRcpt),
			Error:  "read tcp 192.0.2.1:40690->192.0.2.7:465: i/o timeout",
		},
		Machine: "the site", State: nothingSaved,
	},
	"greylisted": {
		Settings: site.Settings{Host: "mx.example.net", Port: 25, Encryption: site.STARTTLS, FromAddress: "shop@example.com"},
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageRcpt, Recipient: "ops@example.net",
			Stages: stages(site.StageDNS, site.StageConnect, site.StageBanner, site.StageEHLO, site.StageSTARTTLS, site.StageTLS, site.StageMail),
			Reply:  &site.Reply{Code: 450, EnhancedCode: "4.2.0", Text: "<ops@example.net>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.net.html"},
		},
		Machine: "the site", State: nothingSaved, Attempts: 4, Spent: 2*time.Minute + 10*time.Second,
	},
	"hostile-reply": {
		Settings: site.Settings{Host: "smtp.example.com", Port: 587, Encryption: site.STARTTLS, Username: "shop@example.com", FromAddress: "shop@example.com"},
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageAuth, Recipient: "ops@example.net",
			Stages: stages(site.StageDNS, site.StageConnect, site.StageBanner, site.StageEHLO, site.StageSTARTTLS, site.StageTLS),
			Reply: &site.Reply{Code: 535, Text: "\x1b]0;owned\x07\x1b[2J\x1b[32mResult  All is well\x1b[0m\r\nAUTH PLAIN AHNob3BAZXhhbXBsZS5jb20AY29ycmVjdC1ob3JzZQ== " +
				"correct-horse \u202egnp.exe\u202c " + strings.Repeat("blah ", 200)},
		},
		Machine: "the site", State: nothingSaved, Secrets: []secret.Text{secret.New("correct-horse")},
	},
	"microsoft-switched-off": {
		Settings: site.Settings{Host: "smtp.office365.com", Port: 587, Encryption: site.STARTTLS, Username: "shop@example.com", FromAddress: "shop@example.com"},
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageAuth, Recipient: "ops@example.net",
			Stages: stages(site.StageDNS, site.StageConnect, site.StageBanner, site.StageEHLO, site.StageSTARTTLS, site.StageTLS),
			Reply: &site.Reply{Code: 535, EnhancedCode: "5.7.139", Text: "Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. " +
				"Visit https://aka.ms/smtp_auth_disabled for more information. [MN2PR05CA0004.namprd05.prod.outlook.com 2026-11-12T20:59:57.214Z 08DBB276B7E699C4]"},
		},
		Machine: "the site", State: neverOn,
	},
	"microsoft-passwords-off": {
		Settings: site.Settings{Host: "smtp.office365.com", Port: 587, Encryption: site.STARTTLS, Username: "shop@example.com", FromAddress: "shop@example.com"},
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageAuth, Recipient: "ops@example.net",
			Stages: stages(site.StageDNS, site.StageConnect, site.StageBanner, site.StageEHLO, site.StageSTARTTLS, site.StageTLS),
			Reply:  &site.Reply{Code: 550, EnhancedCode: "5.7.30", Text: "Basic authentication is not supported for Client Submission. [MN2PR05CA0004.namprd05.prod.outlook.com 2027-01-12T20:59:57.214Z]"},
		},
		Machine: "the site", State: nothingSaved,
	},
	"sender-not-verified": {
		Settings: site.Settings{Host: "smtp.sendgrid.net", Port: 587, Encryption: site.STARTTLS, Username: "apikey", FromAddress: "shop@example.com"},
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageData, Recipient: "ops@example.net",
			Stages: stages(site.StageDNS, site.StageConnect, site.StageBanner, site.StageEHLO, site.StageSTARTTLS, site.StageTLS, site.StageAuth, site.StageMail, site.StageRcpt),
			Reply: &site.Reply{Code: 550, Text: "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved. " +
				"Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the Sender Identity requirements"},
		},
		Machine: "the site", State: nothingSaved,
	},
}

func TestText(t *testing.T) {
	for name, failure := range goldens {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".golden")
			got := failure.Text() + "\n"
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
