// Command build writes the WordPress plugin for sites: site-smtp.zip, a plugin to install, site-smtp.php, a single file for
// wp-content/mu-plugins, and the checksums of both.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

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
	assets, err := wordpress.Assets()
	if err := errors.Join(err, os.MkdirAll(out, 0o750)); err != nil {
		return err
	}
	for name, content := range assets {
		if err := os.WriteFile(filepath.Join(out, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
