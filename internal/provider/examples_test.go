package provider_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/hashicorp/go-version"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/ses"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/dnstest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const examplesDir = "../../examples"

// exampleMailboxes are the usernames of the examples.
var exampleMailboxes = []string{
	"hello@client.example", "shop@client.example", "website", "sites@agency.example", "hello@client-b.example", "shop@client-d.example",
}

// example describes what applying a folder of examplesDir does.
type example struct {
	// enables are the sites that are enabled, with one test each.
	enables []string
	// sending is true if the only site already sends mail; tests is the number of messages that are not sent for a site.
	sending bool
	tests   int
	// since is the Terraform version that its features need; empty for any.
	since string
	// platforms are the platforms of further sites that it enables, one each.
	platforms []string
}

// examples are the folders of examplesDir. Each is applied unchanged, together with files in testdata/examples that point its hosts to
// this machine and set its variables.
var examples = map[string]example{
	"actions/smtp_send_test":                {sending: true, tests: 1, since: "1.14"},
	"agency":                                {enables: []string{"client-a", "client-b"}, platforms: []string{platform.WordPress, platform.PocketBase, platform.Listmonk}},
	"data-sources/smtp_connection":          {},
	"data-sources/smtp_presets":             {},
	"data-sources/smtp_sender_domain":       {},
	"data-sources/smtp_settings":            {},
	"ephemeral-resources/smtp_ses_password": {enables: []string{"only"}},
	"functions/preset":                      {},
	"functions/preset_for":                  {},
	"generic-host":                          {enables: []string{"only"}},
	"list-resources/smtp_settings":          {sending: true},
	"listmonk":                              {platforms: []string{platform.Listmonk}},
	"many-sites":                            {enables: []string{"client-a", "client-b"}},
	"modules/client-sites":                  {enables: []string{"client-a"}},
	"password-rotation":                     {enables: []string{"client-a", "client-b"}},
	"pocketbase":                            {platforms: []string{platform.PocketBase}},
	"provider":                              {},
	"relay-without-login":                   {enables: []string{"only"}},
	"resources/smtp_settings":               {enables: []string{"only"}},
	"wordpress":                             {platforms: []string{platform.WordPress}},
}

func TestAccExamples(t *testing.T) {
	t.Parallel()
	for _, folder := range exampleFolders(t) {
		example, known := examples[folder]
		if !known {
			t.Errorf("no test applies examples/%s", folder)
			continue
		}
		t.Run(folder, func(t *testing.T) {
			since(t, example.since)
			tb := newExampleTestbed(t, folder == "relay-without-login")
			messages := len(example.enables) + example.tests + len(example.platforms)
			if example.sending {
				tb.enableAs("only", "hello@client.example")
				messages++
			}
			tb.startPlatforms(example.platforms)
			ws := tb.example(folder)
			if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok {
				t.Fatal(out)
			}
			for _, name := range example.enables {
				if !tb.state(name).Enabled {
					t.Errorf("%s is not enabled", name)
				}
			}
			if got := len(tb.smtp.Messages()); got != messages {
				t.Errorf("got %d messages, want %d", got, messages)
			}
			for _, other := range tb.others {
				if !other.state(tb).Enabled {
					t.Errorf("the %s is not enabled", other.Platform)
				}
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

// since skips a test if the CLI is older than that Terraform version, or is OpenTofu. Other tests cover the same features with any CLI,
// at the level of the wire protocol.
func since(tb testing.TB, terraform string) {
	tb.Helper()
	if terraform == "" {
		return
	}
	have := version.Must(version.NewVersion(cli.Version)).Core()
	if cli.OpenTofu || have.LessThan(version.Must(version.NewVersion(terraform))) {
		tb.Skipf("%s is not Terraform %s", cli, terraform)
	}
}

// TestAccExamplesAdopt follows the guide to adopting sites: query, generate, plan, apply.
func TestAccExamplesAdopt(t *testing.T) {
	t.Parallel()
	since(t, "1.14")
	tb := newExampleTestbed(t, false)
	tb.enableAs("only", "hello@client.example")
	ws := tb.example("list-resources/smtp_settings")
	for _, step := range []struct {
		args []string
		says string
	}{
		{[]string{"query", "-no-color"}, "sends as hello@client.example"},
		{[]string{"query", "-no-color", "-generate-config-out=adopted.tf"}, ""},
		{[]string{"plan", "-no-color"}, "1 to import, 0 to add, 0 to change, 0 to destroy"},
		{[]string{"apply", "-no-color", "-auto-approve"}, "1 imported, 0 added, 0 changed, 0 destroyed"},
		{[]string{"plan", "-no-color", "-detailed-exitcode"}, "No changes"},
	} {
		if out, ok := ws.run(step.args...); !ok || !strings.Contains(out, step.says) {
			adopted, _ := os.ReadFile(filepath.Join(ws.Dir, "adopted.tf"))
			t.Fatalf("%q:\n%s\nadopted.tf:\n%s", step.args, out, adopted)
		}
	}
	if state := tb.state("only"); !state.Enabled || len(tb.smtp.Messages()) != 1 || len(tb.wrote()) > 0 {
		t.Errorf("adopting changed something: %+v", state)
	}
}

// TestAccExamplesOwnTests runs the tests that examples carry, as their users do.
func TestAccExamplesOwnTests(t *testing.T) {
	t.Parallel()
	carried, err := filepath.Glob(filepath.Join(examplesDir, "*", "tests"))
	if err != nil {
		t.Fatal(err)
	}
	inModules, err := filepath.Glob(filepath.Join(examplesDir, "modules", "*", "tests"))
	if err != nil || len(inModules) == 0 {
		t.Fatal("found no module with tests:", err)
	}
	for _, tests := range append(carried, inModules...) {
		folder, err := filepath.Rel(examplesDir, filepath.Dir(tests))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(folder, func(t *testing.T) {
			tb := newExampleTestbed(t, folder == "relay-without-login")
			tb.startPlatforms(examples[folder].platforms)
			ws := tb.example(folder)
			if out, ok := ws.run("test", "-no-color"); !ok || !strings.Contains(out, " 0 failed") {
				t.Fatal(out)
			}
		})
	}
}

func TestAccExamplesImport(t *testing.T) {
	t.Parallel()
	const folder = "resources/smtp_settings"
	for name, importing := range map[string]func(t *testing.T, ws workspace){
		"Command": func(t *testing.T, ws workspace) {
			script := readExample(t, folder, "import.sh")
			_, arguments, ok := strings.Cut(script, "\nterraform ")
			if !ok {
				t.Fatalf("found no command in %q", script)
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
			tb := newExampleTestbed(t, false)
			tb.enableAs("only", "hello@client.example")
			ws := tb.example(folder)
			importing(t, ws)
			if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok || !strings.Contains(out, "0 added, 1 changed, 0 destroyed") {
				t.Fatal(out)
			}
			if state := tb.state("only"); !state.Enabled || len(tb.smtp.Messages()) != 2 {
				t.Errorf("got enabled %t and %d messages, want one test of the password", state.Enabled, len(tb.smtp.Messages()))
			}
		})
	}
}

// newExampleTestbed returns a testbed with the examples' sites, and a mail server that accepts all their mailboxes.
func newExampleTestbed(t *testing.T, withoutLogin bool) *testbed {
	t.Helper()
	sites := []string{"only", "client-a", "client-b", "client-c", "client-g"}
	if withoutLogin {
		return startTestbed(t, smtptest.Config{Encryption: site.NoEncryption}, sites...)
	}
	users := map[string]secret.Text{accessKeyID: ses.Password(secret.New(secretAccessKey), "eu-west-1")}
	for _, mailbox := range exampleMailboxes {
		users[mailbox] = secret.New(password)
	}
	return startTestbed(t, smtptest.Config{Users: users}, sites...)
}

// example returns a workspace with an example that uses this testbed.
func (tb *testbed) example(folder string) workspace {
	tb.t.Helper()
	return tb.exampleIn(emptyWorkspace(tb.t), folder)
}

// exampleIn copies an example, pointed to this testbed, into a workspace.
func (tb *testbed) exampleIn(ws workspace, folder string) workspace {
	tb.t.Helper()
	main := copyExample(tb.t, folder, ws.Dir)
	tb.lead(folder, ws.Dir)
	ws.init(main)
	return ws
}

// copyExample copies an example, and returns what the configuration needs beside it.
func copyExample(t *testing.T, folder, to string) (main string) {
	t.Helper()
	main = requiredProviders
	own := os.DirFS(filepath.Join(examplesDir, folder))
	err := fs.WalkDir(own, ".", func(path string, entry fs.DirEntry, err error) error {
		// Terraform reads only these, and imports are tried on their own.
		wanted := strings.HasSuffix(path, ".tf") && !strings.HasPrefix(path, "import") ||
			strings.HasSuffix(path, ".tftest.hcl") || strings.HasSuffix(path, ".tfquery.hcl") || strings.HasSuffix(path, ".csv")
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
		target := filepath.Join(to, path)
		if path == "main.tf" {
			target = filepath.Join(to, "example_main.tf") // main.tf is the workspace's
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return main
}

// exampleFolders lists the folders below examples that hold configurations.
func exampleFolders(t *testing.T) []string {
	t.Helper()
	var folders []string
	err := filepath.WalkDir(examplesDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".tf" && !strings.HasSuffix(path, ".tfquery.hcl") {
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

// modules returns the path of the examples' modules, for configurations elsewhere.
func modules(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(examplesDir, "modules"))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func readExample(t *testing.T, folder, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examplesDir, folder, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lead writes the files that point an example to this testbed into dir.
func (tb *testbed) lead(folder, dir string) {
	tb.t.Helper()
	files := template.Must(template.ParseGlob(filepath.Join("testdata", "examples", folder, "*")))
	for _, file := range files.Templates() {
		out, err := os.Create(filepath.Join(dir, file.Name()))
		if err != nil {
			tb.t.Fatal(err)
		}
		err = file.Execute(out, map[string]any{
			"URL": tb.http.URL, "Tokens": tb.tokens, "Port": tb.smtp.Port(), "Password": password, "CA": string(tb.smtp.CAPEM()), "Sites": tb.others,
			"Modules":     modules(tb.t),
			"Nameserver":  dnstest.Start(tb.t, senderZone(nil)).Address(),
			"AccessKeyID": accessKeyID, "SecretAccessKey": secretAccessKey,
		})
		if err := out.Close(); err != nil {
			tb.t.Fatal(err)
		}
		if err != nil {
			tb.t.Fatal(err)
		}
	}
}
