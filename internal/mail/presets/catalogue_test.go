package presets

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var (
	idShape   = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	hostShape = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z]$`)
	userShape = regexp.MustCompile(`^(email|localpart|iam|api-key-name|any|literal:[^|\s]+(\|[^|\s]+)*)$`)
)

func TestCatalogue(t *testing.T) {
	all := All()
	if len(all) != 200 {
		t.Errorf("got %d presets, want 200", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b Preset) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("the catalogue is not sorted by ID")
	}
	ids, domains := map[string]bool{}, map[string]string{}
	for _, p := range all {
		check := func(what string, ok bool) {
			t.Helper()
			if !ok {
				t.Errorf("preset %q: bad %s", p.ID, what)
			}
		}
		check("id", idShape.MatchString(p.ID) && !ids[p.ID])
		ids[p.ID] = true
		check("name", p.Name != "")
		checkEndpoints(t, p)
		for _, domain := range p.Domains {
			check("domain "+domain+", also in "+domains[domain], hostShape.MatchString(domain) && domains[domain] == "")
			domains[domain] = p.ID
		}
		check("username", userShape.MatchString(string(p.Username)) && p.UsernameHint != "")
		check("password kind", slices.Contains(PasswordKinds(), p.PasswordKind))
		check("auth status", slices.Contains([]AuthStatus{PasswordOK, AppPasswordRequired, DeprecatedPassword, OAuth2Only}, p.AuthStatus))
		check("auth status beside the password kind", p.PasswordKind != AppPassword || p.AuthStatus != PasswordOK)
		check("auth status note", p.AuthStatusNote != "" || p.AuthStatus == PasswordOK || p.AuthStatus == AppPasswordRequired)
		check("category", slices.Contains([]Category{Mailbox, Transactional, Hosting, ISP, Local}, p.Category))
		for _, link := range []string{p.AppPasswordURL, p.DocsURL} {
			u, err := url.Parse(link)
			check("link "+link, link == "" || err == nil && u.Scheme == "https" && u.Host != "")
		}
		check("sources", len(p.Sources) > 0 && !slices.Contains(p.Sources, ""))
		_, err := time.Parse(time.DateOnly, p.VerifiedOn)
		check("date", err == nil)
	}
	if len(domains) != 736 {
		t.Errorf("got %d domains, want 736", len(domains))
	}
}

func checkEndpoints(t *testing.T, p Preset) {
	t.Helper()
	seen := map[Endpoint]bool{}
	for _, e := range p.Endpoints() {
		if e.Host != p.Host || e.Port < 1 || e.Port > 65535 || seen[e] || !slices.Contains(site.Encryptions(), e.Encryption) {
			t.Errorf("preset %q: bad endpoint %+v", p.ID, e)
		}
		if e.Encryption == site.NoEncryption && p.Host != "localhost" {
			t.Errorf("preset %q sends passwords in clear text", p.ID)
		}
		seen[e] = true
	}
	if _, err := netip.ParseAddr(p.Host); err != nil && !hostShape.MatchString(p.Host) && p.Host != "localhost" {
		t.Errorf("preset %q: bad host %q", p.ID, p.Host)
	}
	names, home := map[string]bool{}, len(p.Regions) == 0
	for _, r := range p.Regions {
		if names[r.Name] || !idShape.MatchString(r.Name) || !hostShape.MatchString(r.Host) {
			t.Errorf("preset %q: bad region %+v", p.ID, r)
		}
		names[r.Name], home = true, home || r.Host == p.Host
	}
	if !home {
		t.Errorf("preset %q: no region has its host", p.ID)
	}
	for _, alias := range p.Aliases {
		if !hostShape.MatchString(strings.ReplaceAll(alias, "*", "com")) {
			t.Errorf("preset %q: bad alias %q", p.ID, alias)
		}
	}
}

// The rule by which a port was chosen: what the service recommends in words, else implicit TLS where it is offered, else
// the only one.
func TestPorts(t *testing.T) {
	for id, want := range map[string]Endpoint{
		"sendgrid":               {"smtp.sendgrid.net", 587, site.STARTTLS},
		"mailgun":                {"smtp.mailgun.org", 587, site.STARTTLS},
		"smtp2go":                {"mail.smtp2go.com", 587, site.STARTTLS},
		"google-workspace-relay": {"smtp-relay.gmail.com", 587, site.STARTTLS},
		"resend":                 {"smtp.resend.com", 465, site.TLS},
		"fastmail":               {"smtp.fastmail.com", 465, site.TLS},
		"brevo":                  {"smtp-relay.brevo.com", 465, site.TLS},
		"gmail":                  {"smtp.gmail.com", 465, site.TLS},
		"amazon-ses":             {"email-smtp.us-east-1.amazonaws.com", 465, site.TLS},
		"microsoft365":           {"smtp.office365.com", 587, site.STARTTLS},
		"icloud":                 {"smtp.mail.me.com", 587, site.STARTTLS},
		"postmark":               {"smtp.postmarkapp.com", 587, site.STARTTLS},
		"sparkpost":              {"smtp.sparkpostmail.com", 587, site.STARTTLS},
		"socketlabs":             {"smtp.socketlabs.com", 465, site.TLS},
		"titan":                  {"smtp.titan.email", 465, site.TLS},
		"cloudflare-email":       {"smtp.mx.cloudflare.net", 465, site.TLS},
		"mailpit":                {"localhost", 1025, site.NoEncryption},
	} {
		p, ok := ByID(id)
		got, err := p.Endpoint("")
		if !ok || err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", id, got, err, want)
		}
	}
}

func TestPasswordFormats(t *testing.T) {
	formats := 0
	for _, p := range All() {
		if (p.PasswordFormat == "") != (p.PasswordHint == "") {
			t.Errorf("preset %q: has only one of password format and hint", p.ID)
		}
		if p.PasswordFormat == "" {
			continue
		}
		formats++
		if _, err := regexp.Compile(p.PasswordFormat); err != nil {
			t.Errorf("preset %q: %v", p.ID, err)
		}
		if !strings.HasPrefix(p.PasswordFormat, "^") || !strings.HasSuffix(p.PasswordFormat, "$") {
			t.Errorf("preset %q: format %q is not anchored at both ends", p.ID, p.PasswordFormat)
		}
	}
	if formats != 12 {
		t.Errorf("got %d formats, want 12", formats)
	}
}

func TestParseRefusesWrongTypes(t *testing.T) {
	if _, err := parse([]byte(`[{"port": "587"}]`)); err == nil {
		t.Error("accepted a port that is not a number")
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(file); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAll(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		All()
	}
}

func BenchmarkByHost(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ByHost("email-smtp.eu-central-2.amazonaws.com")
		ByHost("mail.example.com")
	}
}
