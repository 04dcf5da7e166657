package house

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
	"testing"
)

// named are the tests of a promise of SECURITY.md: a package below internal, and its tests.
var named = regexp.MustCompile("^`([a-z/]+)`: ((?:`Test[A-Za-z0-9]+`(?:, )?)+)$")

// A promise that nothing tests is a hope.
func TestPromisesAreTested(t *testing.T) {
	tests := map[string]bool{}
	for _, s := range sources(t) {
		folder := strings.TrimPrefix(path.Dir(s.name), "internal/")
		for _, declaration := range s.syntax.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && s.isTest() {
				tests[folder+"."+f.Name.Name] = true
			}
		}
	}
	promises := 0
	for line := range strings.Lines(string(readFile(t, "SECURITY.md"))) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 4 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "promise" {
			continue
		}
		promises++
		if strings.TrimSpace(cells[2]) == "as for the network" {
			continue
		}
		for part := range strings.SplitSeq(cells[2], ";") {
			found := named.FindStringSubmatch(strings.TrimSpace(part))
			if found == nil {
				t.Errorf("%q names no tests", part)
				continue
			}
			for test := range strings.SplitSeq(found[2], ", ") {
				if !tests[found[1]+"."+strings.Trim(test, "`")] {
					t.Errorf("internal/%s has no test %s", found[1], test)
				}
			}
		}
	}
	if promises < 10 {
		t.Errorf("found only %d promises: this test no longer reads the right table", promises)
	}
}
