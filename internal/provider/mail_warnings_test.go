package provider_test

import (
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestAccSettingsMailFails: after mail was enabled, the site reports that a message was refused, or why it switched mail off.
func TestAccSettingsMailFails(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	ws := newWorkspace(t, tb.config())
	if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok {
		t.Fatal(out)
	}
	const failure = `"last_failure":{"at":"2026-11-30T12:00:00Z","stage":"auth","reply":{"code":535,"enhanced_code":"5.7.8","text":"Bad \u001b[31mcredentials"},"error":null}`
	for name, c := range map[string]struct {
		members, summary string
		details          []string
	}{
		"Refused": {`"last_success":"2026-11-30T11:00:00Z",` + failure, "Site's mail is failing", []string{
			"only", "2026-11-30T12:00:00Z", "535 5.7.8 Bad credentials",
		}},
		"NeverAccepted": {`"last_success":null,` + failure, "Site's mail is failing", []string{"535 5.7.8"}},
		"AcceptedSince": {`"last_success":"2026-11-30T13:00:00Z",` + failure, "", nil},
		"Unknown":       {`"last_success":null,"last_failure":null`, "", nil},
		"SwitchedOff": {`"notice":"The stored mail settings were changed in the database."`, "Site reports a problem with its mail settings", []string{
			"changed in the database",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tells := answersWith(`"api_version":1`, `"api_version":1,`+c.members)
			tb.tamper.Store(&tells)
			defer tb.tamper.Store(nil)
			out, ok := ws.run("plan", "-json")
			if !ok {
				t.Fatal(out)
			}
			warnings := reported(t, out, "warning")
			if c.summary == "" {
				if len(warnings) > 0 {
					t.Errorf("got %+v", warnings)
				}
				return
			}
			if len(warnings) != 1 || warnings[0].Summary != c.summary {
				t.Fatalf("got %+v, want %q", warnings, c.summary)
			}
			for _, detail := range c.details {
				if !strings.Contains(warnings[0].Detail, detail) {
					t.Errorf("the warning lacks %q: %s", detail, warnings[0].Detail)
				}
			}
		})
	}
}
