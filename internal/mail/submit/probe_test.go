package submit_test

import (
	"crypto/x509"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestProbe(t *testing.T) {
	for e, want := range map[site.Encryption]struct {
		stages   []site.Stage
		starttls bool
	}{
		site.STARTTLS:     {[]site.Stage{"dns", "connect", "banner", "ehlo", "starttls", "tls", "ehlo"}, true},
		site.TLS:          {[]site.Stage{"dns", "connect", "tls", "banner", "ehlo"}, false},
		site.NoEncryption: {[]site.Stage{"dns", "connect", "banner", "ehlo"}, false},
	} {
		t.Run(string(e), func(t *testing.T) {
			server, sender, _ := start(t, smtptest.Config{
				Encryption: e, MaxMessageBytes: 12345, Leaf: smtptest.Leaf{Names: []string{"mail.example.test"}},
			})
			sender.Resolver = resolver(t, "127.0.0.1")
			p := sender.Probe(t.Context(), "mail.example.test", server.Port(), e, "client.example.com")
			if p.Result.Status != site.Passed || p.Result.Stage != site.StageEHLO || p.Result.TestedAt.IsZero() {
				t.Fatalf("got %+v", p.Result)
			}
			if got := stages(p.Result); !slices.Equal(got, want.stages) {
				t.Errorf("got stages %q, want %q", got, want.stages)
			}
			if !slices.Equal(p.Addresses, []string{"127.0.0.1"}) || p.RemoteAddress != net.JoinHostPort("127.0.0.1", strconv.Itoa(server.Port())) {
				t.Errorf("got addresses %q, %q", p.Addresses, p.RemoteAddress)
			}
			if p.HELOName != "client.example.com" || p.Banner != "localhost ESMTP Service Ready" {
				t.Errorf("got HELO name %q, banner %q", p.HELOName, p.Banner)
			}
			if p.STARTTLS != want.starttls || !slices.Equal(p.AuthMechanisms, []string{"PLAIN", "LOGIN"}) || p.SizeLimit != 12345 {
				t.Errorf("got STARTTLS %v, AUTH %q, SIZE %d", p.STARTTLS, p.AuthMechanisms, p.SizeLimit)
			}
			if (p.TLS != nil) != (e != site.NoEncryption) {
				t.Fatalf("got TLS %+v", p.TLS)
			}
			if p.TLS != nil && (p.TLS.Version != "TLS 1.3" || !p.TLS.Trusted || !slices.Equal(p.TLS.Certificate.Names, []string{"mail.example.test"})) {
				t.Errorf("got TLS %+v", p.TLS)
			}
			if got, want := server.Counters(), (smtptest.Counters{Connections: 1}); got != want {
				t.Errorf("got counters %+v, want %+v", got, want)
			}
		})
	}
}

func TestProbeShowsAnUntrustedCertificate(t *testing.T) {
	server, sender, _ := start(t, smtptest.Config{})
	sender.RootCAs = x509.NewCertPool()
	p := sender.Probe(t.Context(), server.Host(), server.Port(), site.STARTTLS, "")
	if p.Result.Status != site.Failed || p.Result.Stage != site.StageTLS || p.Result.Certificate == nil {
		t.Fatalf("got %+v", p.Result)
	}
	if p.TLS == nil || p.TLS.Trusted || p.TLS.Version != "TLS 1.3" {
		t.Fatalf("got TLS %+v", p.TLS)
	}
	if c := p.TLS.Certificate; c.Issuer != "CN=smtptest CA" || len(c.Names) != 3 || time.Until(c.NotAfter) < 0 || time.Since(p.TLS.NotBefore) < 0 {
		t.Errorf("got %+v", p.TLS)
	}
	if !p.STARTTLS || p.Banner == "" {
		t.Errorf("the result lost the banner or the extensions: %+v", p)
	}
}

func TestProbeTellsHowFarItCame(t *testing.T) {
	t.Run("RefusingBanner", func(t *testing.T) {
		s, sender, _ := script(t, site.NoEncryption, say("554 5.7.1 not from there"))
		p := sender.Probe(t.Context(), s.Host(), s.Port(), site.NoEncryption, "")
		if p.Result.Stage != site.StageBanner || p.Result.Reply == nil || p.Result.Reply.String() != "554 5.7.1 not from there" {
			t.Errorf("got %+v", p)
		}
		if !slices.Equal(p.Addresses, []string{"127.0.0.1"}) || p.RemoteAddress == "" || p.HELOName != "" {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("NothingListens", func(t *testing.T) {
		s, sender, _ := script(t, site.NoEncryption, (*smtptest.Peer).Wait)
		p := sender.Probe(t.Context(), "127.0.0.2", s.Port(), site.NoEncryption, "")
		if p.Result.Stage != site.StageConnect || p.RemoteAddress != "" || !slices.Equal(p.Addresses, []string{"127.0.0.2"}) {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("BadHost", func(t *testing.T) {
		p := new(submit.Sender).Probe(t.Context(), "smtp://mail", 25, site.NoEncryption, "")
		if p.Result.Status != site.Failed || p.Result.Stage != site.StageDNS || p.Addresses != nil {
			t.Errorf("got %+v", p)
		}
	})
}

// TestOtherServicesStayUnknown: a probe from a site must not become a port scanner.
func TestOtherServicesStayUnknown(t *testing.T) {
	for name, greeting := range map[string]string{
		"SSH":   "SSH-2.0-OpenSSH_9.9 internal-gateway",
		"IMAP":  "* OK [CAPABILITY IMAP4rev1] internal-gateway ready",
		"POP3":  "+OK internal-gateway ready",
		"HTTP":  "HTTP/1.1 400 Bad Request\r\nServer: internal-gateway",
		"Menu":  "--- internal-gateway ---",
		"MySQL": "J\x00\x00\x00\x0a8.0.36 internal-gateway",
	} {
		t.Run(name, func(t *testing.T) {
			s, sender, _ := script(t, site.NoEncryption, func(p *smtptest.Peer) { p.Say(greeting); p.Wait() })
			p := sender.Probe(t.Context(), s.Host(), s.Port(), site.NoEncryption, "")
			if p.Result.Stage != site.StageBanner || p.Result.Error != "invalid response code: not a mail server" || p.Banner != "" {
				t.Errorf("got %+v", p)
			}
			if len(s.Heard()) != 0 {
				t.Errorf("the client sent %q", s.Heard())
			}
		})
	}
}

func TestProbeSizeLimit(t *testing.T) {
	for line, want := range map[string]int64{
		"SIZE 35882577":            35882577,
		"size 1000":                1000,
		"SIZE":                     0,
		"SIZE 0":                   0,
		"SIZE -5":                  0,
		"SIZE many":                0,
		"SIZE 9223372036854775808": 0,
		"HELP":                     0,
	} {
		t.Run(line, func(t *testing.T) {
			s, sender, _ := script(t, site.NoEncryption, offering(quit, "250 "+line))
			if p := sender.Probe(t.Context(), s.Host(), s.Port(), site.NoEncryption, ""); p.SizeLimit != want {
				t.Errorf("got %d, want %d: %+v", p.SizeLimit, want, p)
			}
		})
	}
}

func TestProbeKeepsOnlyNamesOfMechanisms(t *testing.T) {
	s, sender, _ := script(t, site.NoEncryption, offering(quit, "250-AUTH PLAIN \x1b[31mX plain SCRAM-SHA-256 {X} X[ ÄX X_Z-A09 X:; "+strings.Repeat("X", 21), "250-AUTH=login", "250 "))
	p := sender.Probe(t.Context(), s.Host(), s.Port(), site.NoEncryption, "")
	if want := []string{"PLAIN", "SCRAM-SHA-256", "X_Z-A09", "LOGIN"}; !slices.Equal(p.AuthMechanisms, want) {
		t.Errorf("got %q, want %q", p.AuthMechanisms, want)
	}
}

// TestHELONameIsChosen: relays refuse "localhost", so nothing like it may be said.
func TestHELONameIsChosen(t *testing.T) {
	s, sender, _ := script(t, site.NoEncryption, offering(quit, "250 HELP"))
	p := sender.Probe(t.Context(), s.Host(), s.Port(), site.NoEncryption, "")
	if p.HELOName == "" || strings.Contains(p.HELOName, "localhost") || submit.CheckHELOName(p.HELOName) != nil {
		t.Errorf("got HELO name %q", p.HELOName)
	}
	if !strings.Contains(p.HELOName, ".") {
		t.Errorf("got %q, want a fully qualified name or an address literal", p.HELOName)
	}
	if got := s.Heard()[0]; got != "EHLO "+p.HELOName {
		t.Errorf("the client sent %q", got)
	}
}
