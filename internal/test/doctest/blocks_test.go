package doctest

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// proof names the test that covers the blocks of a language in the matching documents, or one command.
type proof struct{ documents, lang, test string }

// proofs are for blocks that [TestEveryBlock] does not run itself.
var proofs = []proof{
	{"README.md", "mermaid", "TestAccSettingsCalls"},
	{"README.md", "text", "TestWhatTheReadmeShows"},
	{"CONTRIBUTING.md", "text", "TestEveryFolderIsOnTheMap"},
	{"docs/functions/*.md", "text", "TestRun"},
	{"docs/guides/many-sites.md", "csv", "TestAccAgency"},
	{"docs/guides/performance.md", "text", "TestResultsAreOfThisProgram"},
	{"internal/platform/wordpress/README.md", "php", "TestKeys"},
	{"examples/modules/client-sites/README.md", "csv", "TestConfigurations"},
}

// commands are the commands of "sh" blocks that this test does not run, and the tests that run them.
var commands = map[string]string{
	"terraform import smtp_settings.site default":                   "TestAccExamplesImport",
	"git clone https://github.com/sitemail/terraform-provider-smtp": "TestManySites",
	"mkdir mail": "TestManySites",
	"cp -R terraform-provider-smtp/examples/agency terraform-provider-smtp/examples/modules mail": "TestManySites",
	"cd mail/agency":  "TestManySites",
	"set -o pipefail": "TestAccAgency",
	"terraform apply -auto-approve -json | tee apply.log |":                                                                   "TestAccAgency",
	`jq -r 'select(.diagnostic.severity == "error") | .diagnostic | [.address, .summary, (.detail | split("\n")[0])] | @csv'`: "TestAccAgency",
	"terraform apply -refresh-only -auto-approve -var report=true":                                                            "TestAccAgency",
	"terraform output -raw report_csv >report.csv":                                                                            "TestAccAgency",
	"terraform output -json report >report.json":                                                                              "TestAccAgency",
	"terraform plan -detailed-exitcode -out=plan.tfplan":                                                                      "TestAccSettingsCalls",
	"go run ./internal/platform/wordpress/build -out dist":                                                                    "TestBuild",
	`pocketbase superuser upsert terraform@agency.example "$PASSWORD"`:                                                        "TestStart",
}

// excuses are the notes with which a document may declare that a block cannot be run here.
var excuses = []string{"needs a site of your own", "needs a WordPress of your own", "needs an account of Microsoft", "for another provider"}

// TestEveryBlock checks that each block in each document is covered by a test.
func TestEveryBlock(t *testing.T) {
	tests := testNames(t)
	known := func(where, test string) {
		t.Helper()
		if !tests[test] {
			t.Errorf("%s: there is no test %s", where, test)
		}
	}
	for _, d := range documents(t) {
		for _, b := range d.blocks(t) {
			where := fmt.Sprintf("%s:%d", d.name, b.line)
			by := ""
			for file, test := range walked {
				if (document{name: file}).stands() == d.stands() {
					by = test
				}
			}
			for _, p := range proofs {
				if ok, _ := path.Match(p.documents, d.name); ok && p.lang == b.lang {
					by = p.test
				}
			}
			switch {
			case slices.Contains(excuses, b.note):
				// Its target is elsewhere, but its programs exist here.
				for _, command := range commandLines(b.text) {
					if goRun.MatchString(command) || makeLine.MatchString(command) {
						if problem := check(t, command); problem != "" {
							t.Errorf("%s: %s: %s", where, command, problem)
						}
					}
				}
			case by != "":
				known(where, by)
			case b.lang == "hcl" || b.lang == "terraform":
				known(where, "TestConfigurations")
			case b.lang == "sh" || b.lang == "shell":
				for _, command := range commandLines(b.text) {
					if test, ok := commands[command]; ok {
						known(where, test)
					} else if problem := check(t, command); problem != "" {
						t.Errorf("%s: %s: %s", where, command, problem)
					}
				}
			default:
				t.Errorf("%s: no test covers this %q block", where, b.lang)
			}
		}
	}
}

var testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// testNames are those of all tests.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(file string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		text, err := os.ReadFile(file)
		for _, match := range testFunc.FindAllStringSubmatch(string(text), -1) {
			names[match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var trailing = regexp.MustCompile(`\s+#.*$`)

// commandLines are the commands of a block, without comments; a backslash joins lines.
func commandLines(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", " "), "\n") {
		line = strings.TrimSpace(trailing.ReplaceAllString(line, ""))
		if line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

var (
	flagName = regexp.MustCompile(` (-[\w-]+)`)
	makeLine = regexp.MustCompile(`^make (\w+)$`)
	goRun    = regexp.MustCompile(`^go run (\./\S+)(.*)$`)
	scripted = regexp.MustCompile(`^(?:SOAK=\w+ )?(\.ci/run|internal/\S+\.sh)$`)
)

// check returns what is wrong with a command of this repository, or "".
func check(t *testing.T, command string) string {
	t.Helper()
	if match := makeLine.FindStringSubmatch(command); match != nil {
		if !regexp.MustCompile(`(?m)^` + match[1] + `:`).MatchString(read(t, "GNUmakefile").text) {
			return "GNUmakefile has no such target"
		}
		return ""
	}
	if match := goRun.FindStringSubmatch(command); match != nil {
		return checkFlags(t, match[1], match[2])
	}
	if match := scripted.FindStringSubmatch(command); match != nil {
		info, err := os.Stat(filepath.Join(root, match[1]))
		if err != nil || info.Mode()&0o100 == 0 {
			return "there is no such script"
		}
		return ""
	}
	return "no test runs it; note above the block why nobody can, or name the test in commands"
}

// checkFlags compares the flags with those in the program's -help.
func checkFlags(t *testing.T, pkg, args string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", pkg, "-help")
	cmd.Dir = root
	out, _ := cmd.CombinedOutput()
	for _, match := range flagName.FindAllStringSubmatch(args, -1) {
		if !strings.Contains(string(out), "\n  "+match[1]) {
			return fmt.Sprintf("it has no flag %s:\n%s", match[1], out)
		}
	}
	return ""
}

func TestWrongCommandsAreFound(t *testing.T) {
	for _, command := range []string{
		"make coffee", "go run ./internal/dev/mailserver -teapot x", "curl https://client.example", "internal/none.sh",
	} {
		if check(t, command) == "" {
			t.Errorf("the check accepted %s", command)
		}
	}
	if problem := check(t, "go run ./internal/dev/mailserver -user x"); problem != "" {
		t.Error(problem)
	}
}
