package presets

import (
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestByID(t *testing.T) {
	if p, ok := ByID("gmail"); !ok || p.Name != "Gmail" {
		t.Errorf("got %+v", p)
	}
	for _, id := range []string{"", "Gmail", "gmail ", "nope"} {
		if p, ok := ByID(id); ok {
			t.Errorf("%q resolves to %s", id, p.ID)
		}
	}
}

func TestByDomainAndAddress(t *testing.T) {
	for domain, want := range map[string]string{
		"gmail.com":        "gmail",
		"GoogleMail.com":   "gmail",
		"gmail.com.":       "gmail",
		"gmail。com":        "gmail",
		"gmail．com":        "gmail",
		"\u212aPNMAIL.NL":  "kpn", // the sign for Kelvin, which is a k in any other case
		"hotmail.com":      "outlook",
		"yahoo.co.uk":      "yahoo",
		"mail.gmail.com":   "",
		"münchen.example":  "",
		"xn--mnchen-3ya.x": "",
		"":                 "",
		".":                "",
	} {
		p, ok := ByDomain(domain)
		if p.ID != want || ok != (want != "") {
			t.Errorf("domain %q: got %q, want %q", domain, p.ID, want)
		}
		p, ok = ByAddress("o'neil+tag@" + domain)
		if p.ID != want || ok != (want != "") {
			t.Errorf("address at %q: got %q, want %q", domain, p.ID, want)
		}
	}
	for _, address := range []string{"", "@", "@gmail.com", "gmail.com", "a@b@"} {
		if p, ok := ByAddress(address); ok {
			t.Errorf("address %q: got %q", address, p.ID)
		}
	}
	if p, _ := ByDomain(" gmail.com\n"); p.ID != "gmail" {
		t.Errorf("with spaces around: got %q", p.ID)
	}
	if p, _ := ByAddress(`"a@b"@gmail.com`); p.ID != "gmail" {
		t.Errorf("quoted local part: got %q", p.ID)
	}
}

func TestEveryDomainLeadsToItsPreset(t *testing.T) {
	for _, p := range All() {
		for _, domain := range p.Domains {
			if got, _ := ByDomain(strings.ToUpper(domain)); got.ID != p.ID {
				t.Errorf("%s: got %q, want %q", domain, got.ID, p.ID)
			}
		}
	}
}

func TestByHost(t *testing.T) {
	for host, want := range map[string]string{
		"smtp.gmail.com":                          "gmail",
		"SMTP.Gmail.COM.":                         "gmail",
		"smtp-relay.gmail.com":                    "google-workspace-relay",
		"smtp.office365.com":                      "microsoft365",
		"example-com.mail.protection.outlook.com": "microsoft365",
		"smtp-mail.outlook.com":                   "outlook",
		"smtp.mail.yahoo.com":                     "yahoo",
		"smtp.aol.com":                            "aol",
		"smtp.mail.me.com":                        "icloud",
		"smtp.zoho.eu":                            "zoho",
		"smtp.zoho.uk":                            "zoho",
		"smtppro.zoho.com":                        "zoho-pro",
		"email-smtp.eu-west-1.amazonaws.com":      "amazon-ses",
		"email-smtp.af-south-1.amazonaws.com":     "amazon-ses",
		"email-smtp-fips.us-east-1.amazonaws.com": "amazon-ses",
		"smtp.sendgrid.net":                       "sendgrid",
		"smtp.eu.mailgun.org":                     "mailgun",
		"smtp.postmarkapp.com":                    "postmark",
		"smtp-relay.sendinblue.com":               "brevo",
		"in-v3.mailjet.com":                       "mailjet",
		"smtp.eu.sparkpostmail.com":               "sparkpost",
		"smtp.resend.com":                         "resend",
		"smtp.socketlabs.com":                     "socketlabs",
		"smtp.titan.email":                        "titan",
		"bulk.smtp.mailtrap.io":                   "mailtrap",
		"sandbox.smtp.mailtrap.io":                "mailtrap-sandbox",
		"smtpout.secureserver.net":                "godaddy",
		"smtp.ionos.de":                           "ionos-de",
		"smtp.ionos.co.uk":                        "ionos",
		"smtp.ionos.es":                           "ionos",
		"smtp.hostinger.com":                      "hostinger",
		"smtp.fastmail.com":                       "fastmail",
		"smtp.mail.ru":                            "mailru",
		"smtp.yandex.com.tr":                      "yandex",
		"smtp.qq.com":                             "qq",
		"smtp.163.com":                            "netease-163",
		"smtpdm.aliyun.com":                       "alibaba-directmail",
		"smtpdm-ap-southeast-1.aliyuncs.com":      "alibaba-directmail",
		"mail.gmx.net":                            "gmx-net",
		"smtp.web.de":                             "webde",
		"ssl0.ovh.net":                            "ovh",
		"smtp.mail.ovh.net":                       "ovh",
		"localhost":                               "",
		"127.0.0.1":                               "",
		"mail.example.com":                        "",
		"*.smtp.mailtrap.io":                      "mailtrap",
		"smtp.gmail.com.example.com":              "",
		"[":                                       "",
		"":                                        "",
	} {
		if p, ok := ByHost(host); p.ID != want || ok != (want != "") {
			t.Errorf("%q: got %q, want %q", host, p.ID, want)
		}
	}
}

func TestEveryHostLeadsToAPresetThatHasIt(t *testing.T) {
	for _, p := range All() {
		if p.Category == Local {
			continue
		}
		hosts := []string{p.Host}
		for _, r := range p.Regions {
			hosts = append(hosts, r.Host)
		}
		for _, host := range hosts {
			got, ok := ByHost(host)
			has := got.Host == host || slices.ContainsFunc(got.Regions, func(r Region) bool { return r.Host == host })
			if !ok || !has {
				t.Errorf("%s of %s: got %q", host, p.ID, got.ID)
			}
		}
	}
}

// An account may belong to the region of its host, so a host that only lacks in the list is as good as one in it.
func TestServes(t *testing.T) {
	for host, want := range map[string]bool{
		"smtp.gmail.com":                                 true,
		"SMTP.Gmail.com.":                                true,
		"smtp.eu.mailgun.org":                            true,
		"email-smtp.eu-west-1.amazonaws.com":             true,
		"email-smtp.af-south-1.amazonaws.com":            true,
		"smtp.email.mx-queretaro-1.oci.oraclecloud.com":  true,
		"smtp.ionos.es":                                  true,
		"smtp.zoho.ae":                                   true,
		"smtp.1and1.com":                                 false,
		"smtp-relay.sendinblue.com":                      false,
		"example-com.mail.protection.outlook.com":        false,
		"example.smtp.mailtrap.io":                       false,
		"mail.example.com":                               false,
		"email-smtp.eu-west-1.amazonaws.com.example.com": false,
	} {
		p, _ := ByHost(host)
		if got := p.Serves(host); got != want {
			t.Errorf("%q of %q: got %t", host, p.ID, got)
		}
	}
}

func TestEndpoint(t *testing.T) {
	ses, _ := ByID("amazon-ses")
	got, err := ses.Endpoint("eu-central-1")
	if want := (Endpoint{"email-smtp.eu-central-1.amazonaws.com", 465, site.TLS}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	_, err = ses.Endpoint("mars-north-1")
	if err == nil || !strings.Contains(err.Error(), `no region "mars-north-1"`) || !strings.Contains(err.Error(), "eu-central-1, eu-north-1") {
		t.Errorf("got %v", err)
	}
	gmail, _ := ByID("gmail")
	if _, err = gmail.Endpoint("eu"); err == nil || !strings.Contains(err.Error(), "has no regions") {
		t.Errorf("got %v", err)
	}
}

func TestEndpoints(t *testing.T) {
	for id, want := range map[string][]Endpoint{
		"gmail":  {{"smtp.gmail.com", 465, site.TLS}, {"smtp.gmail.com", 587, site.STARTTLS}},
		"icloud": {{"smtp.mail.me.com", 587, site.STARTTLS}},
	} {
		p, _ := ByID(id)
		if got := p.Endpoints(); !slices.Equal(got, want) {
			t.Errorf("%s: got %+v, want %+v", id, got, want)
		}
	}
}

func TestRegionsAccountsAreBoundTo(t *testing.T) {
	for _, test := range []struct{ id, region, host string }{
		{"alibaba-directmail", "us-east-1", "smtpdm-us-east-1.aliyuncs.com"},
		{"alibaba-directmail", "eu-central-1", "smtpdm-eu-central-1.aliyuncs.com"},
		{"microsoft365", "", "smtp.office365.com"},
		{"microsoft365", "us-government", "smtp.office365.us"},
		{"microsoft365", "china", "smtp.partner.outlook.cn"},
		{"oci-email-delivery", "", "smtp.email.us-ashburn-1.oci.oraclecloud.com"},
		{"oci-email-delivery", "us-phoenix-1", "smtp.email.us-phoenix-1.oci.oraclecloud.com"},
		{"oci-email-delivery", "eu-frankfurt-1", "smtp.email.eu-frankfurt-1.oci.oraclecloud.com"},
		{"oci-email-delivery", "eu-amsterdam-1", "smtp.email.eu-amsterdam-1.oci.oraclecloud.com"},
		{"oci-email-delivery", "uk-london-1", "smtp.email.uk-london-1.oci.oraclecloud.com"},
		{"ovh", "eu", "ssl0.ovh.net"},
		{"ovh", "ca", "smtp.mail.ovh.ca"},
		{"zoho-pro", "ca", "smtppro.zohocloud.ca"},
		{"zoho-pro", "sa", "smtppro.zoho.sa"},
	} {
		p, _ := ByID(test.id)
		if e, err := p.Endpoint(test.region); err != nil || e.Host != test.host {
			t.Errorf("%s in %q: got %+v, %v", test.id, test.region, e, err)
		}
		if owner, _ := ByHost(test.host); owner.ID != test.id {
			t.Errorf("%s: got %q", test.host, owner.ID)
		}
	}
}

func TestEveryRegionHasAnEndpoint(t *testing.T) {
	for _, p := range All() {
		for _, r := range p.Regions {
			if e, err := p.Endpoint(r.Name); err != nil || e.Host != r.Host || e.Port != p.Port || e.Encryption != p.Encryption {
				t.Errorf("%s in %s: got %+v, %v", p.ID, r.Name, e, err)
			}
		}
	}
}

func TestPresetsAreTheCallersOwn(t *testing.T) {
	spoil := func(p Preset) {
		for _, list := range [][]string{p.Aliases, p.Domains, p.Sources, p.Conflicts} {
			for i := range list {
				list[i] = "spoilt"
			}
		}
		clear(p.Alternatives)
		clear(p.Regions)
	}
	before, _ := ByID("yandex")
	for _, p := range All() {
		spoil(p)
	}
	for _, find := range []func() (Preset, bool){
		func() (Preset, bool) { return ByID("yandex") },
		func() (Preset, bool) { return ByDomain("yandex.ru") },
		func() (Preset, bool) { return ByHost("smtp.yandex.ru") },
	} {
		p, ok := find()
		if !ok || !slices.Equal(p.Domains, before.Domains) || !slices.Equal(p.Regions, before.Regions) ||
			!slices.Equal(p.Alternatives, before.Alternatives) || !slices.Equal(p.Sources, before.Sources) ||
			!slices.Equal(p.Aliases, before.Aliases) || !slices.Equal(p.Conflicts, before.Conflicts) {
			t.Fatalf("a caller could change the catalogue: %+v", p)
		}
		spoil(p)
		before, _ = ByID("yandex")
	}
}

func FuzzLookup(f *testing.F) {
	for _, seed := range []string{"", "gmail", "smtp.gmail.com", "a@gmail.com", "gmail。com", "[a-", "*", "\xff\xfe", strings.Repeat("x", 1000)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, find := range []func(string) (Preset, bool){ByID, ByDomain, ByAddress, ByHost} {
			if p, ok := find(name); ok != (p.ID != "") {
				t.Errorf("%q: found %t, got %q", name, ok, p.ID)
			}
		}
		near := Near(name)
		if len(near) > 4 {
			t.Errorf("%q has too many suggestions: %q", name, near)
		}
		for _, id := range near {
			if _, ok := ByID(id); !ok {
				t.Errorf("%q suggests %q, which is not a preset", name, id)
			}
		}
	})
}

// TestTenantOf: a tenant is read from its own endpoint only.
func TestTenantOf(t *testing.T) {
	microsoft, _ := ByID("microsoft365")
	google, _ := ByID("google-workspace")
	for address, want := range map[string]string{
		microsoft.OAuth2.TokenURLOf("client.example"):                            "client.example",
		"https://login.microsoftonline.com/a/b/oauth2/v2.0/token":                "",
		"https://login.microsoftonline.us/client.example/oauth2/v2.0/token":      "",
		"https://login.microsoftonline.com/client.example/oauth2/v2.0/authorize": "",
		google.OAuth2.TokenURL: "",
	} {
		if got := microsoft.OAuth2.TenantOf(address); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
		if got := google.OAuth2.TenantOf(address); got != "" {
			t.Errorf("got the tenant %q for Google", got)
		}
	}
}
