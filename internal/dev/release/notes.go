package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// writeNotes writes the section of a version in CHANGELOG.md, without its heading. A version without a section is an error.
func writeNotes(out io.Writer, root, version string) error {
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	text := notes(string(changelog), version)
	if text == "" {
		return fmt.Errorf("CHANGELOG.md has no section for %s", version)
	}
	_, err = fmt.Fprintln(out, text)
	return err
}

var (
	headingPattern = regexp.MustCompile(`^## \[?([^] ]+)`)
	linkPattern    = regexp.MustCompile(`^\[[^]]+\]: `)
)

// notes returns the section of a version, from its heading, "## [0.1.0]", to the next one or to the list of links.
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
