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
		t.Errorf("a sender that is in order: got %+v", d)
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
	if got := section(f.Text(), "Error"); got != f.Result.Error {
		t.Errorf("got %q of an inbox that cannot be read", got)
	}
}
