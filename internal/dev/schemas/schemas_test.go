package main

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// sections decodes what is known of the provider, by the kind of thing.
func sections(t *testing.T, output []byte) map[string]any {
	t.Helper()
	var decoded struct {
		Format  string                    `json:"format_version"`
		Schemas map[string]map[string]any `json:"provider_schemas"`
	}
	if err := json.Unmarshal(output, &decoded); err != nil {
		t.Fatalf("%v: %.500s", err, output)
	}
	if decoded.Format != "1.0" || decoded.Schemas[address] == nil {
		t.Fatalf("found no schemas of %s in format 1.0: %.500s", address, output)
	}
	return decoded.Schemas[address]
}

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	ours := sections(t, out.Bytes())

	t.Run("MatchesTheCLI", func(t *testing.T) {
		cli, err := tfcli.Find(t.Context(), t.Output())
		if err != nil {
			t.Fatal(err)
		}
		w, err := cli.NewWorkspace(t.Context(), t.TempDir(), address)
		if err != nil {
			t.Fatal(err)
		}
		err = w.Init(t.Context(), `terraform {
			required_providers {
				smtp = { source = "`+address+`" }
			}
		}`)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := w.Command(t.Context(), "providers", "schema", "-json").Output()
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range sections(t, theirs) {
			if got := ours[name]; !reflect.DeepEqual(got, want) {
				t.Errorf("%s:\n got %v\nwant %v", name, got, want)
			}
		}
	})

	t.Run("HasWhatOldCLIsOmit", func(t *testing.T) {
		for _, name := range []string{"resource_identity_schemas", "list_resource_schemas", "action_schemas"} {
			if section, ok := ours[name].(map[string]any); !ok || len(section) == 0 {
				t.Errorf("found no %s", name)
			}
		}
	})
}
