package house

import (
	"bytes"
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

const (
	maxFileLines     = 400
	maxTestFileLines = 600
	maxFuncLines     = 60
	maxMethods       = 4
)

// source is one Go file of this module.
type source struct {
	name   string
	lines  int
	fset   *token.FileSet
	syntax *ast.File
}

func (s source) isTest() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s source) imports(name string) bool {
	return slices.ContainsFunc(s.syntax.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"`+name+`"` })
}

// span counts the lines of a node.
func (s source) span(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
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
		all = append(all, source{name, bytes.Count(content, []byte("\n")), fset, syntax})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		limit := maxFileLines
		if s.isTest() {
			limit = maxTestFileLines
		}
		if s.lines > limit {
			t.Errorf("%s has %d lines, more than %d", s.name, s.lines, limit)
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if lines := s.span(n); lines > maxFuncLines && !mayBeLong(s, n.Name.Name) {
					t.Errorf("%s: %s has %d lines, more than %d", s.name, n.Name.Name, lines, maxFuncLines)
				}
			case *ast.TypeSpec:
				if face, ok := n.Type.(*ast.InterfaceType); ok && face.Methods.NumFields() > maxMethods {
					t.Errorf("%s: %s has %d methods, more than %d", s.name, n.Name.Name, face.Methods.NumFields(), maxMethods)
				}
			}
			return true
		})
	}
}

var testName = regexp.MustCompile(`^(Test|Fuzz|Benchmark)`)

// mayBeLong excuses the functions that are lists: of attributes, or of cases.
func mayBeLong(s source, function string) bool {
	return function == "Schema" || s.isTest() && testName.MatchString(function)
}

func TestExportedNamesAreDescribed(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		for _, declaration := range s.syntax.Decls {
			for _, name := range undescribed(declaration) {
				t.Errorf("%s: %s has no comment", s.name, name)
			}
		}
	}
}

// undescribed lists the exported names without a comment; a comment above a group serves for all constants and
// variables of the group.
func undescribed(declaration ast.Decl) []string {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || receiverIsExported(d)) {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		var names []string
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if spec.Name.IsExported() && spec.Doc == nil && (d.Doc == nil || len(d.Specs) > 1) {
					names = append(names, spec.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					if name.IsExported() && spec.Doc == nil && spec.Comment == nil && d.Doc == nil {
						names = append(names, name.Name)
					}
				}
			}
		}
		return names
	}
	return nil
}

// receiverIsExported is false for the methods of unexported types, which a reader of the documentation does not see.
func receiverIsExported(d *ast.FuncDecl) bool {
	exported := false
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			exported = name.IsExported()
			return false
		}
		return true
	})
	return exported
}

// The letters in brackets keep the pattern from finding itself.
var unfinished = regexp.MustCompile(`\b(TO[D]O|FI[X]ME|XX[X])\b`)

func TestNothingIsLeftForLater(t *testing.T) {
	for _, s := range sources(t) {
		for _, group := range s.syntax.Comments {
			if mark := unfinished.FindString(group.Text()); mark != "" {
				t.Errorf("%s: %s", s.fset.Position(group.Pos()), mark)
			}
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(call.Sel.Name, "Skip") && isNamed(call.X, "t", "b", "f") {
				t.Errorf("%s: a skipped test", s.fset.Position(call.Pos()))
			}
			return true
		})
	}
}

// A test may sleep where time is testing/synctest's and passes at once, and the benchmark plays a slow network.
func TestNothingWaitsForTimeToPass(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() && s.imports("testing/synctest") || strings.HasPrefix(s.name, "internal/dev/bench/") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.SelectorExpr); ok && call.Sel.Name == "Sleep" && isNamed(call.X, "time") {
				t.Errorf("%s: sleeps", s.fset.Position(call.Pos()))
			}
			return true
		})
	}
}

// The map of the house in CONTRIBUTING.md leaves no room out.
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
				t.Errorf("%s of %s is not in CONTRIBUTING.md", entry.Name(), parent)
			}
		}
	}
}

func isNamed(expr ast.Expr, names ...string) bool {
	name, ok := expr.(*ast.Ident)
	return ok && slices.Contains(names, name.Name)
}
