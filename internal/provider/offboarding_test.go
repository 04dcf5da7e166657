package provider_test

import (
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestAccOffboarding follows the guide to sites that leave.
func TestAccOffboarding(t *testing.T) {
	t.Parallel()
	entry := func(tb *testbed, name string) string {
		return `    ` + name + ` = { url = "` + tb.http.URL + "/" + name + `", token = "` + tb.tokens[name] + `" }` + "\n"
	}
	provider := func(entries ...string) string {
		return "provider \"smtp\" {\n  test_recipient = \"" + recipient + "\"\n  sites = {\n" + strings.Join(entries, "") + "  }\n}\n"
	}
	must := func(t *testing.T, ws workspace, says string, args ...string) {
		t.Helper()
		if out, ok := ws.run(append(args, "-no-color")...); !ok || !strings.Contains(unwrapped(out), says) {
			t.Fatalf("%q does not say %q:\n%s", args, says, out)
		}
	}

	t.Run("InTwoSteps", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "stays", "leaves")
		both := provider(entry(tb, "stays"), entry(tb, "leaves"))
		clients := func(names string) string {
			return "variable \"clients\" {\n  default = " + names + "\n}\n" + tb.resource(arguments{"for_each": "var.clients", "site": "each.key"})
		}
		ws := newWorkspace(t, both+clients(`{ stays = {}, leaves = {} }`))
		must(t, ws, "2 added", "apply", "-auto-approve")

		// Removing the entry first is the wrong order.
		ws.configure(provider(entry(tb, "stays")) + clients(`{ stays = {} }`))
		if out, ok := ws.run("plan", "-no-color"); ok || !strings.Contains(unwrapped(out), `"leaves" is not a key of the provider's sites`) {
			t.Fatalf("succeeded: %t:\n%s", ok, out)
		}

		ws.configure(both + clients(`{ stays = {} }`))
		must(t, ws, "1 destroyed", "apply", "-auto-approve")
		if tb.state("leaves").Enabled || !tb.state("stays").Enabled {
			t.Error("mail of the departing site is on, or mail of the other is off")
		}
		ws.configure(provider(entry(tb, "stays")) + clients(`{ stays = {} }`))
		must(t, ws, "No changes", "plan", "-detailed-exitcode")
	})

	t.Run("SiteThatNoLongerExists", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		ws := newWorkspace(t, provider(entry(tb, "only"))+tb.resource(arguments{"site": hcl("only")}))
		must(t, ws, "1 added", "apply", "-auto-approve")
		tb.called()
		ws.configure(provider() + "removed {\n  from = smtp_settings.test\n\n  lifecycle {\n    destroy = false\n  }\n}\n")
		must(t, ws, "0 destroyed", "apply", "-auto-approve")
		if all, _ := ws.addresses(); len(all) > 0 {
			t.Errorf("the state still holds %q", all)
		}
		if calls := tb.called(); len(calls) > 0 {
			t.Errorf("the run sent %q to a site that no longer exists", calls)
		}
	})
}
