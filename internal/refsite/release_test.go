package refsite_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// TestDataFileOfEveryRelease opens the data file of each release: mail stays on, and the password is kept. Each file has one site,
// client-a, that Terraform configured, and its sealing key next to it. Each release adds a folder, which never changes.
func TestDataFileOfEveryRelease(t *testing.T) {
	folders, err := filepath.Glob("testdata/release_*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("got %q, %v", folders, err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			w := start(t, func(c *refsite.Config) {
				c.Keys = recordedKeys(t, folder)
				c.DataFile = copied(t, filepath.Join(folder, "data.db"))
			})
			opened, err := w.server.Site("client-a")
			if err != nil {
				t.Fatal(err)
			}
			before, err := opened.Read()
			if err != nil || !before.Enabled || !before.PasswordSet || before.Verification == nil || before.Verification.Reply == "" ||
				before.Verification.TestedAt.IsZero() || before.Settings.Host != "127.0.0.1" {
				t.Fatalf("got %+v, %v", before, err)
			}
			if log := w.log.String(); strings.Contains(log, "ERROR") {
				t.Errorf("opening the old file logged an error: %s", log)
			}
			overview, err := opened.Overview(10)
			if err != nil || len(overview.Tests) != 1 || overview.Tests[0].Status != site.Passed || len(overview.Tests[0].Stages) == 0 {
				t.Errorf("got tests %+v, %v; want the passed one", overview.Tests, err)
			}
			// Mail stays on only if the password can be opened and exactly these settings passed.
			after, err := opened.Commit("terraform", core.Write{ID: uuid.NewString(), SaveRequest: site.SaveRequest{
				Settings: before.Settings, Enabled: true, Revision: before.Revision,
			}})
			if err != nil || !after.Enabled || after.PasswordID != before.PasswordID {
				t.Errorf("after writing the same settings again: got %+v, %v", after, err)
			}
			w.restart(func() {})
			if log := w.log.String(); strings.Contains(log, "DISABLED") {
				t.Errorf("opening the old file switched mail off: %s", log)
			}
		})
	}
}

func recordedKeys(t *testing.T, folder string) seal.Keys {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Parse(secret.New(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func copied(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A client of the first version omits the settings that came later. They are then unset.
func TestOlderClient(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	w.enable(c, nil)
	got := c.put(object{"settings": w.settings(object{"from_name": "B"}), "password": w.password, "enabled": false}).want(t, http.StatusOK, "")
	if settings := got.object["settings"].(object); settings["reply_to"] != "" || settings["grant"] != "" {
		t.Errorf("got %v", settings)
	}
}
