package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// writeNotes writes what CHANGELOG.md says of a version, without its heading. A version without a section is an error.
func writeNotes(out io.Writer, root, version string) error {
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	text := notes(string(changelog), version)
	if text == "" {
		return fmt.Errorf("CHANGELOG.md says nothing of %s", version)
	}
	_, err = fmt.Fprintln(out, text)
	return err
}

// notes returns the section of a version, which begins with "## [0.1.0]" and ends where the next one or the list of links
// begins.
func notes(changelog, version string) string {
	var section []string
	inside := false
	for line := range strings.Lines(changelog) {
		switch {
		case strings.HasPrefix(line, "## "):
			inside = strings.HasPrefix(line, "## ["+version+"]")
		case strings.HasPrefix(line, "["):
			inside = false
		case inside:
			section = append(section, line)
		}
	}
	return strings.TrimSpace(strings.Join(section, ""))
}
