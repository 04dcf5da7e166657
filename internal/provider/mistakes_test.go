package provider_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// mistake is a common mistake in a configuration, and the CLI's output for it.
type mistake struct {
	config string
	// args are the arguments of the command; default: plan.
	args []string
	// works is true if the command succeeds nevertheless.
	works bool
	// says are parts of the output, in any order; never are texts that it must not contain.
	says, never []string
}

func (m mistake) in(t *testing.T, ws workspace) {
	t.Helper()
	ws.configure(m.config)
	args := m.args
	if args == nil {
		args = []string{"plan"}
	}
	out, ok := ws.run(append(args, "-no-color")...)
	said := unwrapped(out)
	if ok != m.works {
		t.Errorf("succeeded: %t\n%s", ok, out)
	}
	for _, want := range m.says {
		if !strings.Contains(said, want) {
			t.Errorf("the output does not say %q:\n%s", want, out)
		}
	}
	for _, wrong := range m.never {
		if strings.Contains(said, wrong) {
			t.Errorf("the output says %q:\n%s", wrong, out)
		}
	}
}

// mistakenSites is a testbed for mistakes about sites, with helpers that write the provider and the entries of sites.
type mistakenSites struct{ *testbed }

func (m mistakenSites) provider(entries ...string) string {
	return "provider \"smtp\" {\n  test_recipient = \"" + recipient + "\"\n  max_retries = 0\n  sites = {\n" + strings.Join(entries, "") + "  }\n}\n"
}

func (m mistakenSites) entry(key, name, more string) string {
	return fmt.Sprintf("    %s = { url = %q, token = %q %s }\n", key, m.http.URL+"/"+name, m.tokens[name], more)
}

// dead returns an entry of a site that does not exist.
func (m mistakenSites) dead(key string) string {
	return fmt.Sprintf("    %s = { url = %q, token = \"t\" }\n", key, "http://127.1.2.3:9")
}

func (m mistakenSites) at(key string, overrides ...arguments) string {
	return m.resource(append([]arguments{{"site": hcl(key)}}, overrides...)...)
}

// TestAccMistakesBeforeTheFirstApply tests mistakes in configurations that have never been applied.
func TestAccMistakesBeforeTheFirstApply(t *testing.T) {
	t.Parallel()
	tb := mistakenSites{newTestbed(t, smtptest.Config{}, "a")}
	good := tb.provider(tb.entry("client-a", "a", ""))
	ws := newWorkspace(t, good)
	importOf := func(id string) string { return "import {\n  to = smtp_settings.test\n  id = " + hcl(id) + "\n}\n" }
	preset := func(id, username, password string) string {
		return fmt.Sprintf("resource \"smtp_settings\" \"test\" {\n  site = \"client-a\"\n  preset = %q\n  username = %q\n  password_wo = %q\n  password_wo_version = 1\n  from_address = \"a@example.com\"\n}\n", id, username, password)
	}
	for name, m := range map[string]mistake{
		"MistypedImportID": {
			config: good + tb.at("client-a") + importOf("client-b"),
			says:   []string{`"client-b" is not a key of the provider's sites. Did you mean "client-a"?`, `import ID of a site is its key in sites`},
			never:  []string{"stop managing", "gone for good"},
		},
		"ImportWithoutSettings": {
			config: good + tb.at("client-a") + importOf("client-a"), works: true,
			says: []string{"Site has no mail settings", "there is nothing to import"},
		},
		"MistypedKey": {
			config: good + tb.at("client-x"),
			says:   []string{`Did you mean "client-a"?`, "Check its spelling", "moved block", "removed {"},
			never:  []string{"near it are"},
		},
		"KeyOfOneLetter": {
			config: tb.provider(tb.entry("b", "a", ""), tb.entry("c", "a", "")) + tb.at("a"),
			says:   []string{`"a" is not a key of the provider's sites. Check`}, never: []string{"Did you mean"},
		},
		"EmptyKey": {config: tb.provider(tb.entry(`""`, "a", "")) + tb.at("a"), says: []string{"Attribute sites", "at least 1"}},
		"NoBreakSpace": {
			config: good + tb.at("client-a", arguments{"from_name": "\"Caf\u00e9\u00a0Nord\""}),
			says:   []string{"U+00A0 (a no-break space is one): use an ordinary space"}, never: []string{"control characters"},
		},
		"LongUsername": {
			config: good + tb.at("client-a", arguments{"username": hcl(strings.Repeat("u", 256)), "from_address": hcl(mailbox)}),
			args:   []string{"validate"},
			says:   []string{"username: must have at most 255 characters"},
		},
		"AddressOfTheAdminPage": {
			config: strings.Replace(good, "/a\"", "/a/admin/\"", 1) + tb.at("client-a"),
			says:   []string{"url ends in /admin, which is not part of the site's address"},
		},
		"PresetWithoutPasswords": {
			config: good + preset("outlook", "someone@example.com", "x"),
			says:   []string{"Mail service does not accept passwords", "Outlook.com / Hotmail / Live / MSN accepts no password"},
			never:  []string{"MSN: Outlook.com"},
		},
		"PresetWithAppPassword": {
			config: good + preset("gmail", "someone@example.com", "abcd efgh ijkl mnop"), works: true,
			says: []string{"1 to add"}, never: []string{"Warning"},
		},
		"PresetWithoutLogin": {
			config: good + "data \"smtp_presets\" \"all\" {}\noutput \"kind\" {\n  value = data.smtp_presets.all.presets[\"mailpit\"].password_kind\n}\n", works: true,
			says: []string{`kind = "none"`},
		},
	} {
		t.Run(name, func(t *testing.T) { m.in(t, ws) })
	}
}

// TestAccMistakesAfterAnApply tests mistakes at a managed site.
func TestAccMistakesAfterAnApply(t *testing.T) {
	t.Parallel()
	tb := mistakenSites{newTestbed(t, smtptest.Config{}, "a", "b")}
	good := tb.provider(tb.entry("client-a", "a", ""))
	ws := newWorkspace(t, good+tb.at("client-a"))
	ws.must("apply", "-auto-approve")
	const unreachable = "Site cannot be reached"
	wayOut := []string{unreachable, "gone for good", "removed { from = smtp_settings.<name> lifecycle { destroy = false } }", "terraform state rm"}
	for name, m := range map[string]mistake{
		"KeyRenamed": {
			config: tb.provider(tb.entry("client-b", "a", "")) + tb.at("client-b"), works: true,
			says: []string{"1 to change"}, never: []string{"Warning"},
		},
		"KeyAndAddressRenamed": {
			config: tb.provider(tb.entry("client-b", "a", "")) + strings.Replace(tb.at("client-b"), `"test"`, `"other"`, 1),
			says:   []string{`"client-a" is not a key`, `Did you mean "client-b"?`, `moved { from = smtp_settings.client["client-a"]`},
		},
		"EntryRemovedFirst": {
			config: tb.provider(tb.entry("other", "b", "")),
			says:   []string{"about to be destroyed", "put its entry back into sites", "removed {"},
		},
		"RepinLeft": {
			config: tb.provider(tb.entry("client-a", "a", ", repin = true")) + tb.at("client-a"), works: true,
			says: []string{"repin is no longer needed", "No changes"},
		},
		"RepinNeeded": {
			config: tb.provider(tb.entry("client-a", "b", ", repin = true")) + tb.at("client-a"), works: true,
			says: []string{"1 to change"}, never: []string{"no longer needed"},
		},
		"DestroyUnreachable":               {config: tb.provider(tb.dead("client-a")) + tb.at("client-a"), args: []string{"destroy", "-auto-approve"}, says: append(wayOut, `on_unreachable = "warn"`)},
		"DestroyUnreachableWithoutRefresh": {config: tb.provider(tb.dead("client-a")) + tb.at("client-a"), args: []string{"destroy", "-auto-approve", "-refresh=false"}, says: append(wayOut, "The resource stays in the state")},
		"DestroyUnreachableWarning":        {config: strings.Replace(tb.provider(tb.dead("client-a")), "token", `on_unreachable = "warn", token`, 1), args: []string{"apply", "-auto-approve"}, says: append(wayOut, "The resource stays in the state")},
	} {
		t.Run(name, func(t *testing.T) { m.in(t, ws) })
	}
	if all, _ := ws.addresses(); len(all) != 1 || !tb.state("a").Enabled || len(tb.smtp.Messages()) != 1 {
		t.Errorf("the state holds %q and the site %+v", all, tb.state("a"))
	}
}

// TestAccMistakenOverwrite: if overwrite_existing becomes known only in the apply, its value then counts.
func TestAccMistakenOverwrite(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	tb.enable("only")
	for _, c := range []struct {
		value string
		works bool
	}{{"false", false}, {"true", true}} {
		config := tb.config(arguments{"overwrite_existing": "terraform_data.late.output"}) + "resource \"terraform_data\" \"late\" {\n  input = " + c.value + "\n}\n"
		ws := newWorkspace(t, config)
		out, ok := ws.run("apply", "-auto-approve", "-no-color")
		if ok != c.works || ok == strings.Contains(out, "Site already sends mail with other settings") {
			t.Errorf("overwrite_existing = %s: succeeded: %t\n%s", c.value, ok, out)
		}
		if changed := tb.state("only").Settings.FromName == ""; changed != c.works {
			t.Errorf("overwrite_existing = %s: the site holds %+v", c.value, tb.state("only"))
		}
	}
}

// TestAccGeneratedForNothing generates a configuration for a site without settings.
func TestAccGeneratedForNothing(t *testing.T) {
	t.Parallel()
	tb := mistakenSites{newTestbed(t, smtptest.Config{}, "a")}
	ws := newWorkspace(t, tb.provider(tb.entry("client-a", "a", "")))
	mistake{
		config: tb.provider(tb.entry("client-a", "a", "")) + "import {\n  to       = smtp_settings.test\n  id       = \"client-a\"\n  provider = smtp\n}\n",
		args:   []string{"plan", "-generate-config-out=generated.tf"},
		says:   []string{"Site has no mail settings", "there is nothing to import", "Remove the import and write the resource"},
	}.in(t, ws)
}

// TestAccConnectionTextStays: text does not change between plans. For a certificate of a private authority, it names the argument to set.
func TestAccConnectionTextStays(t *testing.T) {
	t.Parallel()
	server := smtptest.Start(t, smtptest.Config{})
	config := func(more string) string {
		return fmt.Sprintf("data \"smtp_connection\" \"test\" {\n  host = %q\n  port = %d\n  encryption = %q\n%s}\n", server.Host(), server.Port(), site.STARTTLS, more) +
			"output \"text\" {\n  value = data.smtp_connection.test.text\n}\noutput \"failure\" {\n  value = data.smtp_connection.test.failure\n}\n"
	}
	for name, more := range map[string]string{"Failing": "", "Passing": "  ca_certificate = " + hcl(string(server.CAPEM())) + "\n"} {
		t.Run(name, func(t *testing.T) {
			ws := newWorkspace(t, config(more))
			out := unwrapped(ws.must("apply", "-auto-approve"))
			if advises := strings.Count(out, "Here, set ca_certificate"); advises != map[string]int{"Failing": 4}[name] {
				t.Errorf("ca_certificate is named %d times:\n%s", advises, out)
			}
			for range 3 {
				ws.must("plan", "-detailed-exitcode")
			}
		})
	}
}

// TestAccPageAfterDestroy: after a destroy, the admin page no longer says that Terraform manages the site.
func TestAccPageAfterDestroy(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	ws := newWorkspace(t, tb.config())
	managed := func() bool {
		t.Helper()
		overview, err := tb.site("only").Overview(1)
		if err != nil {
			t.Fatal(err)
		}
		return overview.Applied != nil
	}
	ws.must("apply", "-auto-approve")
	if !managed() {
		t.Error("the data source says unmanaged after an apply")
	}
	ws.configure(tb.config(arguments{"enabled": "false"}))
	ws.must("apply", "-auto-approve")
	if !managed() {
		t.Error("the data source says unmanaged with mail off")
	}
	ws.configure(tb.config())
	ws.must("apply", "-auto-approve")
	ws.must("destroy", "-auto-approve")
	if managed() {
		t.Error("the data source still says managed after a destroy")
	}
}
