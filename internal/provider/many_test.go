package provider_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/tfcli"
)

// workspace runs the real CLI with the provider as it is installed, for what terraform-plugin-testing cannot do, such as
// for_each.
type workspace struct {
	tfcli.Workspace
	t *testing.T
}

func newWorkspace(t *testing.T, config string) workspace {
	t.Helper()
	ws, err := cli.NewWorkspace(t.Context(), t.TempDir(), "sitemail/smtp")
	if err != nil {
		t.Fatal(err)
	}
	w := workspace{Workspace: ws, t: t}
	w.configure(config)
	return w
}

// configure replaces the configuration.
func (w workspace) configure(config string) {
	w.t.Helper()
	const required = "terraform {\n  required_providers {\n    smtp = { source = \"sitemail/smtp\" }\n  }\n}\n"
	if err := w.Init(w.t.Context(), required+config); err != nil {
		w.t.Fatal(err)
	}
}

// run returns what a command prints, and whether it succeeded.
func (w workspace) run(args ...string) (string, bool) {
	w.t.Helper()
	out, err := w.Command(w.t.Context(), args...).CombinedOutput()
	return string(out), err == nil
}

// addresses lists what the state holds, with what is tainted.
func (w workspace) addresses() (all, tainted []string) {
	w.t.Helper()
	out, ok := w.run("show", "-json")
	if !ok {
		w.t.Fatal(out)
	}
	var state struct {
		Values struct {
			RootModule struct {
				Resources []struct {
					Address string `json:"address"`
					Tainted bool   `json:"tainted"`
				} `json:"resources"`
			} `json:"root_module"`
		} `json:"values"`
	}
	if err := json.Unmarshal([]byte(out), &state); err != nil {
		w.t.Fatal(err)
	}
	for _, r := range state.Values.RootModule.Resources {
		all = append(all, r.Address)
		if r.Tainted {
			tainted = append(tainted, r.Address)
		}
	}
	return all, tainted
}

func TestAccSettingsOneOfManyFails(t *testing.T) {
	w := newWorld(t, smtptest.Config{}, "client-a", "client-b", "client-c")
	// The sites trust the authority of w.smtp alone, so they refuse this server's certificate.
	untrusted := smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailbox: secret.New(password)}})
	config := func(portOfB int) string {
		return w.provider() + `
variable "ports" {
  default = { client-a = ` + number(w.smtp.Port()) + `, client-b = ` + number(portOfB) + `, client-c = ` + number(w.smtp.Port()) + ` }
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
		t.Fatalf("ok %t, or the wrong site is named:\n%s", ok, out)
	}
	if !w.state("client-a").Enabled || w.state("client-b").Enabled || !w.state("client-c").Enabled {
		t.Fatal("one failing site held up the others, or was enabled")
	}
	all, tainted := ws.addresses()
	if want := []string{`smtp_settings.client["client-a"]`, `smtp_settings.client["client-c"]`}; !slices.Equal(all, want) || len(tainted) > 0 {
		t.Fatalf("state holds %q, tainted %q; want %q and nothing tainted", all, tainted, want)
	}

	ws.configure(config(w.smtp.Port()))
	if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok || !strings.Contains(out, "1 added, 0 changed, 0 destroyed") {
		t.Fatal(out)
	}
	if got := len(w.smtp.Messages()); got != 3 {
		t.Errorf("%d messages, want one a site", got)
	}
}
