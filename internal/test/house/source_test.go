package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// source is one Go file of this module.
type source struct {
	name   string
	fset   *token.FileSet
	syntax *ast.File
}

func (s source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s source) imports(name string) bool {
	return slices.ContainsFunc(s.syntax.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"`+name+`"` })
}

// sources parses every Go file below the root of this module.
func sources(t *testing.T) []source {
	t.Helper()
	root := os.DirFS("../../..")
	var all []source
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (len(name) > 1 && strings.HasPrefix(path.Base(name), ".") || path.Base(name) == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		content, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		syntax, err := parser.ParseFile(fset, name, content, parser.ParseComments|parser.SkipObjectResolution)
		all = append(all, source{name, fset, syntax})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A test may sleep in a testing/synctest bubble, where time passes at once; and the benchmark simulates a slow network.
func TestNoTestSleeps(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() && s.imports("testing/synctest") || strings.HasPrefix(s.name, "internal/dev/bench/") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.SelectorExpr); ok && call.Sel.Name == "Sleep" && isNamed(call.X, "time") {
				t.Errorf("%s: a test calls time.Sleep", s.fset.Position(call.Pos()))
			}
			return true
		})
	}
}

// The map in CONTRIBUTING.md lists every folder.
func TestEveryFolderIsOnTheMap(t *testing.T) {
	text, err := os.ReadFile("../../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	for parent, indent := range map[string]string{
		"../..": "\n  ", "../../mail": "\n    ", "../../platform": "\n    ", "..": "\n    ", "../../dev": "\n    ",
	} {
		entries, err := os.ReadDir(parent)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if entry.IsDir() && !strings.Contains(string(text), indent+entry.Name()+"/ ") {
				t.Errorf("the folder %s in %s is missing from the map in CONTRIBUTING.md", entry.Name(), parent)
			}
		}
	}
}

func isNamed(expr ast.Expr, names ...string) bool {
	name, ok := expr.(*ast.Ident)
	return ok && slices.Contains(names, name.Name)
}

// promised is a number of internal/test/RELIABILITY.md in the name of a test or a defect.
var promised = regexp.MustCompile(`\b(?:Test[A-Za-z]*)?([RI][1-9][0-9]?)(?:_|\b|[A-Z])`)

// TestNumbersAreDefined checks that every number in a test's name is defined in RELIABILITY.md.
func TestNumbersAreDefined(t *testing.T) {
	table, found := string(readFile(t, "internal/test/RELIABILITY.md")), 0
	for _, s := range sources(t) {
		for _, declaration := range s.syntax.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || !s.isTest() {
				continue
			}
			for _, match := range promised.FindAllStringSubmatch(f.Name.Name, -1) {
				found++
				if !strings.Contains(table, "| "+match[1]+" ") {
					t.Errorf("%s: %s of %s is not in internal/test/RELIABILITY.md", s.name, match[1], f.Name.Name)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("found only %d numbers: this test no longer reads the right files", found)
	}
}
