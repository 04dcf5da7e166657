package pinned

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// standInModule has a program that the go command builds in a second.
const standInModule = "example.test/program"

// standIn pins a program like internal/dev/tools/opentofu does.
func standIn(t *testing.T, source string) builder {
	t.Helper()
	root := t.TempDir()
	for name, content := range map[string]string{
		"internal/dev/tools/prog/go.mod": "module example.test/tool\n\ngo 1.26\n\nrequire " + standInModule + " v1.12.6\n\n" +
			"tool " + standInModule + "/cmd/prog\n\nreplace " + standInModule + " => ../../../../program\n",
		"program/go.mod":            "module " + standInModule + "\n\ngo 1.26\n",
		"program/cmd/prog/main.go":  source,
		"program/version/source.go": "package version\n\nvar dev = \"yes\"\n\nfunc Dev() string { return dev }\n",
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Program{
		Name: "prog", Title: "The Program", Module: standInModule, Flags: []string{"-ldflags", "-X " + standInModule + "/version.dev=no"},
	}.in(root)
}

const saysDev = `package main

import "example.test/program/version"

func main() { print(version.Dev()) }
`

func TestBuilder(t *testing.T) {
	t.Run("BuildsWithTheFlags", func(t *testing.T) {
		b := standIn(t, saysDev)
		var log strings.Builder
		path, err := b.path(t.Context(), &log, "Not there")
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(path) != "prog-v1.12.6" {
			t.Errorf("built %s, want the version in the name", path)
		}
		dev, err := exec.CommandContext(t.Context(), path).CombinedOutput()
		if err != nil || string(dev) != "no" {
			t.Errorf("version.dev = %q, %v, want no", dev, err)
		}
		if want := "Not there: building The Program v1.12.6, which takes a few minutes, once.\n"; log.String() != want {
			t.Errorf("log %q, want %q", log.String(), want)
		}
	})
	t.Run("TwoAtOnceBuildOnce", func(t *testing.T) {
		b := standIn(t, saysDev)
		var logs [2]strings.Builder
		var wg sync.WaitGroup
		for i := range logs {
			wg.Go(func() {
				if _, err := b.path(t.Context(), &logs[i], "Not there"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if both := logs[0].String() + logs[1].String(); strings.Count(both, "building") != 1 {
			t.Errorf("log %q, want one build", both)
		}
	})
	t.Run("FailedBuildLeavesNothingToRun", func(t *testing.T) {
		b := standIn(t, "package main\n\nfunc main() { nowhere() }\n")
		path, err := b.path(t.Context(), t.Output(), "Not there")
		if err == nil || !strings.Contains(err.Error(), "undefined: nowhere") {
			t.Errorf("got %v, want what the compiler said", err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v, want no such file", path, err)
		}
	})
	t.Run("CancellationEndsTheWait", func(t *testing.T) {
		b := standIn(t, saysDev)
		unlock, err := b.lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.lock(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}

func TestPathWorksFromAnyFolderOfTheModule(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", "site"))
	_, err := Program{Name: "nowhere", Title: "Nothing"}.Path(t.Context(), t.Output(), "Not there")
	if err == nil || !strings.Contains(err.Error(), "build Nothing: ") {
		t.Errorf("got %v", err)
	}
}
