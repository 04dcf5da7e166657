package provider_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/ses"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/smtptest"
)

const examplesDir = "../../examples"

// exampleMailboxes are the usernames of the examples.
var exampleMailboxes = []string{"hello@client.example", "website"}

// examples are the folders of ../../examples with the sites that each enables. Each is applied as it stands, beside the
// files of testdata/examples that lead its names to this machine and give its variables values.
var examples = map[string][]string{
	"provider":                              nil,
	"resources/smtp_settings":               {"only"},
	"data-sources/smtp_presets":             nil,
	"data-sources/smtp_connection":          nil,
	"functions/preset":                      nil,
	"functions/preset_for":                  nil,
	"ephemeral-resources/smtp_ses_password": {"only"},
	"many-sites":                            {"client-a", "client-b"},
	"generic-host":                          {"only"},
	"relay-without-login":                   {"only"},
	"modules/client-sites":                  {"client-a"},
}

func TestAccExamples(t *testing.T) {
	for _, folder := range exampleFolders(t) {
		sites, known := examples[folder]
		if !known {
			t.Errorf("examples/%s is applied by no test", folder)
			continue
		}
		t.Run(folder, func(t *testing.T) {
			w := newExampleWorld(t, folder == "relay-without-login")
			ws := w.example(folder)
			if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok {
				t.Fatal(out)
			}
			for _, name := range sites {
				if !w.state(name).Enabled {
					t.Errorf("%s is not enabled", name)
				}
			}
			if got := len(w.smtp.Messages()); got != len(sites) {
				t.Errorf("%d messages, want %d", got, len(sites))
			}
			if out, ok := ws.run("plan", "-detailed-exitcode", "-no-color"); !ok {
				t.Errorf("the plan after the apply is not empty:\n%s", out)
			}
			if out, ok := ws.run("destroy", "-auto-approve", "-no-color"); !ok {
				t.Error(out)
			}
		})
	}
}

// TestAccExamplesOwnTests runs the tests that examples carry, as their users do.
func TestAccExamplesOwnTests(t *testing.T) {
	carried, err := filepath.Glob(filepath.Join(examplesDir, "*", "tests"))
	if err != nil {
		t.Fatal(err)
	}
	inModules, err := filepath.Glob(filepath.Join(examplesDir, "modules", "*", "tests"))
	if err != nil || len(inModules) == 0 {
		t.Fatal("no module carries tests", err)
	}
	for _, tests := range append(carried, inModules...) {
		folder, err := filepath.Rel(examplesDir, filepath.Dir(tests))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(folder, func(t *testing.T) {
			w := newExampleWorld(t, folder == "relay-without-login")
			ws := w.example(folder)
			if out, ok := ws.run("test", "-no-color"); !ok || !strings.Contains(out, " 0 failed") {
				t.Fatal(out)
			}
		})
	}
}

func TestAccExamplesImport(t *testing.T) {
	const folder = "resources/smtp_settings"
	for name, importing := range map[string]func(t *testing.T, ws workspace){
		"Command": func(t *testing.T, ws workspace) {
			script := readExample(t, folder, "import.sh")
			_, arguments, ok := strings.Cut(script, "\nterraform ")
			if !ok {
				t.Fatalf("no command in %q", script)
			}
			if out, ok := ws.run(strings.Fields(arguments)...); !ok {
				t.Fatal(out)
			}
		},
		"Block": func(t *testing.T, ws workspace) {
			ws.configure(readExample(t, folder, "import-by-string-id.tf"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newExampleWorld(t, false)
			w.enableAs("only", "hello@client.example")
			ws := w.example(folder)
			importing(t, ws)
			if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok || !strings.Contains(out, "0 added, 1 changed, 0 destroyed") {
				t.Fatal(out)
			}
			if state := w.state("only"); !state.Enabled || len(w.smtp.Messages()) != 2 {
				t.Errorf("enabled %t, %d messages; want the password tested once", state.Enabled, len(w.smtp.Messages()))
			}
		})
	}
}

// newExampleWorld has the sites of the examples, and a server on which all their mailboxes can log in.
func newExampleWorld(t *testing.T, withoutLogin bool) *world {
	t.Helper()
	sites := []string{"only", "client-a", "client-b", "client-c"}
	if withoutLogin {
		return startWorld(t, smtptest.Config{Encryption: site.None}, sites...)
	}
	users := map[string]secret.Text{accessKeyID: ses.Password(secret.New(secretAccessKey), "eu-west-1")}
	for _, mailbox := range exampleMailboxes {
		users[mailbox] = secret.New(password)
	}
	return startWorld(t, smtptest.Config{Users: users}, sites...)
}

// example is a workspace with an example, led to this world.
func (w *world) example(folder string) workspace {
	w.t.Helper()
	ws := emptyWorkspace(w.t)
	main := requiredProviders
	own := os.DirFS(filepath.Join(examplesDir, folder))
	err := fs.WalkDir(own, ".", func(path string, entry fs.DirEntry, err error) error {
		// Terraform reads only these, and imports are tried on their own.
		wanted := strings.HasSuffix(path, ".tf") && !strings.HasPrefix(path, "import") || strings.HasSuffix(path, ".tftest.hcl")
		if err != nil || entry.IsDir() || !wanted {
			return err
		}
		text, err := fs.ReadFile(own, path)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "required_providers") {
			main = ""
		}
		target := filepath.Join(ws.Dir, "example_"+path)
		if filepath.Dir(path) != "." {
			target = filepath.Join(ws.Dir, path)
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o600)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.lead(folder, ws.Dir)
	ws.init(main)
	return ws
}

// exampleFolders lists the folders below examples that hold configurations.
func exampleFolders(t *testing.T) []string {
	t.Helper()
	var folders []string
	err := filepath.WalkDir(examplesDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".tf" {
			return err
		}
		folder, err := filepath.Rel(examplesDir, filepath.Dir(path))
		if !slices.Contains(folders, filepath.ToSlash(folder)) {
			folders = append(folders, filepath.ToSlash(folder))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

func readExample(t *testing.T, folder, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examplesDir, folder, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lead writes the files that lead an example to this world into dir.
func (w *world) lead(folder, dir string) {
	w.t.Helper()
	files := template.Must(template.ParseGlob(filepath.Join("testdata", "examples", folder, "*")))
	for _, file := range files.Templates() {
		out, err := os.Create(filepath.Join(dir, file.Name()))
		if err != nil {
			w.t.Fatal(err)
		}
		err = file.Execute(out, map[string]any{"URL": w.http.URL, "Tokens": w.tokens, "Port": w.smtp.Port(), "Password": password, "CA": string(w.smtp.CAPEM())})
		if err := out.Close(); err != nil {
			w.t.Fatal(err)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}
