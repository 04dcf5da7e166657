package house

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// pinnedAction matches an action pinned by its commit hash, because tags can move.
var pinnedAction = regexp.MustCompile(`^[\w.-]+/[\w.-]+(/[\w./-]+)?@[0-9a-f]{40}$`)

func TestWorkflows(t *testing.T) {
	root := os.DirFS("../../..")
	err := fs.WalkDir(root, ".github", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".yml", ".yaml"}, path.Ext(name)) {
			return err
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for _, problem := range tooMuchTrust(name, text) {
			t.Errorf("%s: %s", name, problem)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

func TestTooMuchTrustIsFound(t *testing.T) {
	const (
		hash = "0123456789abcdef0123456789abcdef01234567"
		none = "on: push\npermissions: {}\n"
		job  = "jobs:\n  a:\n    runs-on: ubuntu-latest\n    permissions: { contents: read }\n    steps:\n"
	)
	good := none + job + "      - uses: actions/checkout@" + hash + " # v7.0.1\n      - uses: ./.github/actions/own\n"
	if got := tooMuchTrust(".github/workflows/a.yml", []byte(good)); len(got) > 0 {
		t.Errorf("rejected a workflow that pins everything: %q", got)
	}
	for what, text := range map[string]string{
		"tag":                             none + job + "      - uses: actions/checkout@v7\n",
		"branch":                          none + job + "      - uses: actions/checkout@main\n",
		"short hash":                      none + job + "      - uses: actions/checkout@0123456 # v7\n",
		"hash without version":            none + job + "      - uses: actions/checkout@" + hash + "\n",
		"image pinned by tag":             none + job + "      - uses: docker://alpine:3\n",
		"reusable workflow pinned by tag": none + "jobs:\n  a:\n    permissions: {}\n    uses: a/b/.github/workflows/c.yml@v1\n",
		"no permissions":                  strings.Replace(good, "permissions: {}\n", "", 1),
		"job without permissions":         strings.Replace(good, "    permissions: { contents: read }\n", "", 1),
		"write-all for the workflow":      strings.Replace(good, "permissions: {}", "permissions: write-all", 1),
		"read-all for a job":              strings.Replace(good, "{ contents: read }", "read-all", 1),
		"write for the whole workflow":    strings.Replace(good, "permissions: {}", "permissions: { contents: write }", 1),
		"write for pull requests":         strings.NewReplacer("on: push", "on: [push, pull_request]", "contents: read", "contents: write").Replace(good),
		"pull_request_target":             strings.Replace(good, "on: push", "on:\n  pull_request_target:\n", 1),
		"secret in a job that runs code":  good + "        env: { KEY: \"${{ secrets.KEY }}\" }\n",
		"invalid YAML":                    "\t",
	} {
		if got := tooMuchTrust(".github/workflows/a.yml", []byte(text)); len(got) == 0 {
			t.Errorf("accepted a workflow with: %s", what)
		}
	}
	released := strings.NewReplacer("on: push", "on:\n  push:\n    tags: [v*]", "contents: read", "contents: write").Replace(good)
	if got := tooMuchTrust(".github/workflows/a.yml", []byte(released)); len(got) > 0 {
		t.Errorf("rejected a release job that may write: %q", got)
	}
}

// workflow is the permissions in a file in .github/workflows.
type workflow struct {
	On          yaml.Node
	Permissions yaml.Node
	Jobs        map[string]job
}

// job is its permissions and its whole text.
type job struct {
	Permissions yaml.Node
	text        string
}

// UnmarshalYAML implements [yaml.Unmarshaler].
func (j *job) UnmarshalYAML(n *yaml.Node) error {
	type plain job
	if err := n.Decode((*plain)(j)); err != nil {
		return err
	}
	text, err := yaml.Marshal(n)
	j.text = string(text)
	return err
}

// tooMuchTrust reports where a file below .github runs unpinned code, or has more permissions than it needs.
func tooMuchTrust(name string, text []byte) []string {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return []string{err.Error()}
	}
	problems := unpinned(&document)
	if path.Dir(name) != ".github/workflows" {
		return problems
	}
	var w workflow
	if err := document.Decode(&w); err != nil {
		return append(problems, err.Error())
	}
	triggers, err := yaml.Marshal(&w.On)
	if err != nil {
		return append(problems, err.Error())
	}
	forStrangers := strings.Contains(string(triggers), "pull_request")
	if strings.Contains(string(triggers), "pull_request_target") {
		problems = append(problems, "it gives its secrets to whoever opens a pull request")
	}
	if _, ok := rights(w.Permissions, false); !ok {
		problems = append(problems, "its permissions are not {} or a list of what it reads")
	}
	for job, j := range w.Jobs {
		if why, ok := rights(j.Permissions, !forStrangers); !ok {
			problems = append(problems, fmt.Sprintf("the permissions of job %s: %s", job, why))
		}
		if strings.Contains(j.text, "secrets.") && strings.Contains(j.text, "actions/checkout") {
			problems = append(problems, fmt.Sprintf("job %s has a secret and runs code of the repository", job))
		}
	}
	return problems
}

// rights reports whether permissions are listed individually, and without write access unless that is allowed.
func rights(permissions yaml.Node, mayWrite bool) (why string, ok bool) {
	var listed map[string]string
	if permissions.Kind != yaml.MappingNode || permissions.Decode(&listed) != nil {
		return "they are not listed", false
	}
	for scope, right := range listed {
		if right != "read" && right != "none" && !(right == "write" && mayWrite) {
			return scope + ": " + right, false
		}
	}
	return "", true
}

// unpinned lists the actions that are not pinned to a commit.
func unpinned(n *yaml.Node) []string {
	var problems []string
	for i, child := range n.Content {
		problems = append(problems, unpinned(child)...)
		if n.Kind != yaml.MappingNode || i%2 == 1 || child.Value != "uses" {
			continue
		}
		used := n.Content[i+1]
		switch {
		case strings.HasPrefix(used.Value, "./"):
		case !pinnedAction.MatchString(used.Value):
			problems = append(problems, used.Value+" is not pinned by a commit")
		case !strings.HasPrefix(used.LineComment, "# v"):
			problems = append(problems, used.Value+" does not say which version it is")
		}
	}
	return problems
}
