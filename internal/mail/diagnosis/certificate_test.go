package diagnosis

import (
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func mistrusted(err string, names ...string) site.TestResult {
	r := failed(site.StageTLS, "tls: failed to verify certificate: x509: "+err)
	r.Certificate = &site.Certificate{Names: names, Issuer: "Example Issuer", NotAfter: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)}
	return r
}

const mismatch = "certificate is valid for web.hoster.example, not mail.example.com"

func TestCertificate(t *testing.T) {
	for name, test := range map[string]struct {
		result         site.TestResult
		host           string
		id, attribute  string
		says, saysNone []string
	}{
		"OfAnotherName": {
			mistrusted(mismatch, "*.hoster.example", "web.hoster.example"), "mail.example.com",
			"tls-cert-host-mismatch", "host",
			[]string{"is for *.hoster.example, web.hoster.example, issued by Example Issuer, valid until 2026-11-20", "set host to it: web.hoster.example."},
			nil,
		},
		"OfWildcardsOnly": {
			mistrusted(mismatch, "*.hoster.example"), "mail.example.com",
			"tls-cert-host-mismatch", "host",
			[]string{"a name that the certificate lists"},
			[]string{"set host to it"},
		},
		"OfAnotherNameWhereHostIsRight": {
			mistrusted(mismatch, "web.hoster.example"), "smtp.gmail.com",
			tlsIntercepted, "",
			[]string{"Do not change host", "web.hoster.example"},
			[]string{"set host to it"},
		},
		"OfAnotherNameInARegion": {
			mistrusted(mismatch, "web.hoster.example"), "email-smtp.ap-southeast-3.amazonaws.com",
			tlsIntercepted, "",
			[]string{"Do not change host"},
			[]string{"set host to it"},
		},
		"OfAnotherNameAtAFormerHost": {
			mistrusted(mismatch, "smtp.ionos.com"), "smtp.1and1.com",
			"tls-cert-host-mismatch", "host",
			[]string{"set host to it: smtp.ionos.com"},
			nil,
		},
		"FromUnknownAuthority": {
			mistrusted("certificate signed by unknown authority", "mail.example.com"), "mail.example.com",
			"tls-cert-unknown-authority", "host",
			[]string{"private authority", "Example Issuer"},
			nil,
		},
		"FromUnknownAuthorityAtAKnownService": {
			mistrusted("certificate signed by unknown authority", "smtp.gmail.com"), "smtp.gmail.com",
			"tls-cert-unknown-authority", "",
			[]string{"ca-certificates", "Example Issuer"},
			nil,
		},
		"Expired": {
			mistrusted("certificate has expired or is not yet valid: current time 2026-11-23T07:47:46Z is after 2026-11-20T00:00:00Z", "mail.example.com"), "mail.example.com",
			"tls-cert-expired", "host",
			[]string{"valid until 2026-11-20"},
			nil,
		},
		"WithoutNames": {
			mistrusted("certificate is not valid for any names, but wanted to match mail.example.com"), "mail.example.com",
			"tls-cert-legacy-cn", "host",
			[]string{"is for no name"},
			nil,
		},
		"WithManyNames": {
			mistrusted(mismatch, "a.example", "b.example", "c.example", "d.example", "e.example", "f.example"), "mail.example.com",
			"tls-cert-host-mismatch", "host",
			[]string{"a.example, b.example, c.example, d.example and 2 more"},
			nil,
		},
		"WithHostileNames": {
			mistrusted(mismatch, "\x1b[31mred.example\x1b[0m", "evil\nResult  All is well", strings.Repeat("x", 1000)), "mail.example.com",
			"tls-cert-host-mismatch", "host",
			[]string{"red.example, evil Result All is well, xxx"},
			[]string{"\x1b", "\n", "set host to it", strings.Repeat("x", 101)},
		},
		"NotReported": {
			failed(site.StageTLS, "x509: "+mismatch), "mail.example.com",
			"tls-cert-host-mismatch", "host",
			[]string{"a name that the certificate lists"},
			[]string{"issued by"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := Of(test.result, site.Settings{Host: test.host, Port: 465, Encryption: site.TLS})
			if d.ID != test.id || d.Attribute != test.attribute {
				t.Errorf("got %q, %q", d.ID, d.Attribute)
			}
			text := d.Cause + " " + d.Remedy
			contains(t, text, test.says...)
			for _, not := range test.saysNone {
				if strings.Contains(text, not) {
					t.Errorf("the text should not say %q: %s", not, text)
				}
			}
		})
	}
}
