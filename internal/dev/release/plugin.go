package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/wordpress"
)

// verifyPlugin checks that dir contains the WordPress plugin as built from this source, its checksums, and nothing else.
func verifyPlugin(dir string) error {
	assets, err := wordpress.Assets()
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		if _, known := assets[entry.Name()]; !known {
			errs = append(errs, fmt.Errorf("%s is not part of the WordPress plugin", entry.Name()))
		}
	}
	for name, want := range assets {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil {
			errs = append(errs, err)
		} else if !bytes.Equal(got, want) {
			errs = append(errs, fmt.Errorf("%s differs from what this source builds", name))
		}
	}
	return errors.Join(errs...)
}
