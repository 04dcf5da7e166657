package doctest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// named is a file and the functions in it: `a/b.go`: `T.F`, `g`.
	named    = regexp.MustCompile("`([\\w/.]+\\.go)`:\\s+(`[\\w.]+`(?:(?:,| and)\\s+`[\\w.]+`)*)")
	codeSpan = regexp.MustCompile("`([^`]+)`")
	pathSpan = regexp.MustCompile(`^(?:\./)?(?:internal|examples|templates|docs|\.ci)(?:/[\w.*-]+)+/?$|^[\w.-]+\.(?:go|md|yml)$|^go run (\./\S+)`)
)

// TestContributingNamesExistingCode checks that every file and every function named in CONTRIBUTING.md exists.
func TestContributingNamesExistingCode(t *testing.T) {
	text := read(t, "CONTRIBUTING.md").text
	found := named.FindAllStringSubmatch(text, -1)
	if len(found) < 20 {
		t.Errorf("found only %d named functions: this test no longer reads the right text", len(found))
	}
	for _, match := range found {
		there := functions(t, match[1])
		for _, name := range codeSpan.FindAllStringSubmatch(match[2], -1) {
			if !there[name[1]] {
				t.Errorf("%s has no %s", match[1], name[1])
			}
		}
	}
	for _, match := range codeSpan.FindAllStringSubmatch(text, -1) {
		path := match[1]
		if makeLine.MatchString(path) {
			if problem := check(t, path); problem != "" {
				t.Errorf("%s: %s", path, problem)
			}
		}
		span := pathSpan.FindStringSubmatch(path)
		if span == nil || strings.Contains(path, "acme") {
			continue
		}
		if span[1] != "" {
			path = span[1]
		}
		if !exists(path) {
			t.Errorf("%s does not exist", path)
		}
	}
}

// functions are those of a file, methods as "Type.name".
func functions(t *testing.T, file string) map[string]bool {
	t.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return nil
	}
	names := map[string]bool{}
	for _, declaration := range syntax.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := f.Name.Name
		if f.Recv != nil {
			receiver := f.Recv.List[0].Type
			if pointer, ok := receiver.(*ast.StarExpr); ok {
				receiver = pointer.X
			}
			if of, ok := receiver.(*ast.Ident); ok {
				name = of.Name + "." + name
			}
		}
		names[name] = true
	}
	return names
}
