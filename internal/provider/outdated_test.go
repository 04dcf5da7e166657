package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestAccOldPlugins: however many sites have an old plugin, one warning says so, with their number; a plugin that is not old says nothing.
func TestAccOldPlugins(t *testing.T) {
	t.Parallel()
	var keys []string
	for i := range 7 {
		keys = append(keys, fmt.Sprintf("client-%d", i))
	}
	tb := newTestbed(t, smtptest.Config{}, keys...)
	ws := newWorkspace(t, tb.config(arguments{"for_each": "toset([\"" + strings.Join(keys, `", "`) + "\"])", "site": "each.key"}))
	if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok {
		t.Fatal(out)
	}
	for version, warns := range map[string]bool{"0.1.4": true, "99.0.0": false} {
		tells := answersWith(`"api_version":1`, `"api_version":1,"software":{"name":"site-smtp","version":"`+version+`"}`)
		tb.tamper.Store(&tells)
		out, ok := ws.run("plan", "-json")
		if !ok {
			t.Fatal(out)
		}
		warnings := reported(t, out, "warning")
		if !warns {
			if len(warnings) > 0 {
				t.Errorf("%s: got %+v", version, warnings)
			}
			continue
		}
		if len(warnings) != 1 || warnings[0].Summary != "WordPress plugin is outdated" {
			t.Fatalf("got %+v", warnings)
		}
		for _, detail := range []string{"7 of 7 sites", "client-0 (0.1.4), client-1 (0.1.4)", "and 2 more", "site-smtp.zip --force"} {
			if !strings.Contains(warnings[0].Detail, detail) {
				t.Errorf("the warning lacks %q: %s", detail, warnings[0].Detail)
			}
		}
	}
}
