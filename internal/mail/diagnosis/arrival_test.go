package diagnosis

import (
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func arrived(shortfall site.Shortfall, a *site.Arrival) site.TestResult {
	r := refused(site.StageArrival, 250, "2.0.0 queued as 4f")
	r.Shortfall, r.Arrival = shortfall, a
	return r
}

func TestEveryShortfallHasItsRow(t *testing.T) {
	for shortfall, want := range map[site.Shortfall]struct {
		attribute string
		retry     site.Retry
	}{
		site.NotArrived:      {"", site.RetryNever},
		site.InJunk:          {"from_address", site.RetryNever},
		site.Filtered:        {"", site.RetryNever},
		site.Unaligned:       {"from_address", site.RetryNever},
		site.Unauthenticated: {"from_address", site.RetryLong},
		site.NoPolicy:        {"from_address", site.RetryLong},
		site.Unchecked:       {"", site.RetryShort},
		site.InboxLogin:      {"", site.RetryNever},
		site.InboxTLS:        {"", site.RetryNever},
		site.InboxConnect:    {"", site.RetryShort},
		site.InboxLimit:      {"", site.RetryShort},
	} {
		for _, a := range []*site.Arrival{nil, {}} {
			d := Of(arrived(shortfall, a), ses())
			if d.ID != string(shortfall) || d.Attribute != want.attribute || d.Retry != want.retry {
				t.Errorf("%s: got %+v", shortfall, d)
			}
		}
	}
}

func TestArrivalSaysWhatTheReceiverFound(t *testing.T) {
	a := site.Arrival{
		Folder: "Junk", Place: site.PlaceJunk, Receiver: "mx.agency.test",
		SPF: site.AuthResult{Result: "pass", Domain: "esp.test"}, DKIM: site.AuthResult{Result: "none"}, DMARC: site.AuthResult{Result: "fail", Domain: "example.com"},
	}
	contains(t, Of(arrived(site.InJunk, &a), ses()).Cause, "It is in Junk.", "mx.agency.test reports spf=pass for esp.test, dkim=none, dmarc=fail for example.com.")
	a.DMARC.Result = "pass"
	if d := Of(arrived(site.InJunk, &a), ses()); d.Attribute != "" || strings.Contains(d.Remedy, "Set up SPF") {
		t.Errorf("a correct sender: got %+v", d)
	}
}

// The record that is missing is named as far as it can be known, and not at all where the receiver did not say.
func TestArrivalNamesTheMissingRecord(t *testing.T) {
	of := func(result, domain string) site.AuthResult { return site.AuthResult{Result: result, Domain: domain} }
	fail := of("fail", "client.example")
	for name, tt := range map[string]struct {
		host      string
		shortfall site.Shortfall
		arrival   site.Arrival
		want      string
	}{
		"NeitherAtFastmail": {
			"smtp.fastmail.com", site.Unauthenticated,
			site.Arrival{Place: site.PlaceInbox, SPF: of("softfail", "client.example"), DKIM: of("none", ""), DMARC: fail},
			"Missing, as far as the results show, and either is enough: fm1._domainkey.client.example, a CNAME to fm1.client.example.dkim.fmhosted.com, and 2 more like it " +
				"(smtp_sender_domain lists them); include:spf.messagingengine.com in the SPF record (TXT) of client.example.",
		},
		"KeyOfAService": {
			"email-smtp.eu-west-1.amazonaws.com", site.Unaligned,
			site.Arrival{Place: site.PlaceInbox, SPF: of("pass", "amazonses.com"), DKIM: of("pass", "amazonses.com"), DMARC: fail},
			"Missing, as far as the results show: the mail service's DKIM record, below _domainkey.client.example.",
		},
		"SpamWithoutSPF": {
			"mail.client.example", site.InJunk,
			site.Arrival{Place: site.PlaceJunk, Folder: "Junk", SPF: of("none", "client.example"), DKIM: of("none", ""), DMARC: fail},
			"and either is enough: the mail service's DKIM record, below _domainkey.client.example; an SPF record (TXT) at client.example.",
		},
		"NoPolicy": {
			"smtp.fastmail.com", site.NoPolicy,
			site.Arrival{Place: site.PlaceInbox, SPF: of("pass", "client.example"), DKIM: of("none", ""), DMARC: of("none", "client.example")},
			"Publish a TXT record at _dmarc.client.example, at least v=DMARC1; p=none. Then apply again once DNS has spread, up to a day later.",
		},
		"SpamDespiteCorrectRecords": {"smtp.fastmail.com", site.InJunk, site.Arrival{Place: site.PlaceJunk, SPF: of("pass", "client.example"), DKIM: of("pass", "client.example"), DMARC: of("pass", "client.example")}, ""},
		"ReceiverSaysNothing":       {"smtp.fastmail.com", site.InJunk, site.Arrival{Place: site.PlaceJunk}, ""},
		"ReceiverCannotTell":        {"smtp.fastmail.com", site.InJunk, site.Arrival{Place: site.PlaceJunk, SPF: of("temperror", ""), DKIM: of("", ""), DMARC: fail}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := arrived(tt.shortfall, &tt.arrival)
			settings := site.Settings{Host: tt.host, Port: 587, Encryption: site.STARTTLS, FromAddress: "shop@client.example"}
			remedy := Of(r, settings).Remedy
			if !strings.HasSuffix(remedy, tt.want) || tt.want == "" && strings.Contains(remedy, "Missing") {
				t.Errorf("got %s", remedy)
			}
			wellFormed(t, Failure{Result: r, Settings: settings, Machine: "the site"}.Text())
		})
	}
}

func TestArrivalIsShown(t *testing.T) {
	a := site.Arrival{Folder: "\x1b[2Jcorrect-horse", Place: site.PlaceOther, Receiver: "mx\ncorrect-horse", SPF: site.AuthResult{Result: "pass", Domain: "correct-horse.test"}}
	f := Failure{Result: arrived(site.Filtered, &a), Settings: ses(), Machine: "the site", Secrets: []secret.Text{secret.New("correct-horse")}}
	text := f.Text()
	wellFormed(t, text)
	if strings.Contains(text, "correct-horse") || section(text, "Server said") != "250 2.0.0 queued as 4f" {
		t.Errorf("got:\n%s", text)
	}
	f.Result = arrived(site.InboxLogin, nil)
	f.Result.Error = "NO [AUTHENTICATIONFAILED] invalid credentials"
	if text = f.Text(); section(text, "Error") != f.Result.Error || section(text, "Server said") != "250 2.0.0 queued as 4f" {
		t.Errorf("an inbox that fails after sending:\n%s", text)
	}
	f.Result.Reply, f.Result.Unsent = nil, true
	if tried := section(f.Text(), "Tried"); tried != "From this machine to the test inbox, which is opened first. No test message was sent." {
		t.Errorf("an inbox that fails before sending: %q", tried)
	}
	f.Result = arrived(site.NotArrived, nil)
	f.Result.Error = "the message was accepted and did not arrive"
	if text = f.Text(); section(text, "Server said") != "250 2.0.0 queued as 4f" || section(text, "Error") != "" {
		t.Errorf("a missing message:\n%s", text)
	}
}
