package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// defect is a mistake: one text of the source, replaced by another.
type defect struct {
	name string
	// what it is, in a sentence.
	what string
	// breaks names what does not hold with it: attacks and faults as R1, invariants as I1.
	breaks string
	// file is where the text is, from the root of the module, and old the text, which is there once.
	file, old, new string
	// tests must notice: those in the package, below internal, that match run, a pattern as go test takes it.
	tests, run string
	// tags are those that the tests are built with, and needs is a program that they run; empty for none.
	tags, needs string
}

// all returns every defect, in the order of what they are in.
func all() []defect {
	return slices.Concat(inProcedure, inClient, inServer, inMail, inArrival, inTerraform, inWordPress)
}

// applied returns the file with the defect in it. It is an error when its text is not there exactly once: then the code
// moved on, and the defect must follow.
func (d defect) applied(root string) (string, error) {
	source, err := os.ReadFile(filepath.Join(root, d.file))
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(source), d.old); n != 1 {
		return "", fmt.Errorf("its text is in %s %d times instead of once", d.file, n)
	}
	return strings.Replace(string(source), d.old, d.new, 1), nil
}

// flags are what the go command needs to build its tests.
func (d defect) flags() string {
	if d.tags == "" {
		return ""
	}
	return " -tags=" + d.tags
}
