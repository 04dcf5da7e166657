package diagnosis

import (
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// section returns the text of one section of a page on one line, "" when the page has none.
func section(page, label string) string {
	var words []string
	inside := false
	for line := range strings.Lines(page) {
		if name := strings.TrimSpace(line[:labelWidth]); name != "" {
			inside = name == label
		}
		if inside {
			words = append(words, strings.Fields(line[labelWidth:])...)
		}
	}
	return strings.Join(words, " ")
}

func TestPageOfEveryRow(t *testing.T) {
	for _, row := range Rows() {
		f := Failure{
			Settings: site.Settings{Host: "mail.example.com", Port: 587, Encryption: site.STARTTLS, FromAddress: "shop@example.com"},
			Result:   site.TestResult{Status: site.Failed, Stage: row.Stage, Error: row.Example, Recipient: "ops@example.net"},
			Machine:  "the site",
			State:    "Nothing was saved.",
		}
		f.Result.Diagnosis = &site.Diagnosis{ID: row.ID, Summary: row.Summary, Cause: row.Cause, Remedy: row.Remedy, Retry: row.Retry}
		text := f.Text()
		wellFormed(t, text)
		for _, label := range []string{"Tried", "Means", "Do", "Result", "Details"} {
			if section(text, label) == "" {
				t.Errorf("row %q: no section %s in\n%s", row.ID, label, text)
			}
		}
		if want := row.ID + " " + GuideURL(row.ID); section(text, "Details") != want {
			t.Errorf("got %q, want %q", section(text, "Details"), want)
		}
	}
}

// wellFormed checks what holds for every page.
func wellFormed(t *testing.T, text string) {
	t.Helper()
	for line := range strings.SplitSeq(text, "\n") {
		if !strings.HasPrefix(line, " ") || strings.TrimRight(line, " ") != line || untrusted.Line(line) == "" {
			t.Errorf("line %q of\n%s", line, text)
		}
		if words := line[min(len(line), labelWidth+gap):]; width(line) > pageWidth && strings.Contains(words, " ") {
			t.Errorf("got a line of %d columns: %q", width(line), line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return (r < ' ' || r > '~') && untrusted.Line(string(r)) == "" }) {
			t.Errorf("control characters in %q", line)
		}
	}
}

func TestTried(t *testing.T) {
	settings := site.Settings{Host: "2001:db8::1", Port: 465, Encryption: site.TLS, FromAddress: "shop@example.com"}
	for name, test := range map[string]struct {
		failure Failure
		want    string
	}{
		"NothingPassed": {
			Failure{Result: site.TestResult{Status: site.Failed, Stage: site.StageDNS}},
			"From this machine to [2001:db8::1]:465, encryption tls. Failed at dns.",
		},
		"OneTest": {
			Failure{Attempts: 1, Spent: time.Minute, Result: site.TestResult{
				Status: site.Failed, Stage: site.StageRcpt, Recipient: "ops@example.net",
				Stages: []site.StageTime{{Stage: site.StageDNS, Duration: 1499 * time.Microsecond}, {Stage: site.StageConnect, Duration: 2345 * time.Millisecond}},
			}},
			"From this machine to [2001:db8::1]:465, encryption tls, a message from shop@example.com to ops@example.net. Passed dns 1ms, connect 2.345s. Failed at rcpt.",
		},
		"ManyTests": {
			Failure{Attempts: 3, Spent: 130*time.Second + time.Millisecond, Result: site.TestResult{Status: site.Failed, Stage: site.StageRcpt}},
			"From this machine to [2001:db8::1]:465, encryption tls. Failed at rcpt, 3 tests in 2m10s.",
		},
		"InDoubt": {
			Failure{Result: site.TestResult{Status: site.InDoubt, Stage: site.StageData}},
			"From this machine to [2001:db8::1]:465, encryption tls. In doubt at data.",
		},
		"StageUnknown": {
			Failure{Result: site.TestResult{Status: site.Failed}},
			"From this machine to [2001:db8::1]:465, encryption tls. Failed.",
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.failure.Settings, test.failure.Machine = settings, "this machine"
			if got := section(test.failure.Text(), "Tried"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestStateSaysWhetherApplyingAgainCanHelp(t *testing.T) {
	for id, want := range map[string]string{
		"auth-535-generic": "Saved. Fix this first; retrying will not help.",
		"any-421":          "Saved. Applying again in a few minutes may help.",
		"data-ses-quota":   "Saved. Applying again may help, after hours or a day.",
	} {
		f := Failure{State: "Saved.", Result: site.TestResult{Diagnosis: new(load().byID[id].diagnosis())}}
		if got := section(f.Text(), "Result"); got != want {
			t.Errorf("%s: got %q", id, got)
		}
	}
	f := Failure{State: "Saved.", Result: site.TestResult{Status: site.InDoubt}}
	if got, want := section(f.Text(), "Result"), "Saved. Applying again sends another message."; got != want {
		t.Errorf("in doubt: got %q", got)
	}
}

func TestTheSitesOwnDiagnosisIsShown(t *testing.T) {
	f := Failure{
		Result: site.TestResult{
			Status: site.Failed, Stage: site.StageConnect, Error: "not allowed",
			Diagnosis: &site.Diagnosis{
				ID: "address-not-allowed", Cause: "This site\nconnects to no private network.", Remedy: "Ask who runs it. \x1b[31m" + canary,
				Retry: site.RetryNever, URL: "https://client-a.example/help",
			},
		},
		Secrets: []secret.Text{secret.New(canary)},
	}
	text := f.Text()
	wellFormed(t, text)
	if d := f.Diagnosis(); d.ID != "address-not-allowed" || d.Remedy != "Ask who runs it. [redacted]" {
		t.Errorf("got %+v", d)
	}
	for label, want := range map[string]string{
		"Means":   "This site connects to no private network.",
		"Do":      "Ask who runs it. [redacted] https://client-a.example/help",
		"Details": "address-not-allowed",
	} {
		if got := section(text, label); got != want {
			t.Errorf("%s: got %q, want %q", label, got, want)
		}
	}
}

// What an imported site holds comes from outside too.
func TestSettingsAreWashed(t *testing.T) {
	hostile := "\x1b[31mevil\n  Result  All is well\u202e"
	text := Failure{
		Settings: site.Settings{Host: hostile, Encryption: site.Encryption(hostile), FromAddress: hostile},
		Result:   refused(site.StageAuth, 535, "no"),
		State:    hostile,
	}.Text()
	wellFormed(t, text)
	if strings.Count(text, "\n  State") > 0 {
		t.Errorf("the text holds an injected line:\n%s", text)
	}
}

func TestOursIsShownWhereTheSiteAgrees(t *testing.T) {
	r := refused(site.StageAuth, 535, "no")
	r.Diagnosis = &site.Diagnosis{ID: "auth-535-generic", Cause: "Old words.", Remedy: "Old words."}
	if got, want := section(Failure{Result: r}.Text(), "Means"), load().byID["auth-535-generic"].Cause; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A password can be a word that our own sentences use. Taking it out of them would tell it.
func TestOurOwnWordsStay(t *testing.T) {
	f := Failure{Result: refused(site.StageAuth, 535, "bad password"), Secrets: []secret.Text{secret.New("password")}}
	contains(t, section(f.Text(), "Means"), "username or password")
	if got := section(f.Text(), "Server said"); got != "535 bad [redacted]" {
		t.Errorf("got %q", got)
	}
}

func TestServersWordsAreCapped(t *testing.T) {
	for name, text := range map[string]string{
		"Words":       strings.Repeat("blah ", 1000),
		"LongWords":   strings.Repeat(strings.Repeat("x", 33)+" ", 1000),
		"OneWord":     strings.Repeat("x", 5000),
		"WideLetters": strings.Repeat("授权码", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			page := Failure{Result: refused(site.StageAuth, 535, text)}.Text()
			wellFormed(t, page)
			_, said, _ := strings.Cut(page, "Server said")
			said, _, _ = strings.Cut(said, "Means")
			if lines := strings.Count(said, "\n"); lines > mostLines || len([]rune(section(page, "Server said"))) > quoted+mostLines || !strings.Contains(said, "…") {
				t.Errorf("got %d lines:\n%s", lines, said)
			}
		})
	}
}

// TestTokenEndpointIsNamed: a preset or a tenant chooses the token endpoint, so the text of a failure names it, and only its host.
func TestTokenEndpointIsNamed(t *testing.T) {
	s := site.Settings{Host: "smtp.office365.com", Port: 587, Encryption: site.STARTTLS, Grant: site.ClientCredentials}
	const microsoft = "https://login.microsoftonline.com/client.example/oauth2/v2.0/token"
	for _, test := range []struct {
		stage          site.Stage
		endpoint, says string
	}{
		{site.StageToken, microsoft, "Failed at token (login.microsoftonline.com)."},
		{site.StageToken, "", "Failed at token."},
		{site.StageAuth, microsoft, "Failed at auth."},
	} {
		s.TokenURL = test.endpoint
		text := Failure{Result: site.TestResult{Status: site.Failed, Stage: test.stage, Error: "boom"}, Settings: s, Machine: "the site"}.Text()
		if got := strings.Join(strings.Fields(text), " "); !strings.Contains(got, test.says) {
			t.Errorf("got %s", got)
		}
	}
}
