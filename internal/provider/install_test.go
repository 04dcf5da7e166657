package provider_test

import (
	"archive/zip"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

const (
	releasedVersion = "0.1.0"
	hostPlatform    = runtime.GOOS + "_" + runtime.GOARCH
	otherPlatform   = "darwin_arm64"
)

// mirror is a folder with the archives of a release, as in a registry.
type mirror struct{ dir, archives string }

// newMirror builds the archives for two platforms.
func newMirror(t *testing.T) mirror {
	t.Helper()
	dir := t.TempDir()
	m := mirror{dir, filepath.Join(dir, cli.Registry(), "sitemail", "smtp")}
	if err := os.MkdirAll(m.archives, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, platform := range slices.Compact([]string{hostPlatform, otherPlatform}) {
		m.pack(t, platform)
	}
	return m
}

// pack builds the provider for a platform, and packs it like a release.
func (m mirror) pack(t *testing.T, platform string) {
	t.Helper()
	system, arch, _ := strings.Cut(platform, "_")
	t.Setenv("GOOS", system)
	t.Setenv("GOARCH", arch)
	t.Setenv("CGO_ENABLED", "0")
	dir := t.TempDir()
	executable := filepath.Join(dir, "terraform-provider-smtp_v"+releasedVersion)
	args := []string{"build", "-C", filepath.Join("..", ".."), "-ldflags=-X main.version=" + releasedVersion, "-o", executable, "."}
	if _, err := pinned.Go(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(m.archive(platform))
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	if err := errors.Join(z.AddFS(os.DirFS(dir)), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func (m mirror) archive(platform string) string {
	return filepath.Join(m.archives, "terraform-provider-smtp_"+releasedVersion+"_"+platform+".zip")
}

// hash returns an archive's hash in the lock file.
func (m mirror) hash(t *testing.T, platform string) string {
	t.Helper()
	hash, err := dirhash.HashZip(m.archive(platform), dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// tamper adds a file to the archive of the current platform.
func (m mirror) tamper(t *testing.T) {
	t.Helper()
	path := m.archive(hostPlatform)
	old, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	f, err := os.Create(path + ".new")
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for _, file := range old.File {
		if err := z.Copy(file); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := z.Create("more"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// agents records the User-Agent of every request to a site since it was last read.
func (tb *testbed) agents() func() []string {
	var mu sync.Mutex
	var all []string
	note := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			all = append(all, r.UserAgent())
			mu.Unlock()
			next.ServeHTTP(rw, r)
		})
	}
	tb.tamper.Store(&note)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Compact(all)
	}
}

// TestAccInstall installs a release from archives, as from a registry: the lock file has their hashes and no other archive is accepted,
// an example works, and the site and the user see the version.
func TestAccInstall(t *testing.T) {
	m := newMirror(t)
	installed, err := cli.NewWorkspaceFrom(t.TempDir(), m.dir)
	if err != nil {
		t.Fatal(err)
	}
	tb := newExampleTestbed(t, false)
	agents := tb.agents()
	ws := tb.exampleIn(workspace{Workspace: installed, t: t}, "resources/smtp_settings")
	locks(t, ws, m, hostPlatform)

	if out, ok := ws.run("apply", "-auto-approve", "-no-color"); !ok || !tb.state("only").Enabled || len(tb.smtp.Messages()) != 1 {
		t.Fatal(out)
	}
	// OpenTofu reports the Terraform version that it corresponds to.
	wanted := regexp.MustCompile(`^Terraform/1\.\d+\.\S+ \(\+https://www\.terraform\.io\) terraform-provider-smtp/` + regexp.QuoteMeta(releasedVersion) + `$`)
	if got := agents(); len(got) != 1 || !wanted.MatchString(got[0]) {
		t.Errorf("the site got requests from %q, want %s", got, wanted)
	}
	source := cli.Registry() + "/sitemail/smtp"
	if out, ok := ws.run("version"); !ok || !strings.Contains(out, "+ provider "+source+" v"+releasedVersion+"\n") {
		t.Errorf("terraform version does not show the provider's version:\n%s", out)
	}

	again := func(args ...string) (string, bool) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(ws.Dir, ".terraform")); err != nil {
			t.Fatal(err)
		}
		return ws.run(append([]string{"init", "-no-color"}, args...)...)
	}
	if out, ok := ws.run("providers", "lock", "-no-color", "-fs-mirror="+m.dir, "-platform="+hostPlatform, "-platform="+otherPlatform); !ok {
		t.Fatal(out)
	}
	locks(t, ws, m, hostPlatform, otherPlatform)
	if out, ok := again("-lockfile=readonly"); !ok {
		t.Errorf("terraform init refused the locked provider:\n%s", out)
	}
	if out, ok := ws.run("plan", "-no-color", "-detailed-exitcode"); !ok {
		t.Errorf("the plan after the apply is not empty:\n%s", out)
	}

	m.tamper(t)
	if out, ok := again(); ok || !strings.Contains(unwrapped(out), "doesn't match any of the checksums") {
		t.Errorf("init of a different archive: succeeded: %t, want an error about checksums:\n%s", ok, out)
	}
}

var hashPattern = regexp.MustCompile(`"((?:h1|zh):[^"]+)"`)

// locks checks that the lock file has the version and exactly the hashes of these archives.
func locks(t *testing.T, ws workspace, m mirror, platforms ...string) {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join(ws.Dir, ".terraform.lock.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^\s+version\s+= "` + regexp.QuoteMeta(releasedVersion) + `"$`).Match(lock) {
		t.Errorf("the lock file lacks the version:\n%s", lock)
	}
	var got, want []string
	for _, match := range hashPattern.FindAllSubmatch(lock, -1) {
		got = append(got, string(match[1]))
	}
	for _, platform := range platforms {
		want = append(want, m.hash(t, platform))
	}
	slices.Sort(got)
	slices.Sort(want)
	if want = slices.Compact(want); !slices.Equal(got, want) {
		t.Errorf("the lock file holds %q, want %q", got, want)
	}
}
