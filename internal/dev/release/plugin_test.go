package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/wordpress"
)

func TestVerifyPlugin(t *testing.T) {
	assets, err := wordpress.Assets()
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(dir string) error{
		"": func(string) error { return nil },
		"site-smtp.zip differs from what this source builds": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "site-smtp.zip"), []byte("PK"), 0o600)
		},
		"site-smtp_SHA256SUMS: no such file": func(dir string) error { return os.Remove(filepath.Join(dir, "site-smtp_SHA256SUMS")) },
		"extra.php is not part of":           func(dir string) error { return os.WriteFile(filepath.Join(dir, "extra.php"), nil, 0o600) },
	} {
		dir := t.TempDir()
		for name, content := range assets {
			write(t, dir, name, string(content))
		}
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		if err := verifyPlugin(dir); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := verifyPlugin(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("got no error for a missing folder")
	}
}
