package sender_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/sender"
	"github.com/sitemail/terraform-provider-smtp/internal/test/dnstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const domain = "client.example"

// fastmail is the zone of a domain that is set up for Fastmail, with the zones of the service.
func fastmail(changes dnstest.Zone) dnstest.Zone {
	zone := dnstest.Zone{
		domain:                    {"TXT v=spf1 include:spf.messagingengine.com ~all", "TXT some-verification=1", "MX 10 in1-smtp.messagingengine.com"},
		"_dmarc." + domain:        {"TXT v=DMARC1; p=reject; rua=mailto:dmarc@client.example"},
		"spf.messagingengine.com": {"TXT v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.7 ?all"},
	}
	for _, selector := range []string{"fm1", "fm2", "fm3"} {
		zone[selector+"._domainkey."+domain] = []string{"CNAME " + selector + ".client.example.dkim.fmhosted.com"}
		zone[selector+".client.example.dkim.fmhosted.com"] = []string{"TXT v=DKIM1; k=rsa; p=" + strings.Repeat("MIIB", 90)}
	}
	maps.Copy(zone, changes)
	return zone
}

// without is fastmail without its DKIM records, and with changes.
func without(changes dnstest.Zone) dnstest.Zone {
	zone := fastmail(nil)
	for _, selector := range []string{"fm1", "fm2", "fm3"} {
		delete(zone, selector+"._domainkey."+domain)
	}
	maps.Copy(zone, changes)
	return zone
}

func check(t *testing.T, server *dnstest.Server, r sender.Request) sender.Report {
	t.Helper()
	if r.Domain == "" {
		r.Domain = domain
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	report := sender.Checker{Resolver: sender.Nameserver(server.Address())}.Check(ctx, r)
	for _, f := range report.Findings {
		if strings.HasSuffix(f.Text, "..") || !strings.HasSuffix(f.Text, ".") || f.Remedy != "" && !strings.HasSuffix(f.Remedy, ".") {
			t.Errorf("finding or remedy is not a sentence: %q %q", f.Text, f.Remedy)
		}
	}
	return report
}

// ids are those of the findings, with their levels.
func ids(r sender.Report) string {
	var found []string
	for _, f := range r.Findings {
		found = append(found, string(f.Level)+" "+f.ID)
	}
	return strings.Join(found, ", ")
}

func TestVerdict(t *testing.T) {
	spf := func(record string) dnstest.Zone { return dnstest.Zone{domain: {"TXT " + record}} }
	for name, tt := range map[string]struct {
		zone     dnstest.Zone
		request  sender.Request
		summary  string
		findings string
	}{
		"AllCorrect": {
			fastmail(nil),
			sender.Request{Preset: "fastmail"},
			"client.example: SPF covers Fastmail, DKIM covers Fastmail, and its DMARC policy is reject.", "",
		},
		"NeitherCovers": {
			without(spf("v=spf1 -all")),
			sender.Request{Preset: "fastmail"},
			"client.example: neither SPF nor DKIM of the domain covers Fastmail, and its DMARC policy is reject.", "error unauthenticated",
		},
		"NeitherCoversWithoutPolicy": {
			without(dnstest.Zone{domain: {"TXT v=spf1 mx -all", "MX 10 mx.client.example"}, "mx.client.example": {"A 203.0.113.5"}, "_dmarc." + domain: nil}),
			sender.Request{Preset: "fastmail"},
			"client.example: neither SPF nor DKIM of the domain covers Fastmail, and no DMARC policy applies.", "error unauthenticated, warning dmarc-missing",
		},
		"DKIMAlone": {
			fastmail(spf("v=spf1 -all")),
			sender.Request{Preset: "fastmail"},
			"client.example: SPF does not cover Fastmail, DKIM covers Fastmail, and its DMARC policy is reject.", "warning spf-not-covering",
		},
		"SPFAlone": {
			without(nil),
			sender.Request{Preset: "fastmail"},
			"client.example: SPF covers Fastmail, DKIM does not cover Fastmail, and its DMARC policy is reject.", "warning dkim-not-covering",
		},
		"ServiceWithItsOwnEnvelope": {
			dnstest.Zone{domain: {"TXT v=spf1 -all"}, "_dmarc." + domain: {"TXT v=DMARC1;p=quarantine"}},
			sender.Request{Preset: "amazon-ses"},
			"client.example: SPF of the domain does not count for Amazon SES, DKIM cannot be judged, and its DMARC policy is quarantine.", "",
		},
		"SelectorsOfTheAccount": {
			dnstest.Zone{domain: {"MX 10 mx.client.example"}, "_dmarc." + domain: {"TXT v=DMARC1;p=quarantine"}, "abc123._domainkey." + domain: {"CNAME abc123.dkim.amazonses.com"}, "abc123.dkim.amazonses.com": {"TXT p=MIIB"}},
			sender.Request{Preset: "amazon-ses", Selectors: []string{"abc123"}},
			"client.example: SPF of the domain does not count for Amazon SES, DKIM covers Amazon SES, and its DMARC policy is quarantine.", "",
		},
		"SelectorsOfTheAccountMissing": {
			dnstest.Zone{domain: {"MX 10 mx.client.example"}, "_dmarc." + domain: {"TXT v=DMARC1;p=quarantine"}},
			sender.Request{Preset: "amazon-ses", Selectors: []string{"abc123"}},
			"client.example: SPF of the domain does not count for Amazon SES, DKIM does not cover Amazon SES, and its DMARC policy is quarantine.", "warning dkim-not-covering",
		},
		"UnknownSelectors": {
			dnstest.Zone{domain: {"TXT v=spf1 -all"}, "_dmarc." + domain: {"TXT v=DMARC1;p=quarantine"}},
			sender.Request{Preset: "google-workspace"},
			"client.example: SPF does not cover Google Workspace, DKIM cannot be judged, and its DMARC policy is quarantine.", "warning spf-not-covering",
		},
		"UnknownService": {
			fastmail(nil),
			sender.Request{Preset: "zoho"},
			"client.example: SPF is published, DKIM was not looked for, and its DMARC policy is reject. What Zoho Mail needs is not known here.", "",
		},
		"DomainAlone": {
			fastmail(nil),
			sender.Request{Selectors: []string{"fm1", "gone"}},
			"client.example: SPF is published, one DKIM key at 2 selectors, and its DMARC policy is reject.", "",
		},
		"NoSuchDomain": {
			dnstest.Zone{"other.example": {"A 192.0.2.1"}},
			sender.Request{Preset: "fastmail"},
			"client.example: the domain does not exist, or has no records.", "error domain-missing",
		},
		"PolicyOfTheRegisteredDomain": {
			fastmail(dnstest.Zone{"_dmarc.client.co.uk": {"TXT v=DMARC1; p=reject; sp=quarantine"}, "shop.client.co.uk": {"TXT v=spf1 -all"}}),
			sender.Request{Domain: "shop.client.co.uk"},
			"shop.client.co.uk: SPF is published, DKIM was not looked for, and its DMARC policy is quarantine.", "",
		},
		"PolicyOfAPublicSuffix": {
			dnstest.Zone{"client.co.uk": {"TXT v=spf1 -all"}, "_dmarc.co.uk": {"TXT v=DMARC1; p=reject; psd=y"}},
			sender.Request{Domain: "client.co.uk"},
			"client.co.uk: SPF is published, DKIM was not looked for, and its DMARC policy is reject.", "",
		},
		"PolicyBelowAPublicSuffix": {
			dnstest.Zone{"shop.client.co.uk": {"TXT v=spf1 -all"}, "_dmarc.client.co.uk": {"TXT v=DMARC1; p=none"}, "_dmarc.co.uk": {"TXT v=DMARC1; p=reject; psd=y"}},
			sender.Request{Domain: "shop.client.co.uk"},
			"shop.client.co.uk: SPF is published, DKIM was not looked for, and its DMARC policy is none.", "",
		},
		"PolicyWithTheFewestLabels": {
			dnstest.Zone{"shop.eu.client.example": {"TXT v=spf1 -all"}, "_dmarc.eu.client.example": {"TXT v=DMARC1; p=none"}, "_dmarc.client.example": {"TXT v=DMARC1; p=reject"}},
			sender.Request{Domain: "shop.eu.client.example"},
			"shop.eu.client.example: SPF is published, DKIM was not looked for, and its DMARC policy is reject.", "",
		},
		"PolicyWhereTheOrganizationBegins": {
			dnstest.Zone{"shop.eu.client.example": {"TXT v=spf1 -all"}, "_dmarc.eu.client.example": {"TXT v=DMARC1; p=none; psd=n"}, "_dmarc.client.example": {"TXT v=DMARC1; p=reject"}},
			sender.Request{Domain: "shop.eu.client.example"},
			"shop.eu.client.example: SPF is published, DKIM was not looked for, and its DMARC policy is none.", "",
		},
		"PolicyAboveManyLabels": {
			dnstest.Zone{"shop.a.b.c.d.e.f.g.client.example": {"TXT v=spf1 -all"}, "_dmarc.c.d.e.f.g.client.example": {"TXT v=DMARC1; p=none; psd=n"}, "_dmarc.b.c.d.e.f.g.client.example": {"TXT v=DMARC1; p=reject; psd=n"}},
			sender.Request{Domain: "shop.a.b.c.d.e.f.g.client.example"},
			"shop.a.b.c.d.e.f.g.client.example: SPF is published, DKIM was not looked for, and its DMARC policy is none.", "",
		},
		"PolicyBelowAnInvalidOne": {
			dnstest.Zone{"shop.client.example": {"TXT v=spf1 -all"}, "_dmarc.client.example": {"TXT v=DMARC1; p=none"}, "_dmarc.example": {"TXT v=DMARC1; p=refuse"}},
			sender.Request{Domain: "shop.client.example"},
			"shop.client.example: SPF is published, DKIM was not looked for, and its DMARC policy is none.", "",
		},
		"TwoPolicies": {
			fastmail(dnstest.Zone{"_dmarc." + domain: {"TXT v=DMARC1; p=none", "TXT v=DMARC1; p=reject"}}),
			sender.Request{Preset: "fastmail"},
			"client.example: SPF covers Fastmail, DKIM covers Fastmail, and no DMARC policy applies.", "warning dmarc-multiple",
		},
		"InvalidPolicy": {
			fastmail(dnstest.Zone{"_dmarc." + domain: {"TXT v=DMARC1; p=refuse"}}),
			sender.Request{Preset: "fastmail"},
			"client.example: SPF covers Fastmail, DKIM covers Fastmail, and no DMARC policy applies.", "warning dmarc-invalid",
		},
		"KeyRevoked": {
			without(dnstest.Zone{"fm1._domainkey." + domain: {"TXT v=DKIM1; p="}}),
			sender.Request{Preset: "fastmail"},
			"client.example: SPF covers Fastmail, DKIM does not cover Fastmail, and its DMARC policy is reject.", "warning dkim-revoked, warning dkim-not-covering",
		},
		"KeyDangling": {
			without(dnstest.Zone{"fm1._domainkey." + domain: {"CNAME fm1.nobody.example"}}),
			sender.Request{Preset: "fastmail"},
			"client.example: SPF covers Fastmail, DKIM does not cover Fastmail, and its DMARC policy is reject.", "warning dkim-dangling, warning dkim-not-covering",
		},
		"KeyOfAnotherService": {
			without(dnstest.Zone{"fm1._domainkey." + domain: {"TXT v=DKIM1; p=MIIB"}}),
			sender.Request{Preset: "fastmail"},
			"client.example: SPF covers Fastmail, DKIM cannot be judged, and its DMARC policy is reject.", "warning dkim-target",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := dnstest.Start(t, tt.zone)
			report := check(t, server, tt.request)
			if report.Summary != tt.summary || ids(report) != tt.findings {
				t.Errorf("%s\n%s\n%s", report.Summary, ids(report), report.Text())
			}
			if again := check(t, server, tt.request); again.Text() != report.Text() {
				t.Errorf("a second run reports:\n%s\nbut the first:\n%s", again.Text(), report.Text())
			}
			if report.OK() != !strings.Contains(tt.findings, "error ") {
				t.Errorf("got OK %t", report.OK())
			}
		})
	}
}

func TestSPF(t *testing.T) {
	chain := dnstest.Zone{}
	for n := range strings.SplitSeq("abcdefghijk", "") {
		chain[n+".example"] = []string{"TXT v=spf1 include:" + string(n[0]+1) + ".example -all"}
	}
	chain["l.example"] = []string{"TXT v=spf1 -all"}
	for name, tt := range map[string]struct {
		record   string
		more     dnstest.Zone
		covers   sender.Coverage
		lookups  int
		findings string
	}{
		"Include":            {"v=spf1 include:spf.messagingengine.com -all", nil, sender.Covered, 1, ""},
		"AnyCase":            {"V=SPF1 Include:SPF.messagingengine.com. -ALL", nil, sender.Covered, 1, ""},
		"IncludeOfAnInclude": {"v=spf1 include:_spf.client.example -all", dnstest.Zone{"_spf.client.example": {"TXT v=spf1 a include:spf.messagingengine.com ~all", "A 203.0.113.1"}}, sender.Covered, 3, ""},
		"Redirect":           {"v=spf1 redirect=spf.messagingengine.com", nil, sender.Covered, 1, ""},
		"RedirectAfterAll":   {"v=spf1 -all redirect=spf.messagingengine.com", nil, sender.Missing, 0, "spf-not-covering"},
		"IncludeAfterAll":    {"v=spf1 -all include:spf.messagingengine.com", nil, sender.Missing, 0, "spf-not-covering"},
		"Excluded":           {"v=spf1 -include:spf.messagingengine.com ~all", nil, sender.Missing, 1, "spf-not-covering"},
		"Flattened":          {"v=spf1 ip4:192.0.0.0/16 ip4:198.51.100.7 -all", nil, sender.Covered, 0, ""},
		"PartlyFlattened":    {"v=spf1 ip4:192.0.2.0/25 -all", nil, sender.Unknown, 0, ""},
		"OtherNetworks":      {"v=spf1 ip4:203.0.113.0/24 ip6:2001:db8::/32 -all", nil, sender.Missing, 0, "spf-not-covering"},
		"Macro":              {"v=spf1 include:%{i}._spf.client.example -all", nil, sender.Unknown, 1, ""},
		"Exists":             {"v=spf1 exists:%{i}._spf.client.example -all", nil, sender.Unknown, 1, ""},
		"HostOfTheService":   {"v=spf1 a:out.messagingengine.com mx/24 -all", dnstest.Zone{"out.messagingengine.com": {"A 192.0.2.9", "AAAA 2001:db8::9"}}, sender.Unknown, 2, ""},
		"PassesAll":          {"v=spf1 +all", nil, sender.Covered, 0, "spf-passes-all"},
		"Neutral":            {"v=spf1 ?all", nil, sender.Missing, 0, "spf-not-covering"},
		"UnknownModifier":    {"v=spf1 exp=why.client.example x-note=a:b include:spf.messagingengine.com -all", nil, sender.Covered, 1, ""},
		"IncludesNothing":    {"v=spf1 include:gone.example include:spf.messagingengine.com -all", nil, sender.Missing, 1, "spf-invalid, spf-not-covering"},
		"IncludesItself":     {"v=spf1 include:client.example -all", nil, sender.Missing, 1, "spf-invalid, spf-not-covering"},
		"IncludesEachOther":  {"v=spf1 include:x.example -all", dnstest.Zone{"x.example": {"TXT v=spf1 include:client.example -all"}}, sender.Missing, 2, "spf-invalid, spf-not-covering"},
		"TooManyLookups":     {"v=spf1 include:a.example -all", chain, sender.Missing, 11, "spf-invalid, spf-not-covering"},
		"UnknownMechanism":   {"v=spf1 includes:spf.messagingengine.com -all", nil, sender.Missing, 0, "spf-invalid, spf-not-covering"},
		"InvalidNetwork":     {"v=spf1 ip4:192.0.2.0/33 -all", nil, sender.Missing, 0, "spf-invalid, spf-not-covering"},
		"IPv6InIP4":          {"v=spf1 ip4:2001:db8::/32 -all", nil, sender.Missing, 0, "spf-invalid, spf-not-covering"},
		"Hostile":            {"v=spf1 a:\x1b[2J" + strings.Repeat("x", 300) + " -all", nil, sender.Missing, 1, "spf-invalid, spf-not-covering"},
	} {
		t.Run(name, func(t *testing.T) {
			zone := fastmail(dnstest.Zone{domain: {"TXT " + tt.record}})
			maps.Copy(zone, tt.more)
			report := check(t, dnstest.Start(t, zone), sender.Request{Preset: "fastmail"})
			want := strings.ReplaceAll("warning "+tt.findings, ", ", ", warning ")
			if strings.HasPrefix(tt.findings, "spf-invalid") {
				want = strings.Replace(want, "warning", "error", 1)
			}
			if tt.findings == "" {
				want = ""
			}
			if report.SPF == nil || report.SPFCovers != tt.covers || report.SPF.Lookups != tt.lookups || ids(report) != want {
				t.Errorf("got coverage %s after %d lookups: %s\n%s", report.SPFCovers, report.SPF.Lookups, ids(report), report.Text())
			}
			if text := report.Text(); strings.ContainsRune(text, '\x1b') || len(text) > 1000 {
				t.Errorf("the text is too long or holds control characters: %q", text)
			}
		})
	}
	t.Run("Two", func(t *testing.T) {
		report := check(t, dnstest.Start(t, fastmail(dnstest.Zone{domain: {"TXT v=spf1 include:spf.messagingengine.com -all", "TXT v=spf1 -all", "TXT v=spf10 -all"}})), sender.Request{Preset: "fastmail"})
		if ids(report) != "error spf-multiple, warning spf-not-covering" || !strings.Contains(report.Text(), "2 SPF records") {
			t.Errorf("%s\n%s", ids(report), report.Text())
		}
	})
	t.Run("TooLongForUDP", func(t *testing.T) {
		long := []string{"TXT v=spf1 include:spf.messagingengine.com -all"}
		for range 20 {
			long = append(long, "TXT verification="+strings.Repeat("x", 200))
		}
		if report := check(t, dnstest.Start(t, fastmail(dnstest.Zone{domain: long})), sender.Request{Preset: "fastmail"}); report.SPFCovers != sender.Covered {
			t.Error(report.Text())
		}
	})
}

// What the DNS does not answer is said, and no fault of the domain.
func TestBadWeather(t *testing.T) {
	for name, tt := range map[string]struct {
		broken string
		fault  dnstest.Fault
		says   string
		// judged: it goes on with what is known.
		judged bool
	}{
		"Domain":         {domain, dnstest.ServFail, "a question about client.example: the name server failed (SERVFAIL).", false},
		"DomainTimeout":  {domain, dnstest.Silent, "a question about client.example: no answer in time.", false},
		"DKIM":           {"_domainkey." + domain, dnstest.ServFail, "a question about fm1._domainkey.client.example: the name server failed (SERVFAIL).", true},
		"DMARC":          {"_dmarc." + domain, dnstest.ServFail, "a question about _dmarc.client.example: the name server failed (SERVFAIL).", true},
		"Include":        {"spf.messagingengine.com", dnstest.ServFail, "a question about spf.messagingengine.com: the name server failed (SERVFAIL).", true},
		"IncludeTimeout": {"spf.messagingengine.com", dnstest.Silent, "a question about spf.messagingengine.com: no answer in time.", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := dnstest.Start(t, fastmail(nil))
			server.Break(tt.broken, tt.fault)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if tt.fault != dnstest.Silent {
				ctx = t.Context()
			}
			report := sender.Checker{Resolver: sender.Nameserver(server.Address())}.Check(ctx, sender.Request{Domain: domain, Preset: "fastmail"})
			if report.OK() || !strings.HasPrefix(ids(report), "error dns-unavailable") || !strings.Contains(report.Text(), tt.says) {
				t.Errorf("%s\n%s", ids(report), report.Text())
			}
			if judged := report.SPF != nil; judged != tt.judged {
				t.Errorf("got SPF %+v", report.SPF)
			}
			if strings.Contains(report.Text(), "127.0.0.1") || strings.Contains(report.Text(), "neither") {
				t.Error(report.Text())
			}
		})
	}
	t.Run("NothingListens", func(t *testing.T) {
		server, err := dnstest.Listen("127.0.0.1:0", nil)
		if err != nil {
			t.Fatal(err)
		}
		server.Close()
		if report := check(t, server, sender.Request{}); ids(report) != "error dns-unavailable" {
			t.Errorf("%s\n%s", ids(report), report.Text())
		}
	})
}

// A zone that leads anywhere costs a bounded number of questions.
func TestQuestionsAreBounded(t *testing.T) {
	var servers []string
	zone := dnstest.Zone{}
	for i := range 30 {
		host := "mx" + strings.Repeat("x", i) + ".client.example"
		servers = append(servers, "MX 10 "+host)
		zone[host] = []string{"A 203.0.113.1"}
	}
	zone[domain] = append(servers[:10:10], "TXT v=spf1 mx mx mx mx mx mx mx mx mx mx -all")
	server := dnstest.Start(t, zone)
	if report := check(t, server, sender.Request{}); len(server.Queries()) > 400 || report.SPF == nil {
		t.Errorf("got %d queries, want at most 400: %s", len(server.Queries()), report.Text())
	}
	zone[domain] = append(servers, "TXT v=spf1 mx -all")
	server.SetZone(zone)
	if report := check(t, server, sender.Request{}); !strings.Contains(ids(report), "error spf-invalid") {
		t.Error(report.Text())
	}
}

func TestFacts(t *testing.T) {
	records := map[string]string{}
	for _, f := range sender.All() {
		expected := f.Expected(domain)
		for _, r := range expected {
			records[r.Name] = r.Value
			if r.Type != "CNAME" || sender.CheckDomain(strings.ToLower(r.Name)) != nil || sender.CheckDomain(r.Value) != nil {
				t.Errorf("%s: %+v", f.Preset, r)
			}
		}
		for _, include := range f.SPFIncludes {
			if sender.CheckDomain(include) != nil || f.Envelope != sender.SenderDomain {
				t.Errorf("%s: %s", f.Preset, include)
			}
		}
		if !slices.Contains([]sender.Envelope{sender.SenderDomain, sender.Subdomain, sender.ServiceDomain}, f.Envelope) || len(f.Sources) == 0 || f.Checked == "" {
			t.Errorf("got %+v", f)
		}
	}
	if want := "fm1.client.example.dkim.fmhosted.com"; records["fm1._domainkey."+domain] != want {
		t.Errorf("got %+v", records)
	}
	m365, _ := sender.FactsOf("microsoft365")
	if len(m365.Expected(domain)) > 0 || m365.SPFTerm() != "include:spf.protection.outlook.com" {
		t.Errorf("got %+v", m365)
	}
	if ses, _ := sender.FactsOf("amazon-ses"); ses.SPFTerm() != "" {
		t.Errorf("got %+v", ses)
	}
}

func TestCheckDomain(t *testing.T) {
	for value, ok := range map[string]bool{
		"client.example": true, "xn--bcher-kva.example": true, "mail.client.co.uk": true, "_spf.client.example": true,
		"": false, "client": false, "Client.example": false, "client.example.": false, "bücher.example": false, "a..example": false,
		"-a.example": false, "a b.example": false, strings.Repeat("a", 64) + ".example": false, strings.Repeat("a.", 130) + "example": false, "192.0.2.1/24": false,
	} {
		if err := sender.CheckDomain(value); (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
	}
	for value, ok := range map[string]bool{"s1": true, "20221012-tfsz5nkw": true, "a.b": true, "": false, "s1._domainkey.client.example": false, "a b": false, "-": false} {
		if err := sender.CheckSelector(value); (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
	}
}
