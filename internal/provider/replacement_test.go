package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestAccReplacementCreatedFirst: with create_before_destroy, the apply plans the replacement again without the old private state.
func TestAccReplacementCreatedFirst(t *testing.T) {
	t.Parallel()
	for name, lifecycle := range map[string][2]string{
		"OnTheResource": {"create_before_destroy = true", ""},
		"OnADependent":  {"", "create_before_destroy = true"},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTestbed(t, smtptest.Config{}, "only")
			ws := newWorkspace(t, replaceable(tb, lifecycle, "one", ""))
			ws.must("apply", "-auto-approve")
			ws.configure(replaceable(tb, lifecycle, "two", "another"))
			ws.must("apply", "-auto-approve")
			if state := tb.state("only"); !state.Enabled || state.Settings.FromName != "another" {
				t.Errorf("the site holds %+v", state)
			}
			if out := ws.must("plan"); strings.Contains(out, "# smtp_settings.") { // Terraform 1.17 may leave a deposed terraform_data
				t.Errorf("the plan after the apply is not empty:\n%s", out)
			}
			ws.must("destroy", "-auto-approve")
			if state := tb.state("only"); state.Enabled {
				t.Errorf("the site holds %+v after the destroy", state)
			}
		})
	}
}

// TestAccDeposedObject: the next apply removes a deposed object that a failed dependent left, without changing the site.
func TestAccDeposedObject(t *testing.T) {
	t.Parallel()
	lifecycle := [2]string{"create_before_destroy = true", "create_before_destroy = true"}
	for name, c := range map[string]struct {
		args []string
		name string
		off  bool
	}{
		"Apply":        {args: []string{"apply", "-auto-approve"}, name: "another"},
		"ApplyChange":  {args: []string{"apply", "-auto-approve"}, name: "a third"},
		"ApplyTarget":  {args: []string{"apply", "-auto-approve", "-target=smtp_settings.test"}, name: "another"},
		"ApplyUnread":  {args: []string{"apply", "-auto-approve", "-refresh=false"}, name: "another"},
		"DestroyEvery": {args: []string{"destroy", "-auto-approve"}, name: "another", off: true},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTestbed(t, smtptest.Config{}, "only")
			ws := newWorkspace(t, replaceable(tb, lifecycle, "one", ""))
			ws.must("apply", "-auto-approve")
			failing := "resource \"terraform_data\" \"failing\" {\n  input = smtp_settings.test.id\n  triggers_replace = smtp_settings.test.from_name\n" +
				"  provisioner \"local-exec\" {\n    command = \"exit 1\"\n  }\n  lifecycle {\n    create_before_destroy = true\n  }\n}\n"
			ws.configure(replaceable(tb, lifecycle, "two", "another") + failing)
			if out, ok := ws.run("apply", "-auto-approve", "-no-color"); ok {
				t.Fatalf("the dependent did not fail:\n%s", out)
			}
			if out := ws.must("show"); !strings.Contains(out, "deposed") {
				t.Fatalf("the state holds no deposed object:\n%s", out)
			}
			ws.configure(replaceable(tb, lifecycle, "two", c.name))
			ws.must(c.args...)
			if out := ws.must("show"); strings.Contains(out, "deposed") {
				t.Errorf("the deposed object is still there:\n%s", out)
			}
			if state := tb.state("only"); state.Enabled == c.off || state.Settings.FromName != c.name {
				t.Errorf("the site holds %+v, want %s, off: %t", state, c.name, c.off)
			}
			if !c.off && name != "ApplyTarget" { // which leaves the rest of the plan for the next one
				ws.must("plan", "-detailed-exitcode")
			}
		})
	}
}

// replaceable configures smtp_settings.test, which a new trigger replaces, and a dependent resource, each with a lifecycle.
func replaceable(tb *testbed, lifecycle [2]string, trigger, fromName string) string {
	return strings.Replace(tb.config(arguments{"from_name": hcl(fromName)}), `resource "smtp_settings" "test" {`, fmt.Sprintf(`
resource "terraform_data" "trigger" {
  input = %q
}
resource "terraform_data" "dependent" {
  input            = smtp_settings.test.id
  triggers_replace = terraform_data.trigger.output
  lifecycle {
    %s
  }
}
resource "smtp_settings" "test" {
  lifecycle {
    replace_triggered_by = [terraform_data.trigger]
    %s
  }`, trigger, lifecycle[1], lifecycle[0]), 1)
}

// TestAccTwoAddresses: two addresses with the same site ID are one site.
func TestAccTwoAddresses(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	entry := func(key, url string) string {
		return fmt.Sprintf("    %s = { url = %q, token = %q }\n", key, url, tb.tokens["only"])
	}
	byName := strings.Replace(tb.http.URL, "127.0.0.1", "localhost", 1)
	provider := "provider \"smtp\" {\n  test_recipient = \"" + recipient + "\"\n  sites = {\n" + entry("number", tb.http.URL+"/only") + entry("name", byName+"/only") + "  }\n}\n"
	at := func(key string) string {
		return strings.Replace(tb.resource(arguments{"site": hcl(key)}), `"smtp_settings" "test"`, fmt.Sprintf("\"smtp_settings\" %q", key), 1)
	}
	t.Run("TwoResources", func(t *testing.T) {
		ws := newWorkspace(t, provider+at("number")+at("name"))
		if out, ok := ws.run("plan", "-no-color"); ok || !strings.Contains(out, "Site has two resources") {
			t.Errorf("two resources for one site: succeeded: %t\n%s", ok, out)
		}
	})
	t.Run("TwoStates", func(t *testing.T) {
		tb.wrote()
		first, second := newWorkspace(t, provider+at("number")), newWorkspace(t, provider+at("name"))
		first.must("apply", "-auto-approve")
		second.must("apply", "-auto-approve")
		if out := first.must("plan"); !strings.Contains(out, "Another smtp_settings resource writes to the site") {
			t.Errorf("the plan does not warn about the other resource that writes to the site:\n%s", out)
		}
		first.must("destroy", "-auto-approve")
		if !tb.state("only").Enabled {
			t.Error("destroying the first resource switched mail of the second off")
		}
		second.must("destroy", "-auto-approve")
		if tb.state("only").Enabled {
			t.Error("mail is on after both resources were destroyed")
		}
	})
}

// TestAccLateSite: a key that becomes known only in the apply turns out to be a different site.
func TestAccLateSite(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "a", "b")
	config := func(key string) string {
		return tb.provider() + "resource \"terraform_data\" \"key\" {\n  input = " + hcl(key) + "\n}\n" + tb.resource(arguments{"site": "terraform_data.key.output"})
	}
	ws := newWorkspace(t, config("a"))
	ws.must("apply", "-auto-approve")
	ws.configure(config("b"))
	out, ok := ws.run("apply", "-auto-approve", "-no-color")
	if ok || !strings.Contains(strings.Join(strings.Fields(out), " "), "was not known until now") || strings.Contains(out, "bug in the provider") {
		t.Errorf("succeeded: %t\n%s", ok, out)
	}
	if !tb.state("a").Enabled || !tb.state("b").Settings.IsZero() {
		t.Errorf("the refused apply changed a site: %+v, %+v", tb.state("a"), tb.state("b"))
	}
	ws.must("apply", "-auto-approve")
	if tb.state("a").Enabled || !tb.state("b").Enabled {
		t.Errorf("after the next apply, the sites hold %+v and %+v", tb.state("a"), tb.state("b"))
	}
	ws.must("plan", "-detailed-exitcode")
}

// TestAccR15LateURL: a url that becomes known only in the apply turns out to be a different site. Nothing is sent to it.
func TestAccR15LateURL(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "a", "b")
	config := func(name, more, fromName string) string {
		return fmt.Sprintf("resource \"terraform_data\" \"at\" {\n  input = { url = %q, token = %q }\n}\nprovider \"smtp\" {\n  url = terraform_data.at.output.url\n"+
			"  token = terraform_data.at.output.token\n  test_recipient = %q\n%s}\n", tb.http.URL+"/"+name, tb.tokens[name], recipient, more) + tb.resource(arguments{"from_name": hcl(fromName)})
	}
	ws := newWorkspace(t, config("a", "", "one"))
	ws.must("apply", "-auto-approve")
	tb.wrote()
	another := func(args ...string) {
		t.Helper()
		out, ok := ws.run(append(args, "-no-color")...)
		if said := unwrapped(out); ok || !strings.Contains(said, "Another site answers") || !strings.Contains(said, "Nothing was sent to it") || !strings.Contains(said, "repin = true") {
			t.Errorf("%q succeeded: %t\n%s", args, ok, out)
		}
		if wrote := tb.wrote(); len(wrote) > 0 || !tb.state("a").Enabled || !tb.state("b").Settings.IsZero() {
			t.Errorf("%q sent the writes %q", args, wrote)
		}
	}
	ws.configure(config("b", "", "two"))
	another("apply", "-auto-approve")
	another("plan")
	ws.configure(config("b", "  repin = true\n", "two"))
	ws.must("apply", "-auto-approve")
	if state := tb.state("b"); !state.Enabled || state.Settings.FromName != "two" {
		t.Errorf("the replacement site holds %+v", state)
	}
	ws.must("plan", "-detailed-exitcode")
}

// TestAccTwoProviderBlocks: two provider blocks are two processes, which detect each other's resource through the site.
func TestAccTwoProviderBlocks(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	block := func(alias, host string) string {
		return fmt.Sprintf("provider \"smtp\" {\n%s  url = %q\n  token = %q\n  test_recipient = %q\n}\n", alias, strings.Replace(tb.http.URL, "127.0.0.1", host, 1)+"/only", tb.tokens["only"], recipient)
	}
	providers := block("", "127.0.0.1") + block("  alias = \"second\"\n", "localhost")
	named := func(name, more string) string {
		return strings.Replace(tb.resource(arguments{"from_name": hcl(name)}), `"smtp_settings" "test" {`, fmt.Sprintf("\"smtp_settings\" %q {\n  %s\n", name, more), 1)
	}
	first, second := named("first", ""), named("second", "provider = smtp.second\n  depends_on = [smtp_settings.first]")
	ws := newWorkspace(t, providers+first+second)
	if out := ws.must("apply", "-auto-approve"); !strings.Contains(out, "Site already has the settings of another smtp_settings resource") {
		t.Errorf("creating the second resource does not warn:\n%s", out)
	}
	if out := ws.must("plan"); !strings.Contains(out, "Another smtp_settings resource writes to the site") {
		t.Errorf("the plan does not warn about the other resource that writes to the site:\n%s", out)
	}
	ws.configure(providers + strings.Replace(second, "depends_on = [smtp_settings.first]", "", 1))
	if out := ws.must("apply", "-auto-approve"); !strings.Contains(out, "Site was left unchanged") {
		t.Errorf("the destroy does not say that it left the site unchanged:\n%s", out)
	}
	if state := tb.state("only"); !state.Enabled || state.Settings.FromName != "second" {
		t.Errorf("the site holds %+v", state)
	}
	ws.must("plan", "-detailed-exitcode")
}

// TestAccDeposedObjectAlone: a state that holds nothing but a deposed object converges with a plain apply where its destruction leaves
// the site as it is, and otherwise by what the error says.
func TestAccDeposedObjectAlone(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	ws := newWorkspace(t, tb.config())
	ws.must("apply", "-auto-approve")
	state := filepath.Join(ws.Dir, "terraform.tfstate")
	depose := func() {
		t.Helper()
		text, err := os.ReadFile(state)
		if err != nil {
			t.Fatal(err)
		}
		deposed := strings.Replace(string(text), `"schema_version": 0,`, `"deposed": "c0ffee00", "schema_version": 0,`, 1)
		if err := os.WriteFile(state, []byte(deposed), 0o600); err != nil {
			t.Fatal(err)
		}
		if all, _ := ws.addresses(); deposed == string(text) || !strings.Contains(ws.must("show"), "deposed") {
			t.Fatalf("the state has no deposed object, only %q", all)
		}
	}
	converged := func() {
		t.Helper()
		if out := ws.must("show"); strings.Contains(out, "deposed") || !tb.state("only").Enabled {
			t.Errorf("got %+v\n%s", tb.state("only"), out)
		}
		ws.must("plan", "-detailed-exitcode")
	}

	depose()
	tb.switchOff("only")
	ws.must("apply", "-auto-approve")
	converged()

	depose()
	out, ok := ws.run("apply", "-auto-approve", "-no-color")
	if ok || !strings.Contains(unwrapped(out), "lists it as a deposed object, neither block reaches it. Set overwrite_existing = true and apply") || !tb.state("only").Enabled {
		t.Errorf("succeeded: %t\n%s", ok, out)
	}
	tb.wrote()
	ws.configure(tb.config(arguments{"overwrite_existing": "true"}))
	ws.must("apply", "-auto-approve")
	if wrote := tb.wrote(); !slices.Equal(wrote, testAndSave) {
		t.Errorf("the apply sent the writes %q, want only test and save", wrote)
	}
	converged()
}
