package cases_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// TestAccTerraform runs some cases with the real Terraform on the machine's network, and checks them by the same rules, to prove that
// core behaves like Terraform.
func TestAccTerraform(t *testing.T) {
	with := newCLI(t)
	random := soaktest.Random(t)
	http := slices.DeleteFunc(httpCases(), func(c httpCase) bool { return !c.starred() || !c.quick() })
	smtp := slices.DeleteFunc(smtpCases(), func(c smtpCase) bool { return !c.starred() || c.Row == "R36" })
	random.Shuffle(len(http), func(i, j int) { http[i], http[j] = http[j], http[i] })
	random.Shuffle(len(smtp), func(i, j int) { smtp[i], smtp[j] = smtp[j], smtp[i] })
	for _, c := range http[:soaktest.Count(8)] {
		t.Run(c.name(), func(t *testing.T) { c.run(t, with) })
	}
	for _, c := range smtp[:soaktest.Count(4)] {
		t.Run(c.name(), func(t *testing.T) { c.run(t, with) })
	}
}

// quick reports whether the case involves only short timeouts.
func (c httpCase) quick() bool {
	slow := c.fault.Name == "Slow" || c.fault.Name == "Latency" || c.fault.Name == "SlowClose" || effects[c.fault.Name] == declined
	return !slow && !c.call.slow
}

// secrets are the arguments that hold secrets.
var secrets = []string{"token", "password", "password_wo"}

// cli is a Terraform or OpenTofu in a folder.
type cli struct {
	tfcli.Workspace
	t    *testing.T
	seen []byte
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	found, err := tfcli.Find(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	workspace, err := found.NewWorkspace(t.Context(), t.TempDir(), "sitemail/smtp")
	if err != nil {
		t.Fatal(err)
	}
	main := "terraform {\n  required_providers {\n    smtp = { source = \"sitemail/smtp\" }\n  }\n}\n"
	for _, name := range secrets {
		main += fmt.Sprintf("variable %q {\n  ephemeral = true\n  default = null\n}\n", name)
	}
	if err := workspace.Init(t.Context(), main); err != nil {
		t.Fatal(err)
	}
	return &cli{Workspace: workspace, t: t}
}

// begin deletes Terraform's state.
func (c *cli) begin(t *testing.T) {
	t.Helper()
	c.t, c.seen = t, nil
	states, err := filepath.Glob(filepath.Join(c.Dir, "*.tfstate*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range states {
		if err := os.Remove(state); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *cli) apply(config configuration) run {
	return c.run(config, "apply", "-auto-approve", "-json")
}

func (c *cli) plan(config configuration) run { return c.run(config, "plan", "-json") }

func (c *cli) shown() []byte { return c.seen }

// run applies the configuration with Terraform and parses its output.
func (c *cli) run(config configuration, args ...string) run {
	c.t.Helper()
	command := c.Command(c.t.Context(), args...)
	document := arguments{"provider": arguments{"smtp": hide(config.provider, command)}}
	if config.resource != nil {
		document["resource"] = arguments{resourceType: arguments{"test": hide(config.resource, command)}}
	}
	text, err := json.Marshal(document)
	if err == nil {
		err = os.WriteFile(filepath.Join(c.Dir, "case.tf.json"), text, 0o600)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	out, failure := command.CombinedOutput()
	c.seen = append(c.seen, out...)
	r := read(c.t, out)
	if (failure != nil) != r.failed() {
		c.t.Fatalf("got %v with %d errors: %s", failure, len(r.errors), out)
	}
	c.checkState()
	return r
}

// hide moves secrets into variables, as users do, because Terraform shows the lines of the configuration at an error.
func hide(a arguments, command *exec.Cmd) arguments {
	hidden := maps.Clone(a)
	for name, value := range a {
		if inner, ok := value.(arguments); ok {
			hidden[name] = hide(inner, command)
		}
		if slices.Contains(secrets, name) {
			command.Env = append(command.Env, fmt.Sprintf("TF_VAR_%s=%s", name, value))
			hidden[name] = "${var." + name + "}"
		}
	}
	return hidden
}

// read parses the lines of -json.
func read(t *testing.T, out []byte) run {
	t.Helper()
	r := run{action: "no-op"}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var line struct {
			Type   string
			Change struct{ Action string }
			// Diagnostic is set for that type.
			Diagnostic struct{ Severity, Summary, Detail string }
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		said := &tfprotov6.Diagnostic{Summary: line.Diagnostic.Summary, Detail: line.Diagnostic.Detail}
		switch {
		case line.Type == "planned_change":
			r.action = line.Change.Action
		case line.Type == "diagnostic" && line.Diagnostic.Severity == "error":
			r.errors = append(r.errors, said)
		case line.Type == "diagnostic":
			r.warnings = append(r.warnings, said)
		}
	}
	return r
}

// checkState looks at the state file: nothing is ever tainted.
func (c *cli) checkState() {
	c.t.Helper()
	state, err := os.ReadFile(filepath.Join(c.Dir, "terraform.tfstate"))
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.seen = append(c.seen, state...)
	if bytes.Contains(state, []byte(`"tainted"`)) {
		c.t.Errorf("the resource is tainted: %s", state)
	}
}
