package diagnosis

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("the text should not say %q: %s", part, text)
		}
	}
}

func example(port int, e site.Encryption) site.Settings {
	return site.Settings{Host: "mail.example.com", Port: port, Encryption: e, Username: "shop@example.com", FromAddress: "shop@example.com"}
}

func TestArrivalClaimsNothingElse(t *testing.T) {
	of := func(result, domain string) site.AuthResult { return site.AuthResult{Result: result, Domain: domain} }
	in := example(587, site.STARTTLS)
	t.Run("FailedSPFRecordIsNotMissing", func(t *testing.T) {
		a := site.Arrival{Place: site.PlaceInbox, SPF: of("fail", "example.com"), DKIM: of("none", ""), DMARC: of("fail", "example.com")}
		d := Of(arrived(site.Unauthenticated, &a), in)
		contains(t, d.Remedy, "Missing, as far as the results show: the mail service's DKIM record")
		lacks(t, d.Remedy, "an SPF record")
	})
	t.Run("ReportsNoMissingRecordAtOtherDomains", func(t *testing.T) {
		a := site.Arrival{Place: site.PlaceInbox, SPF: of("none", "esp.test"), DKIM: of("none", ""), DMARC: of("fail", "example.com")}
		lacks(t, Of(arrived(site.Unauthenticated, &a), in).Remedy, "esp.test", "an SPF record")
	})
	t.Run("AcceptsTheParentDomain", func(t *testing.T) {
		below := in
		below.FromAddress = "shop@mail.example.com"
		a := site.Arrival{Place: site.PlaceInbox, SPF: of("none", "example.com"), DKIM: of("pass", "example.com"), DMARC: of("fail", "mail.example.com")}
		d := Of(arrived(site.Unauthenticated, &a), below)
		contains(t, d.Remedy, "Missing, as far as the results show: an SPF record (TXT) at example.com.")
	})
	t.Run("AcceptsSubdomainsAndOtherSpellings", func(t *testing.T) {
		for _, passed := range []string{"mg.example.com", "EXAMPLE.com", "MG.Example.Com"} {
			a := site.Arrival{Place: site.PlaceInbox, SPF: of("fail", "example.com"), DKIM: of("pass", passed), DMARC: of("fail", "example.com")}
			lacks(t, Of(arrived(site.Unauthenticated, &a), in).Remedy, "Missing")
		}
		a := site.Arrival{Place: site.PlaceInbox, DKIM: of("pass", "not-example.com"), DMARC: of("fail", "example.com")}
		contains(t, Of(arrived(site.Unauthenticated, &a), in).Remedy, "the mail service's DKIM record")
	})
	t.Run("PassOfTheServiceNeedsNoRecord", func(t *testing.T) {
		hosted := in
		hosted.Host = "smtp.fastmail.com"
		a := site.Arrival{Place: site.PlaceInbox, SPF: of("pass", "messagingengine.com"), DKIM: of("none", ""), DMARC: of("fail", "example.com")}
		d := Of(arrived(site.Unaligned, &a), hosted)
		contains(t, d.Remedy, "fm1._domainkey.example.com")
		lacks(t, d.Remedy, "in the SPF record")
	})
	t.Run("NamesTheOnlyKey", func(t *testing.T) {
		hosted := in
		hosted.Host = "smtp.mail.me.com"
		a := site.Arrival{Place: site.PlaceInbox, DKIM: of("none", ""), DMARC: of("fail", "example.com")}
		d := Of(arrived(site.Unauthenticated, &a), hosted)
		contains(t, d.Remedy, "results show: sig1._domainkey.example.com, a CNAME to sig1.dkim.example.com.at.icloudmailadmin.com.")
	})
	t.Run("NamesOneOfTwoKeys", func(t *testing.T) {
		hosted := in
		hosted.Host = "smtp.mandrillapp.com"
		a := site.Arrival{Place: site.PlaceInbox, DKIM: of("none", ""), DMARC: of("fail", "example.com")}
		contains(t, Of(arrived(site.Unauthenticated, &a), hosted).Remedy, "mte1._domainkey.example.com, a CNAME to dkim1.mandrillapp.com, and 1 more like it")
	})
	t.Run("NothingIsMissingUnlessDMARCFailed", func(t *testing.T) {
		for _, dmarc := range []string{"pass", ""} {
			a := site.Arrival{Place: site.PlaceJunk, Folder: "Junk", SPF: of("softfail", "example.com"), DKIM: of("none", ""), DMARC: of(dmarc, "example.com")}
			lacks(t, Of(arrived(site.InJunk, &a), in).Remedy, "Missing")
		}
	})
	t.Run("NamesOnlyOtherFolders", func(t *testing.T) {
		a := site.Arrival{Place: site.PlaceInbox, Folder: "INBOX", DKIM: of("none", ""), DMARC: of("fail", "example.com")}
		lacks(t, Of(arrived(site.Unauthenticated, &a), in).Cause, "It is in")
		a.Place, a.Folder = site.PlaceOther, ""
		lacks(t, Of(arrived(site.Filtered, &a), in).Cause, "It is in")
	})
	t.Run("SingleResultIsASentence", func(t *testing.T) {
		a := site.Arrival{Place: site.PlaceJunk, Folder: "Junk", SPF: of("pass", "")}
		contains(t, Of(arrived(site.InJunk, &a), in).Cause, "The receiver reports spf=pass.")
	})
	t.Run("AdvisesNotSpamOnlyForSpam", func(t *testing.T) {
		a := site.Arrival{Place: site.PlaceOther, Folder: "Filtered", DMARC: of("pass", "example.com")}
		lacks(t, Of(arrived(site.Filtered, &a), in).Remedy, "not spam")
	})
}

func TestCertificateOfOneMoreNameThanIsShown(t *testing.T) {
	d := Of(mistrusted(mismatch, "a.example", "b.example", "c.example", "d.example", "e.example"), example(465, site.TLS))
	contains(t, d.Cause, "is for a.example, b.example, c.example, d.example and 1 more, issued by")
}

// Four names of at most 100 bytes are advised: more are not read, and a host is no longer than that in practice.
func TestNamesThatAreAdvised(t *testing.T) {
	label := strings.Repeat("a", 49) + "."
	long := label + label[:42] + ".example" // 100 bytes
	for name, c := range map[string]struct {
		names []string
		want  string
	}{
		"FiveNames": {[]string{"a.example", "b.example", "c.example", "d.example", "e.example"}, "set host to it: a.example, b.example, c.example, d.example. Otherwise"},
		"LongNames": {[]string{"x" + long, long}, "set host to it: " + long + ". Otherwise"},
	} {
		t.Run(name, func(t *testing.T) {
			contains(t, Of(mistrusted(mismatch, c.names...), example(465, site.TLS)).Remedy, c.want)
		})
	}
}

func TestACertificateWithoutANameAdvisesNone(t *testing.T) {
	contains(t, Of(mistrusted(mismatch, "", "web.hoster.example"), example(465, site.TLS)).Remedy, "set host to it: web.hoster.example.")
}

// A host that is known to be right still has a certificate that ends, and one that nobody knows has its reason elsewhere.
func TestCertificatesOfARightHost(t *testing.T) {
	d := Of(mistrusted("certificate has expired or is not yet valid: current time 2026-11-23T07:47:46Z is after 2026-11-20T00:00:00Z", "smtp.gmail.com"), gmail(465, site.TLS))
	lacks(t, d.Cause+d.Remedy, "authorities", "ca-certificates")
	d = Of(mistrusted("certificate signed by unknown authority", "smtp.gmail.com"), gmail(465, site.TLS))
	contains(t, d.Cause, "Gmail has a certificate that every current system trusts.")
}

// Where the service is unknown, the ports say by convention what they speak (RFC 8314, RFC 6409).
func TestConventionalPorts(t *testing.T) {
	for _, port := range []int{25, 587, 2525} {
		contains(t, Of(failed(site.StageTLS, plaintext), example(port, site.TLS)).Remedy, `Set encryption to "starttls"`)
	}
	contains(t, Of(failed(site.StageBanner, silence), example(465, site.STARTTLS)).Remedy, `Set encryption to "tls"`)
}

func TestARightNameThatIsNotFound(t *testing.T) {
	d := Of(failed(site.StageDNS, "lookup smtp.gmail.com on 127.0.0.11:53: no such host"), gmail(587, site.STARTTLS))
	contains(t, d.Cause, "smtp.gmail.com is the right host for Gmail, but the resolver")
}

// A login is accepted after its own stage, not in it.
func TestARefusedLoginWasNotAccepted(t *testing.T) {
	lacks(t, Of(refused(site.StageAuth, 530, "SMTP authentication is required."), example(587, site.STARTTLS)).Cause, "accepted the login")
}

// What a mail server says of a token is no failure of the token endpoint.
func TestAMailServerIsNoTokenEndpoint(t *testing.T) {
	for _, text := range []string{"AADSTS7000215: Invalid client secret provided.", "AADSTS7000222: The provided client secret keys are expired.", "invalid_grant: Token has been expired or revoked."} {
		if d := Of(refused(site.StageAuth, 535, text), example(587, site.STARTTLS)); load().byID[d.ID].Stage == site.StageToken {
			t.Errorf("%s: got %s", text, d.ID)
		}
	}
}

func TestPageOfTheServiceBesideEachSetting(t *testing.T) {
	for attribute, r := range map[string]site.TestResult{
		"encryption": failed(site.StageTLS, plaintext),
		"port":       failed(site.StageConnect, "dial tcp 192.0.2.7:26: i/o timeout"),
	} {
		s := gmail(587, site.TLS)
		if attribute == "port" {
			s = gmail(26, site.STARTTLS)
		}
		if d := Of(r, s); d.Attribute != attribute || !strings.HasPrefix(d.URL, "https://") {
			t.Errorf("%s: got %+v", attribute, d)
		}
	}
}

// A refused login leads to the page of each service that has one, even if it is only the page about its settings.
func TestARefusedLoginLeadsToAPage(t *testing.T) {
	for _, p := range presets.All() {
		if found, ok := presets.ByHost(p.Host); !ok || found.ID != p.ID {
			continue
		}
		d := Of(refused(site.StageAuth, 535, "Authentication failed"), at(p))
		if hasPage := p.DocsURL != "" || d.Attribute == "password" && p.AppPasswordURL != ""; hasPage != (d.URL != "") {
			t.Errorf("%s: %s leads to %q", p.ID, d.Attribute, d.URL)
		}
	}
}

// What the settings have no part in stays as the row says it, even where the host is known to be right, or the port to be wrong.
func TestRowsThatBlameNoSettingStay(t *testing.T) {
	for _, port := range []int{587, 2525} {
		d := Of(failed(site.StageConnect, "dial tcp 192.0.2.7:587: connect: operation not permitted"), gmail(port, site.STARTTLS))
		if want := load().byID["connect-not-permitted"].diagnosis(); d.Cause != want.Cause || d.Remedy != want.Remedy {
			t.Errorf("%d: got %+v", port, d)
		}
	}
}

func TestARefusedConnection(t *testing.T) {
	d := Of(failed(site.StageConnect, "dial tcp 192.0.2.7:587: connect: connection refused"), example(587, site.STARTTLS))
	if d.ID != "connect-refused" || d.Attribute != "port" {
		t.Errorf("got %+v", d)
	}
	d = Of(failed(site.StageConnect, closed), example(25, site.STARTTLS))
	contains(t, d.Cause, "The connection to port 25 is refused: most clouds and internet providers block it.")
	d = Of(failed(site.StageConnect, "dial tcp [2001:db8::1]:587: connect: network is unreachable"), gmail(587, site.STARTTLS))
	contains(t, d.Remedy, "Give that machine a route to the internet, or allow outgoing TCP to port 587")
}

func TestNoHostIsAdvisedWhereTheServiceIsUnknown(t *testing.T) {
	s := example(587, site.STARTTLS)
	s.Username = ""
	d := Of(refused(site.StageRcpt, 550, "5.7.1 Your IP 192.0.2.1 has a poor reputation"), s)
	if d.Summary != ipRefused {
		t.Fatalf("got %+v", d)
	}
	lacks(t, d.Remedy, "For an account at")
}

// What a row says of one service stays, wherever the test came to; only what is said of any server is made more concrete.
func TestAnIPAddressThatIsRefused(t *testing.T) {
	const generic = "5.7.1 Your IP 192.0.2.1 has a poor reputation"
	s := gmail(587, site.STARTTLS)
	s.Username = ""
	lacks(t, Of(refused(site.StageRcpt, 550, generic), s).Remedy, "For an account at")
	s.Host = "gmail-smtp-in.l.google.com"
	contains(t, Of(refused(site.StageRcpt, 550, generic), s).Remedy, `For an account at Gmail that is host smtp.gmail.com, port 465, encryption "tls".`)
	seen := 0
	for _, row := range Rows() {
		m := exampleReply.FindStringSubmatch(row.Example)
		if row.Summary != ipRefused || m == nil || slices.ContainsFunc(row.Services, func(name string) bool { return strings.HasPrefix(name, "generic") }) {
			continue
		}
		code, _ := strconv.Atoi(m[1])
		in := gmail(587, site.STARTTLS)
		in.Host = "gmail-smtp-in.l.google.com"
		for _, r := range []site.TestResult{throughAuth(site.StageData, code, m[2]), refused(site.StageData, code, m[2])} {
			if d := Of(r, in); d.ID == row.ID {
				seen++
				if d.Cause != row.Cause || d.Remedy != row.Remedy {
					t.Errorf("%s: got %+v", row.ID, d)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no row of a single service is about the IP address")
	}
}

// What is no mail server is not taken for one that cuts connections, nor a right port for a wrong one.
func TestWhatIsNoMailServer(t *testing.T) {
	const imap = `short response: "* OK IMAP4rev1 ready"`
	if d := Of(failed(site.StageBanner, imap), gmail(587, site.STARTTLS)); d.ID != "banner-not-smtp" || d.Attribute != "port" || d.Remedy != load().byID[d.ID].Remedy {
		t.Errorf("got %+v", d)
	}
	if d := Of(failed(site.StageBanner, imap), example(465, site.STARTTLS)); d.Attribute != "encryption" || !strings.Contains(d.Remedy, `Set encryption to "tls"`) {
		t.Errorf("on a port of TLS: got %+v", d)
	}
}

// Some sites tell which stages passed and not the one that failed.
func TestWhatPassedIsKnownWithoutTheStageThatFailed(t *testing.T) {
	r := throughAuth("", 550, "5.7.1 <ops@example.net>: Relay access denied")
	contains(t, Of(r, example(587, site.STARTTLS)).Cause, "accepted the login")
}

// Codes of a refused login tell the stage where the site does not, unless the server speaks of the sender (RFC 4954 section 6).
func TestCodesThatTellTheStage(t *testing.T) {
	for _, code := range []int{534, 535, 538} {
		if d := Of(refused("", code, "no"), example(587, site.STARTTLS)); d.Attribute != "password" {
			t.Errorf("%d: got %+v", code, d)
		}
	}
	if d := Of(refused("", 538, "no such sender"), example(587, site.STARTTLS)); d.Attribute == "password" {
		t.Errorf("got %+v", d)
	}
}

// A proxy's answer is no reply of a mail server.
func TestANumberInAConnectionErrorIsNoReply(t *testing.T) {
	d := Of(site.TestResult{Status: site.Failed, Error: "dial tcp 192.0.2.1:465: the proxy answered: 503 Service Unavailable"}, example(465, site.TLS))
	if load().byID[d.ID].Stage != site.StageConnect {
		t.Errorf("got %+v", d)
	}
}

// A silent port that nobody knows may still want TLS from the first byte.
func TestSilenceOnAPortNobodyKnows(t *testing.T) {
	for _, host := range []string{"mail.example.com", "smtp.gmail.com"} {
		s := example(1587, site.STARTTLS)
		s.Host = host
		if d := Of(failed(site.StageBanner, silence), s); d.ID == connectionCut {
			t.Errorf("%s: got %+v", host, d)
		}
	}
}

// Port 25 is for mail between servers, even where a service also takes mail there.
func TestPort25IsNoOtherWayIn(t *testing.T) {
	s := example(587, site.STARTTLS)
	s.Host = "smtp.office365.com"
	d := Of(failed(site.StageConnect, dropped), s)
	contains(t, d.Remedy, "outgoing TCP to port 587")
	lacks(t, d.Remedy, "25")
}

func TestWordsAreFoundWhateverStandsBetween(t *testing.T) {
	for _, text := range []string{"mailbox unavailable", "mailbox - unavailable", "mailbox . unavailable", "(mailbox) \"unavailable\"", "mailbox, -- unavailable!"} {
		if d := Of(refused(site.StageRcpt, 550, text), example(587, site.STARTTLS)); d.ID != "recipient-not-accepted" {
			t.Errorf("%s: got %s", text, d.ID)
		}
	}
}

// The words of a link are not the server's.
func TestLinksSayNothing(t *testing.T) {
	s := example(587, site.STARTTLS)
	without := Of(refused(site.StageRcpt, 550, "5.7.0 not now"), s)
	with := Of(refused(site.StageRcpt, 550, "5.7.0 not now https://example.test/help/no-such-user-mailbox-unavailable-relay-access-denied"), s)
	if with.ID != without.ID {
		t.Errorf("got %s, want %s", with.ID, without.ID)
	}
}

func TestWordsOfAText(t *testing.T) {
	words := plainWords("<shop@example.com>: rfc5322 refuses (ops@example.net) [192.0.2.1] -- a-b", "shop@example.com", "ops@example.net")
	if words != " fromaddress rfc5322 refuses rcptaddress ipaddress a b " {
		t.Errorf("got %q", words)
	}
}

func TestOnlyTheClientSecretIsCalledThat(t *testing.T) {
	s := site.Settings{Host: "smtp.gmail.com", Username: "shop@example.com", Grant: site.RefreshToken}
	if d := Of(failed(site.StageToken, "token endpoint answered 400 invalid_grant: Token has been expired or revoked."), s); d.ID != "token-refresh-expired" || d.Attribute != "password" {
		t.Errorf("got %+v", d)
	}
}

func TestNoTokenIsAdvisedWhereTheServiceGivesNone(t *testing.T) {
	d := Of(refused(site.StageAuth, 535, "Authentication credentials invalid"), site.Settings{Host: "smtp.naver.com", Username: "shop@example.com"})
	contains(t, d.Remedy, "Naver")
	lacks(t, d.Remedy, "log in without a password")
}

// The login's own address as the sender says nothing about the DNS of its domain.
func TestSenderWhoseDomainIsNotAuthorized(t *testing.T) {
	s := example(587, site.STARTTLS)
	d := Of(throughAuth(site.StageRcpt, 550, "5.7.1 <shop@example.com>: Sender rejected due to SPF"), s)
	if d.Attribute != "from_address" {
		t.Fatalf("got %+v", d)
	}
	lacks(t, d.Remedy, "is the address in username already")
	s.Host, s.Username = "live.smtp.mailtrap.io", "api"
	for _, text := range []string{"5.7.1 <shop@example.com>: Sender rejected due to SPF", "invalid DNS MX or A/AAAA resource record"} {
		lacks(t, Of(throughAuth(site.StageMail, 550, text), s).Remedy, "at Mailtrap for this account")
	}
}

func TestAmazonSESWhereSenderAndRecipientAreOne(t *testing.T) {
	s := ses()
	s.FromAddress = "ops@example.net"
	d := Of(refused(site.StageData, 554, notVerified+"EU-WEST-1: ops@example.net"), s)
	if d.Attribute != "from_address" || d.Cause != "SES has not verified ops@example.net (from_address) in region eu-west-1." {
		t.Errorf("got %+v", d)
	}
}

// A message without an id or a mailbox cannot be looked for by them.
func TestWhereToLookIsSaidAsAWhole(t *testing.T) {
	doubt := site.TestResult{Status: site.InDoubt, Stage: site.StageData, MessageID: "1@example.com", Recipient: "ops@example.net"}
	contains(t, Of(doubt, example(587, site.STARTTLS)).Remedy, "Look for the message <1@example.com> in the mailbox of ops@example.net")
	for _, r := range []site.TestResult{{Status: site.InDoubt, MessageID: "1@example.com"}, {Status: site.InDoubt, Recipient: "ops@example.net"}} {
		if d := Of(r, example(587, site.STARTTLS)); d.Remedy != load().byID[inDoubt].Remedy {
			t.Errorf("got %s", d.Remedy)
		}
	}
}

func TestTwoTestsAreCounted(t *testing.T) {
	f := Failure{Attempts: 2, Spent: 61 * time.Second, Result: failed(site.StageRcpt, "EOF"), Settings: example(587, site.STARTTLS), Machine: "the site"}
	contains(t, section(f.Text(), "Tried"), "Failed at rcpt, 2 tests in 1m1s.")
}

// The reply is what the server said; an error beside it is our own account of the same.
func TestReplyOrError(t *testing.T) {
	r := refused(site.StageAuth, 535, "5.7.8 no")
	r.Error = `{"status":"invalid_token"}`
	text := Failure{Result: r, Settings: example(587, site.STARTTLS)}.Text()
	if said, failure := section(text, "Server said"), section(text, "Error"); said != "535 5.7.8 no" || failure != "" {
		t.Errorf("got %q, %q", said, failure)
	}
}
