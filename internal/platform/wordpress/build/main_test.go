package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	out := filepath.Join(t.TempDir(), "dist")
	if err := build(out); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(out, "site-smtp_SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"site-smtp.zip", "site-smtp.php"} {
		content, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		if line := fmt.Sprintf("%x  %s\n", sha256.Sum256(content), name); !strings.Contains(string(sums), line) {
			t.Errorf("the checksums lack %s", line)
		}
	}
}
