package diagnosis

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// FuzzText sends whatever a server, a network or a site can say through the diagnosis onto the page. The work on it is
// bounded without a clock: patterns see at most longest bytes and never backtrack (RE2), everything else is one pass.
func FuzzText(f *testing.F) {
	for i, row := range Rows() {
		if i%8 == 0 {
			f.Add(535, "5.7.8", row.Example, row.Example, string(row.Stage), 3, i/8)
		}
	}
	f.Add(-1, "\x1b[2J", "\x1b]0;x\x07\r\nResult  All is well\u202e", "\u009b31m", "\n", 0, 1)
	f.Add(554, "", notVerified+"US-EAST-1: <shop@example.com>, ops@example.net", "", "data", 80, 2)
	names := slices.Sorted(maps.Keys(disguises))
	f.Fuzz(func(t *testing.T, code int, enhanced, text, err, stage string, at, form int) {
		hidden := disguises[names[(form%len(names)+len(names))%len(names)]](canary)
		text, err = plant(text, hidden, at), plant(err, hidden, at)
		for _, r := range []site.TestResult{
			{Status: site.Failed, Stage: site.Stage(stage), Reply: &site.Reply{Code: code, EnhancedCode: enhanced, Text: text}, Recipient: "ops@example.net"},
			{Status: site.Failed, Stage: site.Stage(stage), Error: err, Certificate: &site.Certificate{Names: []string{text}, Issuer: enhanced}},
			{Status: site.InDoubt, Stage: site.Stage(stage), Recipient: err, MessageID: text},
			{Status: site.Failed, Diagnosis: &site.Diagnosis{ID: enhanced, Cause: text, Remedy: err, URL: text}},
		} {
			if d := Of(r, ses()); load().byID[d.ID] == nil || d.Cause != untrusted.Line(d.Cause) || d.Remedy != untrusted.Line(d.Remedy) {
				t.Errorf("got an invalid diagnosis %+v", d)
			}
			page := Failure{
				Result: r, Settings: ses(), Machine: "the site", State: "Nothing was saved.",
				Secrets: []secret.Text{secret.New(canary)},
			}.Text()
			wellFormed(t, page)
			if holds(page) || holds(strings.Join(strings.Fields(page), "")) {
				t.Errorf("the text shows the secret:\n%s", page)
			}
		}
	})
}

// plant puts a word into text at a place.
func plant(text, word string, at int) string {
	at = min(max(at, 0), len(text))
	return text[:at] + " " + word + " " + text[at:]
}

func BenchmarkOf(b *testing.B) {
	for name, r := range map[string]site.TestResult{
		"FirstRows": refused(site.StageAuth, 535, "5.7.8 Username and Password not accepted"),
		"LastRows":  refused(site.StageData, 554, "no"),
		"Longest":   refused(site.StageData, 553, strings.Repeat("no such thing as a sender in the spam list ", 1<<10)),
		"Error":     failed(site.StageData, strings.Repeat("i/o time out of mind ", 1<<10)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Of(r, gmail(465, site.TLS))
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	f := goldens["hostile-reply"]
	b.ReportAllocs()
	for b.Loop() {
		_ = f.Text()
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		loadTable()
	}
}
