// Command build writes what a site is given of the WordPress plugin: site-smtp.zip, a plugin to install, and site-smtp.php, one file for
// wp-content/mu-plugins, and the checksums of both.
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/wordpress"
)

func main() {
	out := flag.String("out", "dist", "the folder to write to")
	flag.Parse()
	if err := build(*out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func build(out string) error {
	archive, err := wordpress.Zip()
	file, fileErr := wordpress.File()
	if err := errors.Join(err, fileErr, os.MkdirAll(out, 0o750)); err != nil {
		return err
	}
	var sums strings.Builder
	for _, made := range []struct {
		name    string
		content []byte
	}{{"site-smtp.zip", archive}, {"site-smtp.php", file}} {
		if err := os.WriteFile(filepath.Join(out, made.name), made.content, 0o600); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(made.content), made.name)
	}
	return os.WriteFile(filepath.Join(out, "site-smtp_SHA256SUMS"), []byte(sums.String()), 0o600)
}
