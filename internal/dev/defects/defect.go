package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// defect is a seeded bug: one piece of source text, replaced by another.
type defect struct {
	name string
	// what describes it in a sentence.
	what string
	// breaks names the rules of RELIABILITY.md that it violates: attacks and faults such as R1, invariants such as I1.
	breaks string
	// file is the path of the source from the root of the module, old the text to replace, which must occur exactly once.
	file, old, new string
	// tests is the package, below internal, whose tests must notice; run is their pattern, as for go test.
	tests, run string
	// tags are the build tags of the tests, and needs is a program that they run; both may be empty.
	tags, needs string
}

// all returns every defect, grouped by the part of the code that it is in.
func all() []defect {
	return slices.Concat(inProcedure, inClient, inServer, inMail, inArrival, inTerraform, inWordPress)
}

// applied returns the file with the defect. It returns an error if the text does not occur exactly once: the code has changed, and the
// defect must be changed with it.
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

// flags returns the go command's flags for building the tests.
func (d defect) flags() string {
	if d.tags == "" {
		return ""
	}
	return " -tags=" + d.tags
}
