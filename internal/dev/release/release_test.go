package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

const testVersion = "0.1.0-test"

// built is the release that the tests check. It is built once and never changed. Its program only reports its protocol, so that its
// archives are small.
var built struct {
	once sync.Once
	root string
	err  error
}

// speaks is that program.
const speaks = `package main

import "os"

var version string

func main() { _, _ = os.Stdout.WriteString("1|6|unix|" + version + "|grpc|\n") }
`

// TestMain creates its folder, and cleans up.
func TestMain(m *testing.M) {
	var err error
	if built.root, err = os.MkdirTemp("", "smtp-release-test-"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.RemoveAll(built.root); err != nil {
		panic(err)
	}
	os.Exit(code)
}

var host = platform{runtime.GOOS, runtime.GOARCH}

// testPlatforms are one for each format of executables, and that at hand.
func testPlatforms() []platform {
	all := []platform{{"linux", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}}
	if !slices.Contains(all, host) {
		all = append(all, host)
	}
	return all
}

// newBuilder builds the provider for these platforms.
func newBuilder(t *testing.T, platforms ...platform) builder {
	t.Helper()
	root, err := pinned.ModuleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return builder{platforms: platforms, version: testVersion, root: root, modified: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC), log: t.Output()}
}

// buildOnce returns what made built, and the folder of it.
func buildOnce(t *testing.T) (b builder, out string) {
	t.Helper()
	b = newBuilder(t, testPlatforms()...)
	source := b.root
	b.root, out = built.root, filepath.Join(built.root, "out")
	built.once.Do(func() {
		write(t, b.root, "go.mod", "module example.test/"+project+"\n\ngo 1.26.0\n")
		write(t, b.root, "go.sum", "")
		write(t, b.root, "main.go", speaks)
		for _, name := range []string{"LICENSE", manifestFile} {
			copyFile(t, b.root, source, name)
		}
		if built.err = os.Mkdir(filepath.Join(b.root, "internal"), 0o755); built.err == nil {
			built.err = b.build(t.Context(), out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return b, out
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReleaseMeetsTheRegistriesRules(t *testing.T) {
	b, out := buildOnce(t)
	if got, err := verify(t.Context(), b.root, out, b.platforms); err != nil || got != testVersion {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestTheProvider builds and checks a release of the provider itself for the current platform.
func TestTheProvider(t *testing.T) {
	b, out := newBuilder(t, host), filepath.Join(t.TempDir(), "out")
	if err := b.build(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	if got, err := verify(t.Context(), b.root, out, b.platforms); err != nil || got != testVersion {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestPlatforms compares the list with the platforms that Go supports, and with those that checkHeader supports.
func TestPlatforms(t *testing.T) {
	b := newBuilder(t)
	released, err := readPlatforms(b.root)
	if err != nil {
		t.Fatal(err)
	}
	known, err := pinned.Go(t.Context(), "tool", "dist", "list")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range released {
		if _, ok := machines[p.arch]; !ok || !slices.Contains(strings.Fields(known), p.os+"/"+p.arch) {
			t.Errorf("Go cannot build %s", p)
		}
	}
	for _, p := range testPlatforms() {
		if !slices.Contains(released, p) {
			t.Errorf("no release is built for %s", p)
		}
	}
}

func TestRun(t *testing.T) {
	_, dir := buildOnce(t)
	var out strings.Builder
	for says, args := range map[string][]string{
		"no archive for freebsd_arm":                {"-verify", dir, "-plugin", dir},
		`"v0.1.0" is not a version`:                 {"-notes", "v0.1.0"},
		"use either -verify and -plugin, or -notes": {},
		"use either -verify":                        {"-verify", dir, "-notes", "0.1.0"},
		"use either":                                {"-notes", "0.1.0", "more"},
		"flag provided but not":                     {"-sign"},
		"CHANGELOG.md has no section for 9":         {"-notes", "9.9.9"},
	} {
		t.Run(strings.ReplaceAll(says, "/", "_"), func(t *testing.T) {
			err := run(t.Context(), args, &out, t.Output())
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	const changelog = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- New.\n\n## [0.2.0] - 2026-02-02\n\n[Two](https://example.com).\n\n" +
		"## 0.1.0 (2026-01-01)\n\n### Added\n\n- One.\n\n[0.2.0]: https://example.com/2\n"
	for version, want := range map[string]string{
		"0.2.0":      "[Two](https://example.com).",
		"0.1.0":      "### Added\n\n- One.",
		"0.1":        "",
		"Unreleased": "### Added\n\n- New.",
	} {
		if got := notes(changelog, version); got != want {
			t.Errorf("%s: got %q, want %q", version, got, want)
		}
	}
}
