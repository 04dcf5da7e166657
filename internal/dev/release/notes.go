package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
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

var (
	headingPattern = regexp.MustCompile(`^## \[?([^] ]+)`)
	linkPattern    = regexp.MustCompile(`^\[[^]]+\]: `)
)

// notes returns the section of a version, which begins with "## [0.1.0]" and ends where the next one or the list of links
// begins.
func notes(changelog, version string) string {
	var section []string
	inside := false
	for line := range strings.Lines(changelog) {
		if heading := headingPattern.FindStringSubmatch(strings.TrimSpace(line)); heading != nil {
			inside = heading[1] == version
			continue
		}
		if linkPattern.MatchString(line) {
			inside = false
		}
		if inside {
			section = append(section, line)
		}
	}
	return strings.TrimSpace(strings.Join(section, ""))
}
