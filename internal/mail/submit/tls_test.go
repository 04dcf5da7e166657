package submit_test

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// secured are the encryptions with TLS.
var secured = []site.Encryption{site.STARTTLS, site.TLS}

func TestCertificateIsRefused(t *testing.T) {
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		leaf smtptest.Leaf
		// strange tells that the sender does not know the authority.
		strange bool
		// ahead is how far the sender's clock is ahead.
		ahead time.Duration
		text  string
	}{
		"UnknownAuthority": {strange: true, text: "x509: certificate signed by unknown authority"},
		"OtherName":        {leaf: smtptest.Leaf{Names: []string{"mail.example.test", "*.example.test", "127.0.0.2"}}, text: "x509: certificate is valid for 127.0.0.2, not 127.0.0.1"},
		"NamesOnly":        {leaf: smtptest.Leaf{Names: []string{"mail.example.test"}}, text: "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"},
		"Expired":          {ahead: 10 * day, text: "x509: certificate has expired or is not yet valid: current time"},
		"NotYetValid":      {ahead: -10 * day, text: "is before"},
	} {
		for _, e := range secured {
			t.Run(name+"/"+string(e), func(t *testing.T) {
				server, sender, candidate := start(t, smtptest.Config{Encryption: e, Leaf: c.leaf})
				sender.Now = func() time.Time { return time.Now().Add(c.ahead) }
				if c.strange {
					sender.RootCAs = x509.NewCertPool()
				}
				r := sender.Send(t.Context(), candidate, recipient)
				if r.Status != site.Failed || r.Stage != site.StageTLS || r.Reply != nil {
					t.Fatalf("got %+v", r)
				}
				if !strings.HasPrefix(r.Error, "tls: failed to verify certificate: x509: ") || !strings.Contains(r.Error, c.text) {
					t.Errorf("got error %q, want %q", r.Error, c.text)
				}
				names := c.leaf.Names
				if names == nil {
					names = []string{"localhost", "127.0.0.1", "::1"}
				}
				if r.Certificate == nil || !slices.Equal(r.Certificate.Names, names) || r.Certificate.Issuer != "CN=smtptest CA" {
					t.Fatalf("got certificate %+v, want names %q", r.Certificate, names)
				}
				if left := time.Until(r.Certificate.NotAfter); left < 0 || left > 2*day {
					t.Errorf("got not after %s", r.Certificate.NotAfter)
				}
				if got := server.Counters(); got.Logins != 0 || got.Messages != 0 {
					t.Errorf("got counters %+v, want no login and no message", got)
				}
			})
		}
	}
}

func TestCertificateNameMatches(t *testing.T) {
	_, sender, c := start(t, smtptest.Config{Leaf: smtptest.Leaf{Names: []string{"localhost"}}})
	c.Settings.Host = "localhost"
	if r := sender.Send(t.Context(), c, recipient); r.Status != site.Passed {
		t.Errorf("got %+v", r)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	for _, e := range secured {
		t.Run(string(e), func(t *testing.T) {
			old := func(p *smtptest.Peer) {
				p.StartTLS(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
			}
			play := old
			if e == site.STARTTLS {
				play = until(site.StageTLS, old)
			}
			_, sender, c := script(t, e, play)
			r := sender.Send(t.Context(), c, recipient)
			if r.Stage != site.StageTLS || r.Error != "remote error: tls: protocol version not supported" {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// TestClientCertificateIsWanted: in TLS 1.3 the refusal arrives after the handshake, and still is one of stage tls.
func TestClientCertificateIsWanted(t *testing.T) {
	picky := func(p *smtptest.Peer) {
		p.StartTLS(&tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert})
	}
	for e, play := range map[site.Encryption]func(*smtptest.Peer){site.TLS: picky, site.STARTTLS: until(site.StageTLS, picky)} {
		t.Run(string(e), func(t *testing.T) {
			_, sender, c := script(t, e, play)
			r := sender.Send(t.Context(), c, recipient)
			if r.Stage != site.StageTLS || r.Error != "remote error: tls: certificate required" || slices.Contains(stages(r), site.StageTLS) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestTLSToAClearTextPort(t *testing.T) {
	_, sender, c := start(t, smtptest.Config{Encryption: site.STARTTLS})
	c.Settings.Encryption = site.TLS
	r := sender.Send(t.Context(), c, recipient)
	want := "tls: first record does not look like a TLS handshake: a mail server greeted without TLS"
	if r.Stage != site.StageTLS || r.Error != want {
		t.Errorf("got %+v", r)
	}
}

func TestClearTextToATLSPort(t *testing.T) {
	for _, e := range []site.Encryption{site.STARTTLS, site.NoEncryption} {
		t.Run("ServerWaits/"+string(e), func(t *testing.T) {
			server, sender, c := start(t, smtptest.Config{Encryption: site.TLS})
			c.Settings.Encryption = e
			r := sendImpatiently(t, sender, c, site.StageBanner)
			if r.Stage != site.StageBanner || !strings.HasPrefix(r.Error, "context deadline exceeded after ") || !strings.Contains(r.Error, " in stage banner, ") {
				t.Errorf("got %+v", r)
			}
			if got := server.Counters().Logins; got != 0 {
				t.Errorf("got %d logins, want 0", got)
			}
		})
		t.Run("ServerSendsAnAlert/"+string(e), func(t *testing.T) {
			_, sender, c := script(t, e, func(p *smtptest.Peer) { p.Send("\x15\x03\x01\x00\x02\x02\x46") })
			r := sender.Send(t.Context(), c, recipient)
			if r.Stage != site.StageBanner || r.Error != `short response: "\x15\x03\x01\x00"` {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// TestR34STARTTLSIsRequired plays the attack of RFC 3207 section 6: an offer that somebody took out.
func TestR34STARTTLSIsRequired(t *testing.T) {
	for name, ehlo := range map[string]string{
		"NotOffered":        "250-mail.example.test\n250 AUTH PLAIN LOGIN",
		"OnlyTheServerName": "250 STARTTLS",
		"OfferMangled":      "250-mail.example.test\n250-XXXXXXXA\n250 AUTH PLAIN LOGIN",
	} {
		t.Run(name, func(t *testing.T) {
			s, sender, c := script(t, site.STARTTLS, func(p *smtptest.Peer) {
				p.Say("220 mail.example.test ESMTP")
				p.Answer(ehlo)
				p.Wait()
			})
			r := sender.Send(t.Context(), c, recipient)
			if r.Stage != site.StageSTARTTLS || r.Error != "server doesn't support STARTTLS" {
				t.Errorf("got %+v", r)
			}
			if want := []string{"EHLO client.example.com"}; !slices.Equal(s.Heard(), want) {
				t.Errorf("the client sent %q", s.Heard())
			}
		})
	}
}

// TestR35DataBeforeTLS plays CVE-2011-0411 from the client's side.
func TestR35DataBeforeTLS(t *testing.T) {
	s, sender, c := script(t, site.STARTTLS, until(site.StageSTARTTLS, func(p *smtptest.Peer) {
		p.Say("220 go ahead", "250 AUTH PLAIN")
		p.Wait()
	}))
	r := sender.Send(t.Context(), c, recipient)
	if r.Status != site.Failed || r.Stage != site.StageSTARTTLS || !strings.Contains(r.Error, "data arrived before TLS") {
		t.Errorf("got %+v", r)
	}
	if want := []string{"EHLO client.example.com", "STARTTLS"}; !slices.Equal(s.Heard(), want) {
		t.Errorf("the client sent %q", s.Heard())
	}
}

// TestOffersBeforeTLSAreForgotten: a login offered in clear text only is no login (RFC 3207 section 4.2).
func TestOffersBeforeTLSAreForgotten(t *testing.T) {
	s, sender, c := script(t, site.STARTTLS, func(p *smtptest.Peer) {
		p.Say("220 mail.example.test ESMTP")
		p.Answer("250-mail.example.test\n250-AUTH PLAIN\n250 STARTTLS", "220 go ahead")
		p.StartTLS(nil)
		p.Answer("250 mail.example.test")
		p.Wait()
	})
	r := sender.Send(t.Context(), c, recipient)
	if r.Stage != site.StageAuth || r.Error != "server doesn't support AUTH" {
		t.Errorf("got %+v", r)
	}
	if strings.Contains(strings.Join(s.Heard(), "\n"), "AUTH") {
		t.Errorf("the client sent %q", s.Heard())
	}
}
