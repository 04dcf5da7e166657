package diagnosis

import (
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func at(p presets.Preset) site.Settings {
	return site.Settings{Host: p.Host, Port: 587, Encryption: site.STARTTLS, Username: "shop@example.com", FromAddress: "shop@example.com"}
}

func TestRefusedLoginWherePasswordsAreNone(t *testing.T) {
	known := 0
	for _, p := range presets.All() {
		if found, ok := presets.ByHost(p.Host); !ok || found.ID != p.ID {
			continue
		}
		if p.AuthStatus != presets.OAuth2Only {
			if p.PasswordKind == presets.NoPassword {
				t.Errorf("%s accepts no login, but the advice on refused logins does not consider that", p.ID)
			}
			continue
		}
		d := Of(refused(site.StageAuth, 535, "Authentication failed"), at(p))
		known++
		contains(t, d.Remedy, "se another mail service")
		if v := (&verdict{settings: at(p), service: p, known: true}); v.tokenBlock() != "" {
			contains(t, d.Remedy, "Log in with OAuth 2.0", v.tokenBlock())
		}
	}
	if known == 0 {
		t.Error("the catalogue no longer has such services")
	}
}

func TestBothAddressesUnverifiedAtSES(t *testing.T) {
	d := Of(refused(site.StageData, 554, notVerified+"EU-WEST-1: shop@example.com, ops@example.net"), ses())
	contains(t, d.Remedy, "Verify the domain of from_address in region eu-west-1 and leave the SES sandbox there.")
}

// A page about a service's settings does not lift what it has blocked.
func TestNoLinkToSettingsWhereTheAccountIsBlocked(t *testing.T) {
	d := Of(refused(site.StageData, 554, "5.7.1 Disabled by user from hPanel"), site.Settings{
		Host: "smtp.hostinger.com", Port: 465, Encryption: site.TLS, Username: "shop@example.com", FromAddress: "shop@example.com",
	})
	if d.Summary != blocked || d.URL != "" {
		t.Errorf("got %+v", d)
	}
}

// What a server quotes is no failure of our own connection.
func TestRepliesAreNoTLSFailures(t *testing.T) {
	for _, text := range []string{"x509: certificate signed by unknown authority", "tls: handshake failure", "certificate has expired"} {
		if d := Of(refused(site.StageData, 554, text), ses()); load().byID[d.ID].Stage == site.StageTLS {
			t.Errorf("%q: got %s", text, d.ID)
		}
	}
}

// A login with a token is one by its settings, whether or not the site tells that it fetched the token.
func TestTokenLoginIsKnownByItsSettings(t *testing.T) {
	s := at(presets.Preset{Host: "smtp.office365.com"})
	s.Grant = site.ClientCredentials
	if !factsOf(refused(site.StageAuth, 535, "no"), s)[oauth2] {
		t.Error("settings with a grant count as a login with a password")
	}
	fetched := refused(site.StageAuth, 535, "no")
	fetched.Stages = stages(site.StageToken)
	if !factsOf(fetched, ses())[oauth2] || factsOf(refused(site.StageAuth, 535, "no"), ses())[oauth2] {
		t.Error("a fetched token does not count as oauth2, or a login without one does")
	}
}

func TestQuotesEndAfterTenLines(t *testing.T) {
	line := strings.Repeat("x", textWidth-1)
	for lines, want := range map[int]int{mostLines - 1: mostLines - 1, mostLines: mostLines, mostLines + 1: mostLines} {
		var p page
		p.quote("Said", strings.Repeat(line+" ", lines))
		if len(p.lines) != want || strings.HasSuffix(p.String(), "…") != (lines > mostLines) {
			t.Errorf("%d lines: got %d:\n%s", lines, len(p.lines), p.String())
		}
	}
}

func TestWidthOfCharacters(t *testing.T) {
	for text, want := range map[string]int{"abcé": 4, "授权码": 6, "가": 2, "ひカ": 4, "！＠": 4, "\u3000。\u303f": 6, "\uff60\uff61": 3, "\uff00": 2, "\uff01": 2, "\ufeff": 1, "…": 1} {
		if got := width(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

// The right host of a known service clears the host, and nothing else.
func TestARightHostClearsNoPort(t *testing.T) {
	if d := Of(failed(site.StageDNS, "dial tcp: address 99999: invalid port"), gmail(99999, site.TLS)); d.Attribute != "port" {
		t.Errorf("got %+v", d)
	}
}
