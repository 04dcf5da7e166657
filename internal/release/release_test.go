package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/pinned"
	"github.com/sitemail/terraform-provider-smtp/internal/soaktest"
)

const testVersion = "0.1.0-test"

// built is the release that the tests look at, made once, and never changed.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// TestMain removes it.
func TestMain(m *testing.M) {
	code := m.Run()
	if err := os.RemoveAll(built.dir); err != nil {
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

func newBuilder(t *testing.T, platforms ...platform) builder {
	t.Helper()
	root, err := pinned.ModuleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := readRecipe(root)
	if err != nil {
		t.Fatal(err)
	}
	r.platforms = platforms
	return builder{recipe: r, version: testVersion, root: root, modified: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC), log: t.Output()}
}

// buildOnce returns the folder of built.
func buildOnce(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "smtp-release-test-"); built.err == nil {
			built.err = newBuilder(t, testPlatforms()...).build(t.Context(), built.dir)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}

func TestReleaseIsAsTheRegistriesWantIt(t *testing.T) {
	b := newBuilder(t)
	got, err := verify(t.Context(), b.root, buildOnce(t), testPlatforms())
	if err != nil || got != testVersion {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestReproducible builds once more in another folder; in a soak without what the compiler remembers, which takes minutes.
func TestReproducible(t *testing.T) {
	b := newBuilder(t, host)
	if err := b.compare(t.Context(), buildOnce(t), soaktest.All()); err != nil {
		t.Error(err)
	}
	b.ldflags = []string{"-X main.version={{ .Version }}"} // and keeps the symbols
	if err := b.compare(t.Context(), buildOnce(t), false); err == nil || !strings.Contains(err.Error(), host.archive(testVersion)) {
		t.Errorf("another build is taken for the same: %v", err)
	}
}

// TestPlatforms holds the list to what Go builds for, and to what checkHeader knows.
func TestPlatforms(t *testing.T) {
	b := newBuilder(t)
	r, err := readRecipe(b.root)
	if err != nil {
		t.Fatal(err)
	}
	known, err := pinned.Go(t.Context(), "tool", "dist", "list")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.platforms {
		if _, ok := machines[p.arch]; !ok || !slices.Contains(strings.Fields(known), p.os+"/"+p.arch) {
			t.Errorf("nobody can build or check %s", p)
		}
	}
	for _, p := range testPlatforms() {
		if !slices.Contains(r.platforms, p) {
			t.Errorf("%s is not released", p)
		}
	}
}

func TestRun(t *testing.T) {
	dir := buildOnce(t)
	var names []string
	for _, p := range testPlatforms() {
		names = append(names, p.String())
	}
	var out strings.Builder
	if err := run(t.Context(), []string{"-verify", dir, "-platforms", strings.Join(names, ",")}, &out, t.Output()); err != nil || !strings.Contains(out.String(), testVersion) {
		t.Errorf("%v: %s", err, out.String())
	}
	for says, args := range map[string][]string{
		"no archive for freebsd_arm":     {"-verify", dir},
		"plan9_amd64 is none of":         {"-verify", dir, "-platforms", "plan9_amd64"},
		`"v0.1.0" is no version`:         {"-version", "v0.1.0", "-out", t.TempDir()},
		`"" is no version`:               {"-out", t.TempDir()},
		"give -out":                      {"-version", "0.1.0"},
		"is not empty":                   {"-version", "0.1.0", "-out", dir},
		"is said by flags":               {"-version", "0.1.0", "twice"},
		"flag provided but not":          {"-sign"},
		"CHANGELOG.md says nothing of 9": {"-version", "9.9.9", "-notes"},
		"SOURCE_DATE_EPOCH":              {"-version", "0.1.0", "-out", t.TempDir()},
	} {
		t.Run(strings.ReplaceAll(says, "/", "_"), func(t *testing.T) {
			if says == "SOURCE_DATE_EPOCH" {
				t.Setenv("GIT_DIR", filepath.Join(t.TempDir(), "none"))
			}
			err := run(t.Context(), args, &out, t.Output())
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestModified holds the time of the files to that of the commit, and to what SOURCE_DATE_EPOCH says instead.
func TestModified(t *testing.T) {
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.test"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2026-03-04T05:06:07Z", "GIT_CONFIG_GLOBAL="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "one")
	if got, err := modified(t.Context(), dir); err != nil || !got.Equal(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)) {
		t.Errorf("got %v, %v", got, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "86400")
	if got, err := modified(t.Context(), dir); err != nil || got.Format(time.RFC3339) != "1970-01-02T00:00:00Z" {
		t.Errorf("got %v, %v", got, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, err := modified(t.Context(), dir); err == nil {
		t.Error("yesterday is no number of seconds")
	}
}

func TestNotes(t *testing.T) {
	const changelog = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- New.\n\n## [0.2.0] - 2026-02-02\n\n- [Two](https://example.com).\n\n" +
		"## [0.1.0] - 2026-01-01\n\n### Added\n\n- One.\n\n[0.2.0]: https://example.com/2\n"
	for version, want := range map[string]string{
		"0.2.0":      "- [Two](https://example.com).",
		"0.1.0":      "### Added\n\n- One.",
		"0.1":        "",
		"Unreleased": "### Added\n\n- New.",
	} {
		if got := notes(changelog, version); got != want {
			t.Errorf("%s: got %q, want %q", version, got, want)
		}
	}
}
