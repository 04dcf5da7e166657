package provider_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// workspace runs the real CLI with the installed provider, for what terraform-plugin-testing cannot do, such as for_each.
type workspace struct {
	tfcli.Workspace
	t *testing.T
}

const requiredProviders = "terraform {\n  required_providers {\n    smtp = { source = \"sitemail/smtp\" }\n  }\n}\n"

// newWorkspace returns a workspace with a configuration, to which it adds required_providers.
func newWorkspace(t *testing.T, config string) workspace {
	t.Helper()
	w := emptyWorkspace(t)
	w.configure(config)
	return w
}

func emptyWorkspace(t *testing.T) workspace {
	t.Helper()
	ws, err := cli.NewWorkspace(t.Context(), t.TempDir(), "sitemail/smtp")
	if err != nil {
		t.Fatal(err)
	}
	return workspace{Workspace: ws, t: t}
}

// configure replaces the configuration.
func (w workspace) configure(config string) {
	w.t.Helper()
	w.init(requiredProviders + config)
}

func (w workspace) init(main string) {
	w.t.Helper()
	if err := w.Init(w.t.Context(), main); err != nil {
		w.t.Fatal(err)
	}
}

// run returns the output of a command, and whether it succeeded.
func (w workspace) run(args ...string) (string, bool) {
	w.t.Helper()
	out, err := w.Command(w.t.Context(), args...).CombinedOutput()
	return string(out), err == nil
}

// must returns the output of a command that must succeed.
func (w workspace) must(args ...string) string {
	w.t.Helper()
	out, ok := w.run(append(args, "-no-color")...)
	if !ok {
		w.t.Fatalf("%s failed:\n%s", strings.Join(args, " "), out)
	}
	return out
}

// addresses lists the addresses in the state, and those that are tainted.
func (w workspace) addresses() (all, tainted []string) {
	w.t.Helper()
	out, ok := w.run("show", "-json")
	if !ok {
		w.t.Fatal(out)
	}
	type module struct {
		Resources []struct {
			Address string `json:"address"`
			Tainted bool   `json:"tainted"`
		} `json:"resources"`
		ChildModules []module `json:"child_modules"`
	}
	var state struct {
		Values struct {
			RootModule module `json:"root_module"`
		} `json:"values"`
	}
	if err := json.Unmarshal([]byte(out), &state); err != nil {
		w.t.Fatal(err)
	}
	for modules := []module{state.Values.RootModule}; len(modules) > 0; modules = modules[1:] {
		for _, r := range modules[0].Resources {
			all = append(all, r.Address)
			if r.Tainted {
				tainted = append(tainted, r.Address)
			}
		}
		modules = append(modules, modules[0].ChildModules...)
	}
	return all, tainted
}

// diagnostic is a diagnostic in the CLI's JSON output.
type diagnostic struct {
	Severity, Summary, Detail, Address string
}

// reported lists the diagnostics of a severity in the output of a command with -json. The text output collapses equal warnings.
func reported(t *testing.T, out, severity string) (found []diagnostic) {
	t.Helper()
	for line := range strings.Lines(out) {
		var said struct{ Diagnostic diagnostic }
		if err := json.Unmarshal([]byte(line), &said); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if said.Diagnostic.Severity == severity {
			found = append(found, said.Diagnostic)
		}
	}
	return found
}

// TestAccSettingsR26OneOfManyFails: the other sites are applied, nothing is tainted (R23), and the error names the site.
func TestAccSettingsR26OneOfManyFails(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "client-a", "client-b", "client-c")
	// The sites trust the authority of tb.smtp alone, so they refuse this server's certificate.
	untrusted := smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailbox: secret.New(password)}})
	config := func(portOfB int) string {
		return tb.provider() + `
variable "ports" {
  default = { client-a = ` + number(tb.smtp.Port()) + `, client-b = ` + number(portOfB) + `, client-c = ` + number(tb.smtp.Port()) + ` }
}
resource "smtp_settings" "client" {
  for_each            = var.ports
  site                = each.key
  host                = "127.0.0.1"
  port                = each.value
  encryption          = "starttls"
  username            = "` + mailbox + `"
  password_wo         = "` + password + `"
  password_wo_version = 1
}
`
	}
	ws := newWorkspace(t, config(untrusted.Port()))

	out, ok := ws.run("apply", "-auto-approve", "-no-color")
	if ok || !strings.Contains(out, "client-b: ") || strings.Contains(out, "client-a: the test") {
		t.Fatalf("succeeded: %t, or the error names the wrong site:\n%s", ok, out)
	}
	if !tb.state("client-a").Enabled || tb.state("client-b").Enabled || !tb.state("client-c").Enabled {
		t.Fatal("one failing site held up the others or was enabled itself")
	}
	all, tainted := ws.addresses()
	if want := []string{`smtp_settings.client["client-a"]`, `smtp_settings.client["client-c"]`}; !slices.Equal(all, want) || len(tainted) > 0 {
		t.Fatalf("the state holds %q, tainted %q; want %q and nothing tainted", all, tainted, want)
	}

	ws.configure(config(tb.smtp.Port()))
	if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok || !strings.Contains(out, "1 added, 0 changed, 0 destroyed") {
		t.Fatal(out)
	}
	if got := len(tb.smtp.Messages()); got != 3 {
		t.Errorf("got %d messages, want one per site", got)
	}
}

// TestAccSettingsCalls counts the requests of each phase with the real CLI.
func TestAccSettingsCalls(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	ws := newWorkspace(t, tb.config())
	phase := func(want []string, args ...string) {
		t.Helper()
		if out, ok := ws.run(args...); !ok {
			t.Fatal(out)
		}
		if got := tb.called(); !slices.Equal(got, want) {
			t.Errorf("%s sent %q, want %q", args[0], got, want)
		}
	}
	read := []string{"GET only /smtp"}
	phase(read, "plan", "-out=create.tfplan")
	phase(append(read, testAndSave...), "apply", "create.tfplan")
	phase(read, "plan", "-detailed-exitcode")

	ws.configure(tb.config(arguments{"host": hcl("localhost")}))
	phase(read, "plan", "-out=update.tfplan")
	phase(testAndSave, "apply", "update.tfplan")

	phase(read, "plan", "-destroy", "-out=destroy.tfplan")
	phase([]string{"GET only /smtp", "PUT only /smtp"}, "apply", "destroy.tfplan")
}

// TestAccSettingsErrorPath: a provider must not write its plan into the state of a failed update. Terraform would drop the resource, and
// OpenTofu would write the password to the state.
func TestAccSettingsErrorPath(t *testing.T) {
	t.Parallel()
	const canary = "canary in a coal mine"
	changed := arguments{"host": hcl("localhost"), "password_wo": "var.canary", "password_wo_version": "2"}
	variable := "variable \"canary\" {\n  default   = " + hcl(canary) + "\n  sensitive = true\n  ephemeral = true\n}\n"
	for name, c := range map[string]struct {
		tamper func(http.Handler) http.Handler
		says   string
		host   string
	}{
		"R22_R23_FailedTest":             {says: "Nothing was saved", host: "127.0.0.1"},
		"R22_R23_SiteKeepsSomethingElse": {tamper: answersWith(`"from_name":""`, `"from_name":"The site's own"`), says: "did not keep what was saved", host: "localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTestbed(t, smtptest.Config{}, "only")
			ws := newWorkspace(t, tb.config())
			if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok {
				t.Fatal(out)
			}
			if c.tamper != nil {
				tb.smtp.SetUser(mailbox, secret.New(canary))
				tb.tamper.Store(&c.tamper)
			}
			ws.configure(variable + tb.config(changed))
			out, ok := ws.run("apply", "-auto-approve", "-no-color")
			if ok || !strings.Contains(unwrapped(out), c.says) {
				t.Fatalf("succeeded: %t:\n%s", ok, out)
			}
			state, err := os.ReadFile(filepath.Join(ws.Dir, "terraform.tfstate"))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(state), canary) || strings.Contains(out, canary) {
				t.Error("the state or the output holds the password")
			}
			if all, tainted := ws.addresses(); !slices.Equal(all, []string{"smtp_settings.test"}) || len(tainted) > 0 {
				t.Errorf("the state holds %q, tainted %q", all, tainted)
			}
			for _, want := range []string{`"password_wo_version": "1"`, `"host": "` + c.host + `"`} {
				if !strings.Contains(string(state), want) {
					t.Errorf("the state lacks %s:\n%s", want, state)
				}
			}
			if out, ok := ws.run("plan", "-no-color"); !ok || !strings.Contains(out, "1 to change") {
				t.Errorf("the next plan does not contain the change:\n%s", out)
			}
		})
	}
}

// answersWith changes the responses of a site.
func answersWith(old, replacement string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			maps.Copy(rw.Header(), answer.Header())
			rw.Header().Del("Content-Length")
			rw.WriteHeader(answer.Code)
			_, _ = rw.Write(bytes.ReplaceAll(answer.Body.Bytes(), []byte(old), []byte(replacement)))
		})
	}
}

// TestAccSettingsR27NewerContract: the site was upgraded to a version that the provider does not support.
func TestAccSettingsR27NewerContract(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	ws := newWorkspace(t, tb.config())
	newer := answersWith(`"api_version":1`, `"api_version":2`)
	refuses := func(when string) {
		t.Helper()
		tb.tamper.Store(&newer)
		tb.wrote()
		out, ok := ws.run("apply", "-auto-approve", "-no-color")
		if ok || !strings.Contains(unwrapped(out), "the site implements version 2 of the site admin contract, but this provider supports only version 1") {
			t.Errorf("%s: succeeded: %t:\n%s", when, ok, out)
		}
		if wrote := tb.wrote(); len(wrote) > 0 {
			t.Errorf("%s: got writes %q", when, wrote)
		}
		tb.tamper.Store(nil)
	}
	refuses("at first")
	if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok {
		t.Fatal(out)
	}
	ws.configure(tb.config(arguments{"from_name": hcl("B")}))
	refuses("upgraded since")
	if state := tb.state("only"); !state.Enabled || len(tb.smtp.Messages()) != 1 {
		t.Errorf("got %+v and %d messages", state, len(tb.smtp.Messages()))
	}
}

// unwrapped removes the CLI's line breaks.
func unwrapped(out string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ").Replace(out)), " ")
}
