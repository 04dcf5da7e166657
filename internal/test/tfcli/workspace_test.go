package tfcli

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestWorkspace(t *testing.T) {
	cli, err := Find(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]string{
		"sitemail/smtp":                        cli.Registry() + "/sitemail/smtp",
		"registry.terraform.io/hashicorp/smtp": "registry.terraform.io/hashicorp/smtp",
	} {
		t.Run(strings.ReplaceAll(source, "/", "_"), func(t *testing.T) {
			t.Setenv("TF_CLI_CONFIG_FILE", filepath.Join(t.TempDir(), "the user's, and not there"))
			w, err := cli.NewWorkspace(t.Context(), t.TempDir(), source)
			if err != nil {
				t.Fatal(err)
			}
			config := "terraform {\n  required_providers {\n    smtp = { source = \"" + source + "\" }\n  }\n}\n"
			if err := w.Init(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			schemas, err := w.Command(t.Context(), "providers", "schema", "-json").CombinedOutput()
			if err != nil || !strings.Contains(string(schemas), `"`+want+`":`) {
				t.Errorf("want the schemas of %s, got %v\n%.500s", want, err, schemas)
			}
		})
	}
}
