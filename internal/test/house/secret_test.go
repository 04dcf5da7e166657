package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// secretName matches names of things that hold a secret; the second pattern matches names of things that are only about one.
var (
	secretName = regexp.MustCompile(`(?i)(password|passphrase|token|secret|secrets|privatekey|accesskey|sealingkey|credential)(wo)?s?$`)
	aboutOne   = regexp.MustCompile(`(?i)^(no|has|needs|forgets|set|no_?)`)
)

// plainSecrets are the places where a secret is a plain string, with the reason. The keys are the file and the name of the field,
// parameter or variable.
var plainSecrets = map[string]string{
	"internal/refsite/api/wire.go Token":     "the one answer that hands a session out",
	"internal/refsite/refsite.go firstToken": "the name of a token",
}

// madeUp matches code that only tests, benchmarks and the demo use: its secrets are not real.
var madeUp = regexp.MustCompile(`^internal/((test|dev)/|platform/[a-z]+/[a-z]+test/)`)

// TestOneSecretType checks that secrets are declared as secret.Text: as fields, parameters, results and variables.
func TestOneSecretType(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		if s.isTest() || madeUp.MatchString(s.name) {
			continue
		}
		for _, declared := range plainStrings(s.syntax) {
			if !secretName.MatchString(declared.Name) || aboutOne.MatchString(declared.Name) {
				continue
			}
			key := s.name + " " + declared.Name
			used[key] = true
			if plainSecrets[key] == "" {
				t.Errorf("%s: %s is a plain string: make it a secret.Text", s.fset.Position(declared.Pos()), declared.Name)
			}
		}
	}
	for key := range plainSecrets {
		if !used[key] {
			t.Errorf("%s no longer exists: remove it from the list", key)
		}
	}
}

// plainStrings lists the names in a file that are declared as something that holds strings or bytes.
func plainStrings(syntax *ast.File) []*ast.Ident {
	var names []*ast.Ident
	ast.Inspect(syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if isPlain(n.Type) {
				names = append(names, n.Names...)
			}
		case *ast.ValueSpec:
			if isPlain(n.Type) || n.Type == nil && len(n.Values) > 0 && isLiteral(n.Values[0]) {
				names = append(names, n.Names...)
			}
		case *ast.AssignStmt:
			for i, value := range n.Rhs {
				if name, ok := n.Lhs[min(i, len(n.Lhs)-1)].(*ast.Ident); ok && n.Tok == token.DEFINE && isPlainValue(value) {
					names = append(names, name)
				}
			}
		}
		return true
	})
	return names
}

// isPlain reports whether a type is string or []byte, or made of one.
func isPlain(expr ast.Expr) bool {
	switch strings.TrimLeft(types.ExprString(expr), "*[].") {
	case "string", "byte", "map[string]string", "map[string][]byte":
		return true
	}
	return false
}

func isLiteral(expr ast.Expr) bool {
	literal, ok := expr.(*ast.BasicLit)
	return ok && literal.Kind == token.STRING
}

// isPlainValue reports whether an expression is visibly a string, or reveals a secret.
func isPlainValue(expr ast.Expr) bool {
	if isLiteral(expr) {
		return true
	}
	call, ok := expr.(*ast.CallExpr)
	if !ok {
		return false
	}
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name == "Reveal"
	case *ast.ArrayType:
		return isPlain(f)
	}
	return isNamed(call.Fun, "string")
}

func TestPlainSecretsAreFound(t *testing.T) {
	const code = `package p
type t struct { Password string; tokens map[string]string; apiToken, other *string }
func f(secret []byte, n int) (sessionToken string) { clientSecret := x.Reveal(); password := "x"; key := []byte(y); return }
var mailPassword = "x"
var fine secret.Text
`
	syntax, err := parser.ParseFile(token.NewFileSet(), "p.go", code, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, name := range plainStrings(syntax) {
		if secretName.MatchString(name.Name) {
			seen = append(seen, name.Name)
		}
	}
	want := []string{"Password", "tokens", "apiToken", "secret", "sessionToken", "clientSecret", "password", "mailPassword"}
	if !slices.Equal(seen, want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
}
