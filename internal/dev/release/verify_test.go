package main

import (
	"archive/zip"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func copyFile(t *testing.T, to, from, name string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, name, string(content))
}

// copied returns a folder with a release for these platforms.
func copied(t *testing.T, platforms ...platform) string {
	t.Helper()
	dir := t.TempDir()
	_, out := buildOnce(t)
	copyFile(t, dir, out, manifestName(testVersion))
	for _, p := range platforms {
		copyFile(t, dir, out, p.archive(testVersion))
	}
	if err := writeSums(dir, testVersion); err != nil {
		t.Fatal(err)
	}
	return dir
}

// sum updates the checksums, so that a fault cannot be found by them.
func sum(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, sumsName(testVersion))); err != nil {
		t.Fatal(err)
	}
	if err := writeSums(dir, testVersion); err != nil {
		t.Fatal(err)
	}
}

// rewrite changes the headers of the archive for p. change returns false to remove a file; more are the names of files to add.
func rewrite(t *testing.T, dir string, p platform, change func(*zip.FileHeader) bool, more ...string) {
	t.Helper()
	path := filepath.Join(dir, p.archive(testVersion))
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
		if !change(&file.FileHeader) {
			continue
		}
		if err := z.Copy(file); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range more {
		header := &zip.FileHeader{Name: name}
		header.SetMode(0o644)
		w, err := z.CreateHeader(header)
		if err == nil {
			_, err = w.Write([]byte("one line\n"))
		}
		if err != nil {
			t.Fatal(err)
		}
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

func keep(*zip.FileHeader) bool { return true }

func isLicense(h *zip.FileHeader) bool { return h.Name == "LICENSE" }

// edit replaces text in a file.
func edit(t *testing.T, dir, name, old, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), old) {
		t.Fatalf("%s does not contain %q", name, old)
	}
	write(t, dir, name, strings.ReplaceAll(string(content), old, text))
}

func rename(t *testing.T, dir, old, name string) {
	t.Helper()
	if err := os.Rename(filepath.Join(dir, old), filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFinds(t *testing.T) {
	mac, windows := platform{"darwin", "arm64"}, platform{"windows", "amd64"}
	sums, manifest := sumsName(testVersion), manifestName(testVersion)
	for says, spoil := range map[string]func(t *testing.T, dir string){
		"no archive for darwin_arm64": func(t *testing.T, dir string) {
			rename(t, dir, mac.archive(testVersion), "elsewhere")
		},
		"an archive for darwin_riscv64, for which no release is built": func(t *testing.T, dir string) {
			rename(t, dir, mac.archive(testVersion), platform{"darwin", "riscv64"}.archive(testVersion))
		},
		"is not an archive of": func(t *testing.T, dir string) {
			rename(t, dir, mac.archive(testVersion), mac.archive("0.2.0"))
		},
		"darwin-arm64.zip is not an archive of": func(t *testing.T, dir string) {
			rename(t, dir, mac.archive(testVersion), project+"_"+testVersion+"_darwin-arm64.zip")
		},
		"holds both": func(t *testing.T, dir string) {
			write(t, dir, sumsName("0.2.0"), "")
		},
		"holds no " + project: func(t *testing.T, dir string) { rename(t, dir, sums, "checksums.txt") },
		"a checksum of " + sums: func(t *testing.T, dir string) {
			if err := writeSums(dir, testVersion); err != nil {
				t.Fatal(err)
			}
		},
		"no checksum of " + manifest: func(t *testing.T, dir string) {
			edit(t, dir, sums, "  "+manifest, "  "+manifest+".txt")
		},
		"is not a checksum": func(t *testing.T, dir string) { edit(t, dir, sums, "  "+manifest, " *"+manifest) },
		mac.archive(testVersion) + " does not match its checksum": func(t *testing.T, dir string) {
			rewrite(t, dir, mac, keep, "README.md")
		},
		"README.md, but should contain": func(t *testing.T, dir string) {
			rewrite(t, dir, mac, keep, "README.md")
			sum(t, dir)
		},
		"occurs twice": func(t *testing.T, dir string) {
			rewrite(t, dir, mac, keep, "LICENSE")
			sum(t, dir)
		},
		"-rw-r--r-- " + mac.executable(testVersion): func(t *testing.T, dir string) {
			rewrite(t, dir, mac, func(h *zip.FileHeader) bool { h.SetMode(0o644); return true })
			sum(t, dir)
		},
		"Lrwxrwxrwx " + mac.executable(testVersion): func(t *testing.T, dir string) {
			rewrite(t, dir, mac, func(h *zip.FileHeader) bool {
				if !isLicense(h) {
					h.SetMode(fs.ModeSymlink | 0o777)
				}
				return true
			})
			sum(t, dir)
		},
		windows.archive(testVersion) + ": contains -rwxr-xr-x " + project + "_v" + testVersion + ",": func(t *testing.T, dir string) {
			rewrite(t, dir, windows, func(h *zip.FileHeader) bool { h.Name = strings.TrimSuffix(h.Name, ".exe"); return true })
			sum(t, dir)
		},
		"does not contain " + mac.executable(testVersion): func(t *testing.T, dir string) {
			rewrite(t, dir, mac, isLicense)
			sum(t, dir)
		},
		"does not contain the source's LICENSE": func(t *testing.T, dir string) {
			rewrite(t, dir, mac, func(h *zip.FileHeader) bool { return !isLicense(h) }, "LICENSE")
			sum(t, dir)
		},
		"not a valid zip file": func(t *testing.T, dir string) {
			write(t, dir, mac.archive(testVersion), "PK")
			sum(t, dir)
		},
		"invalid magic number": func(t *testing.T, dir string) { // the executable for another system
			rename(t, dir, windows.archive(testVersion), mac.archive(testVersion))
			rewrite(t, dir, mac, func(h *zip.FileHeader) bool { h.Name = strings.TrimSuffix(h.Name, ".exe"); return true })
			sum(t, dir)
		},
		`manifest: protocol versions ["5.0"]`: func(t *testing.T, dir string) {
			edit(t, dir, manifest, "6.0", "5.0")
			sum(t, dir)
		},
		"manifest: version 2": func(t *testing.T, dir string) {
			edit(t, dir, manifest, `"version": 1`, `"version": 2`)
			sum(t, dir)
		},
		`manifest: json: unknown field "protocols"`: func(t *testing.T, dir string) {
			edit(t, dir, manifest, "protocol_versions", "protocols")
			sum(t, dir)
		},
	} {
		t.Run(strings.ReplaceAll(says, "/", "_"), func(t *testing.T) {
			dir := copied(t, mac, windows)
			spoil(t, dir)
			b, _ := buildOnce(t)
			_, err := verify(t.Context(), b.root, dir, []platform{mac, windows})
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// executable returns that of a platform from the release that the tests share.
func executable(t *testing.T, p platform) []byte {
	t.Helper()
	_, out := buildOnce(t)
	z, err := zip.OpenReader(filepath.Join(out, p.archive(testVersion)))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	content, err := fs.ReadFile(z, p.executable(testVersion))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestCheckExecutable(t *testing.T) {
	for _, p := range testPlatforms() {
		content := executable(t, p)
		for _, other := range []platform{{p.os, "386"}, {"freebsd", p.arch}, {"plan9", p.arch}, {p.os, "mips"}} {
			if err := checkExecutable(strings.NewReader(string(content)), other); err == nil {
				t.Errorf("the executable for %s was accepted for %s", p, other)
			}
		}
	}
	stranger, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(stranger)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := checkExecutable(f, host); err == nil {
		t.Error("the test binary of this package was accepted as the provider")
	}
}

func TestCheckProtocols(t *testing.T) {
	content := executable(t, host)
	if err := checkProtocols(t.Context(), content, []string{"5.0"}); err == nil || !strings.Contains(err.Error(), "but the manifest says 5.0") {
		t.Errorf("got %v", err)
	}
	if err := checkProtocols(t.Context(), content, []string{"6.0"}); err != nil {
		t.Error(err)
	}
}
