package doctest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// TestConfigurations formats and validates the configurations in all documents. TestAccExamples applies those in examples.
func TestConfigurations(t *testing.T) {
	cli := findCLI(t)
	ws, err := cli.NewWorkspace(t.Context(), t.TempDir(), "sitemail/smtp")
	if err != nil {
		t.Fatal(err)
	}
	applied := examples(t)
	formatted := t.TempDir()
	validated := map[string]bool{}
	for _, d := range documents(t) {
		for _, b := range d.blocks(t) {
			if b.lang != "hcl" && b.lang != "terraform" || strings.Contains(b.text, "{{") {
				continue
			}
			where := fmt.Sprintf("%s:%d", d.name, b.line)
			file := strings.NewReplacer("/", "_", ":", "_").Replace(where) + ".tf"
			if err := os.WriteFile(filepath.Join(formatted, file), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if b.note == "for another provider" || applied[essence(b.text)] || validated[b.text] {
				continue
			}
			validated[b.text] = true
			t.Run(where, func(t *testing.T) { validate(t, ws, d, b) })
		}
	}
	if len(validated) < 5 {
		t.Errorf("validated only %d configurations: this test no longer reads the right files", len(validated))
	}
	if out, err := cli.Command(t.Context(), "fmt", "-check", "-diff", formatted).CombinedOutput(); err != nil {
		t.Errorf("terraform fmt would change:\n%s", out)
	}
}

// examples are the configurations that are applied unchanged.
func examples(t *testing.T) map[string]bool {
	t.Helper()
	texts := map[string]bool{}
	err := fs.WalkDir(os.DirFS(filepath.Join(root, "examples")), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".tf") && !strings.HasSuffix(name, ".hcl") {
			return err
		}
		text, err := os.ReadFile(filepath.Join(root, "examples", name))
		texts[essence(string(text))] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

var hclComment = regexp.MustCompile(`(?m)(^|\s+)#.*$`)

// essence is a configuration without comments and space.
func essence(text string) string {
	return strings.Join(strings.Fields(hclComment.ReplaceAllString(text, "")), " ")
}

var (
	variableUsed = regexp.MustCompile(`\bvar\.(\w+)`)
	importsTo    = regexp.MustCompile(`(?m)^\s*to\s*=\s*smtp_settings\.(\w+)(\[)?`)
)

// loginWithToken is the resource around an oauth2 argument that a document shows alone, with its gaps filled.
func loginWithToken(argument string) string {
	preset := "outlook"
	if strings.Contains(argument, "tenant ") {
		preset = "microsoft365"
	}
	return "resource \"smtp_settings\" \"site\" {\n  preset = \"" + preset + "\"\n  username = \"hello@client.example\"\n" +
		strings.ReplaceAll(argument, "…", "client.example") + "}\n"
}

// validate validates a block, together with the declarations that it presupposes.
func validate(t *testing.T, ws tfcli.Workspace, d document, b block) {
	t.Helper()
	config := b.text
	if strings.HasPrefix(config, "oauth2 = {") {
		config = loginWithToken(config)
	}
	if !strings.Contains(config, "required_providers") {
		config = "terraform {\n  required_providers {\n    smtp = { source = \"sitemail/smtp\" }\n  }\n}\n" + config
	}
	for _, used := range variableUsed.FindAllStringSubmatch(b.text, -1) {
		if declared := "variable \"" + used[1] + "\" {"; !strings.Contains(config, declared) {
			config += declared + "}\n"
		}
	}
	if to := importsTo.FindStringSubmatch(b.text); to != nil && !strings.Contains(b.text, "resource \"smtp_settings\" \""+to[1]) {
		config += "resource \"smtp_settings\" \"" + to[1] + "\" {\n"
		if to[2] != "" {
			config += "  for_each = var.clients\n  site = each.key\n"
		}
		config += "  preset = \"gmail\"\n  username = \"hello@client.example\"\n}\n"
	}
	module := filepath.Join(ws.Dir, "client-sites")
	if strings.Contains(config, "\"./client-sites\"") {
		if err := os.CopyFS(module, os.DirFS(filepath.Join(root, "examples", "modules", "client-sites"))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(module); err != nil {
				t.Error(err)
			}
		})
	}
	for _, beside := range d.blocks(t) {
		if beside.lang == "csv" {
			if err := os.WriteFile(filepath.Join(ws.Dir, "clients.csv"), []byte(beside.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := ws.Init(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if out, err := ws.Command(t.Context(), "validate", "-no-color").CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}
