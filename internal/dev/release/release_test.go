package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

const testVersion = "0.1.0-test"

// built is the release that the tests look at, made once and never changed. It is one of a project with the same names
// whose program only says which protocol it speaks, so that its archives are small.
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

// TestMain makes room for it, and cleans up.
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
	r, err := readRecipe(root)
	if err != nil {
		t.Fatal(err)
	}
	r.platforms = platforms
	return builder{recipe: r, version: testVersion, root: root, modified: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC), log: t.Output()}
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

func TestReleaseIsAsTheRegistriesWantIt(t *testing.T) {
	b, out := buildOnce(t)
	if got, err := verify(t.Context(), b.root, out, b.platforms); err != nil || got != testVersion {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestTheProvider makes a release of the provider itself for the platform at hand, and checks it, as a user of the program.
func TestTheProvider(t *testing.T) {
	b := newBuilder(t)
	t.Setenv("SOURCE_DATE_EPOCH", "1767323045") // whether git knows or not
	release := func(args ...string) {
		t.Helper()
		out, err := pinned.Go(t.Context(), append([]string{"run", "-C", b.root, "./internal/dev/release", "-platforms", host.String()}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(out)
	}
	out := filepath.Join(t.TempDir(), "out")
	release("-version", testVersion, "-out", out)
	if soaktest.All() {
		release("-verify", out, "-twice")
	} else {
		release("-verify", out)
	}
}

// TestReproducible builds the provider in two folders, and the release of the small project by a compiler that remembers
// nothing too.
func TestReproducible(t *testing.T) {
	b := newBuilder(t)
	elsewhere := b
	elsewhere.root = filepath.Join(t.TempDir(), "elsewhere")
	if err := copySource(elsewhere.root, b.root); err != nil {
		t.Fatal(err)
	}
	var executables [2][]byte
	for i, b := range []builder{b, elsewhere} {
		path := filepath.Join(t.TempDir(), "provider")
		if err := b.executable(t.Context(), path, host); err != nil {
			t.Fatal(err)
		}
		var err error
		if executables[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(executables[0], executables[1]) || len(executables[0]) == 0 {
		t.Error("the executable depends on the folder of the source")
	}

	b, out := buildOnce(t)
	b.platforms = []platform{host}
	if err := b.compare(t.Context(), out, true); err != nil {
		t.Error(err)
	}
	b.ldflags = []string{"-X main.version={{ .Version }}"} // and keeps the symbols
	if err := b.compare(t.Context(), out, false); err == nil || !strings.Contains(err.Error(), host.archive(testVersion)) {
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
	_, dir := buildOnce(t)
	var out strings.Builder
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
