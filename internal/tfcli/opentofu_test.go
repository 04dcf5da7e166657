package tfcli

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

// standIn writes a module that requires OpenTofu as internal/tools/opentofu does, and in its place finds a program
// that the go command builds in a second.
func standIn(t *testing.T, source string) builder {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"tool/go.mod": "module example.test/tool\n\ngo 1.26\n\nrequire " + tofuModule + " v1.12.6\n\n" +
			"tool " + tofuModule + "/cmd/tofu\n\nreplace " + tofuModule + " => ../opentofu\n",
		"opentofu/go.mod":            "module " + tofuModule + "\n\ngo 1.26\n",
		"opentofu/cmd/tofu/main.go":  source,
		"opentofu/version/VERSION":   "1.12.6",
		"opentofu/version/source.go": "package version\n\nvar dev = \"yes\"\n\nfunc Dev() string { return dev }\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return builder{module: filepath.Join(dir, "tool"), bin: filepath.Join(dir, "bin")}
}

const saysDev = `package main

import "github.com/opentofu/opentofu/version"

func main() { print(version.Dev()) }
`

func TestBuilder(t *testing.T) {
	t.Run("BuildsARelease", func(t *testing.T) {
		b := standIn(t, saysDev)
		var log strings.Builder
		path, err := b.path(t.Context(), &log, "Not there")
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(path) != "tofu-v1.12.6" {
			t.Errorf("built %s, want the version in the name", path)
		}
		dev, err := exec.CommandContext(t.Context(), path).CombinedOutput()
		if err != nil || string(dev) != "no" {
			t.Errorf("version.dev = %q, %v, want no: a development version does not satisfy version constraints", dev, err)
		}
		if want := "Not there: building OpenTofu v1.12.6, which takes a few minutes, once.\n"; log.String() != want {
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

func TestThePinIsThere(t *testing.T) {
	b := builder{module: filepath.Join("..", "tools", "opentofu")}
	version, err := b.version(t.Context())
	if err != nil || !strings.HasPrefix(version, "v1.") {
		t.Errorf("got %q, %v, want a release of OpenTofu 1", version, err)
	}
}
