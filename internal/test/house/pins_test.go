package house

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	modversion "golang.org/x/mod/module"
)

// unreleased are required modules that have no releases.
var unreleased = []string{"github.com/emersion/go-sasl", "golang.org/x/perf"}

// replaced are modules that internal/dev/tools/opentofu replaces, as OpenTofu itself does.
var replaced = map[string]string{"internal/dev/tools/opentofu/go.mod": "github.com/hashicorp/hcl/v2"}

// tokenServer is a module whose program is of this repository.
const tokenServer = "internal/test/oauthtest/tokenserver/go.mod"

// goMods are the module, that of the token server and, in internal/dev/tools, the programs that tests, linters and releases use.
func goMods(t *testing.T) map[string]*modfile.File {
	t.Helper()
	names, err := fs.Glob(os.DirFS("../../.."), "internal/dev/tools/*/go.mod")
	if err != nil || len(names) < 4 {
		t.Fatal(names, err)
	}
	all := map[string]*modfile.File{}
	for _, name := range append(names, "go.mod", tokenServer) {
		if all[name], err = modfile.Parse(name, readFile(t, name), nil); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// readFile reads a file of the repository.
func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := fs.ReadFile(os.DirFS("../../.."), name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestModulesArePinned(t *testing.T) {
	for name, file := range goMods(t) {
		sums := string(readFile(t, path.Join(path.Dir(name), "go.sum")))
		for _, problem := range loose(name, file, sums) {
			t.Errorf("%s: %s", name, problem)
		}
	}
	t.Run("FindsUnpinnedModules", func(t *testing.T) {
		const pseudo = "v0.0.0-20250101000000-0123456789ab"
		for what, c := range map[string]struct{ name, text string }{
			"local folder":               {"go.mod", "go 1.26.0\nreplace example.com/a => ../a\n"},
			"fork":                       {"go.mod", "go 1.26.0\nreplace example.com/a => example.com/b v1.0.0\n"},
			"unreleased":                 {"go.mod", "go 1.26.0\nrequire example.com/a " + pseudo + "\n"},
			"missing from go.sum":        {"go.mod", "go 1.26.0\nrequire example.com/a v1.0.0\n"},
			"Go version without a patch": {"go.mod", "go 1.26\n"},
			"default toolchain":          {"go.mod", "go 1.26.0\ntoolchain default\n"},
			"tool pinned to a branch":    {"internal/dev/tools/a/go.mod", "go 1.26.0\ntool example.com/a/cmd\nrequire example.com/a " + pseudo + " // indirect\n"},
			"tool without a requirement": {"internal/dev/tools/a/go.mod", "go 1.26.0\ntool example.com/a/cmd\n"},
			"no tool":                    {"internal/dev/tools/a/go.mod", "go 1.26.0\n"},
			"unknown replacement":        {"internal/dev/tools/opentofu/go.mod", "go 1.26.0\ntool example.com/a\nreplace example.com/a => example.com/b v1.0.0\n"},
		} {
			file, err := modfile.Parse(c.name, []byte("module example.com/m\n"+c.text), nil)
			if err != nil {
				t.Fatal(err)
			}
			sums := "example.com/a " + pseudo + " h1:\n"
			if len(loose(c.name, file, sums)) == 0 {
				t.Errorf("accepted a go.mod with: %s", what)
			}
		}
	})
}

var fullVersion = regexp.MustCompile(`^(go)?1\.\d+\.\d+$`)

// loose reports what in a go.mod is not pinned to one version, or is replaced by other code.
func loose(name string, file *modfile.File, sums string) []string {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if file.Go == nil || !fullVersion.MatchString(file.Go.Version) {
		add("the go line names no full version")
	}
	if file.Toolchain != nil && !fullVersion.MatchString(file.Toolchain.Name) {
		add("the toolchain line names no full version")
	}
	for _, r := range file.Replace {
		if r.New.Version == "" || replaced[name] != r.Old.Path {
			add("%s is replaced by %s", r.Old.Path, r.New.Path)
		}
	}
	// Indirect requirements are chosen by other modules.
	direct := func(r *modfile.Require) bool { return !r.Indirect }
	if name != "go.mod" && name != tokenServer {
		direct = func(r *modfile.Require) bool {
			return slices.ContainsFunc(file.Tool, func(t *modfile.Tool) bool { return provides(r, t) })
		}
		if len(file.Tool) == 0 {
			add("it pins no tool")
		}
	}
	for _, tool := range file.Tool {
		if !slices.ContainsFunc(file.Require, func(r *modfile.Require) bool { return provides(r, tool) }) {
			add("nothing says which %s", tool.Path)
		}
	}
	for _, r := range file.Require {
		switch {
		case !direct(r):
		case modversion.IsPseudoVersion(r.Mod.Version) && !slices.Contains(unreleased, r.Mod.Path):
			add("%s %s is no release", r.Mod.Path, r.Mod.Version)
		case !strings.Contains(sums, r.Mod.Path+" "+r.Mod.Version+" h1:"):
			add("go.sum does not say what %s %s is", r.Mod.Path, r.Mod.Version)
		}
	}
	return problems
}

// provides reports whether the tool is in the module that r requires.
func provides(r *modfile.Require, tool *modfile.Tool) bool {
	return tool.Path == r.Mod.Path || strings.HasPrefix(tool.Path, r.Mod.Path+"/")
}

var moving = regexp.MustCompile(`@(latest|upgrade|patch|main|master|HEAD)\b`)

// Programs that run on developers' machines and where releases are built must be pinned versions that were reviewed.
func TestScriptsRunWhatIsPinned(t *testing.T) {
	scripts := map[string][]byte{}
	root := os.DirFS("../../..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		isScript := slices.Contains([]string{"GNUmakefile", ".ci/run"}, name) || slices.Contains([]string{".sh", ".yml", ".yaml"}, path.Ext(name))
		if err != nil || entry.IsDir() && slices.Contains([]string{".git", ".bin", "dist", "node_modules"}, entry.Name()) {
			return skipOr(err)
		}
		if !entry.IsDir() && isScript {
			scripts[name], err = fs.ReadFile(root, name)
		}
		return err
	})
	if err != nil || len(scripts) < 4 {
		t.Fatal(slices.Collect(maps.Keys(scripts)), err)
	}
	for name, text := range scripts {
		if found := moving.Find(text); found != nil {
			t.Errorf("%s uses the moving version %s", name, found)
		}
	}
}

func skipOr(err error) error {
	if err != nil {
		return err
	}
	return fs.SkipDir
}
