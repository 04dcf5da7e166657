package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// module makes a module with one fuzz target that fails where the condition holds of text, and changes to it.
func module(t *testing.T, condition string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.com/fuzzed\n\ngo 1.26.0\n",
		"code.go": "// Package fuzzed is fuzzed.\npackage fuzzed\n",
		"code_test.go": `package fuzzed

import "testing"

func FuzzWord(f *testing.F) {
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if ` + condition + ` {
			t.Fatal("found")
		}
	})
}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return dir
}

func TestRun(t *testing.T) {
	t.Run("NothingFound", func(t *testing.T) {
		module(t, "len(text) > 1<<30")
		var out strings.Builder
		if err := run(t.Context(), &out, "./...", 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), "ok    example.com/fuzzed FuzzWord: fuzz: elapsed") {
			t.Errorf("%q", out.String())
		}
	})
	t.Run("TheInputIsNamed", func(t *testing.T) {
		dir := module(t, "len(text) > 0")
		var out strings.Builder
		err := run(t.Context(), &out, "./...", time.Minute)
		if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "testdata", "fuzz", "FuzzWord")) || !strings.HasPrefix(out.String(), "FAIL") {
			t.Errorf("%v %q", err, out.String())
		}
	})
	t.Run("NoTarget", func(t *testing.T) {
		dir := module(t, "true")
		if err := os.Remove(filepath.Join(dir, "code_test.go")); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), &strings.Builder{}, "./...", time.Second); err == nil {
			t.Error("no error")
		}
	})
}

func TestUsual(t *testing.T) {
	for soaking, want := range map[string]time.Duration{"all": soak, "": tenth} {
		t.Setenv("SOAK", soaking)
		if got := usual(); got != want {
			t.Errorf("SOAK=%s: %s, want %s", soaking, got, want)
		}
	}
}
