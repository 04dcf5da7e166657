package core

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestFingerprint(t *testing.T) {
	keys := seal.Generate()
	a, b := &Site{core: &Core{Config: Config{Keys: keys}}, id: "a"}, &Site{core: &Core{Config: Config{Keys: keys}}, id: "b"}
	settings := site.Settings{Host: "h", Port: 1, Encryption: "e", Username: "u", FromAddress: "f", FromName: "n", HELOName: "l"}
	password := secret.New("p")
	made := a.fingerprint(settings, password)
	if !a.matches(made, settings, password) {
		t.Fatal("the fingerprint does not match its own settings")
	}
	for i := range reflect.TypeFor[site.Settings]().NumField() {
		changed := settings
		f := reflect.ValueOf(&changed).Elem().Field(i)
		switch f.Kind() {
		case reflect.String:
			f.SetString(f.String() + "x")
		case reflect.Int:
			f.SetInt(f.Int() + 1)
		default:
			t.Fatalf("a setting has the new kind %s: change it in this test", f.Kind())
		}
		if a.matches(made, changed, password) {
			t.Errorf("the fingerprint ignores %s", reflect.TypeFor[site.Settings]().Field(i).Name)
		}
	}
	if a.matches(made, settings, secret.New("px")) || a.matches(made, settings, secret.Text{}) {
		t.Error("the fingerprint ignores the password")
	}
	if b.matches(made, settings, password) {
		t.Error("the fingerprint ignores the site")
	}
	moved := settings
	moved.FromAddress, moved.FromName = "fn", ""
	if a.matches(made, moved, password) {
		t.Error("moving a value to the next setting keeps the fingerprint")
	}
}

// What was sealed before token logins existed must still open: the settings of a password login keep their names.
func TestPartsOfAPasswordStay(t *testing.T) {
	s := &Site{id: "a"}
	settings := site.Settings{Host: "h", Port: 1, Encryption: "e", Username: "u", FromAddress: "f", FromName: "n", HELOName: "l"}
	want := []string{
		"password", "a", "host", "h", "port", "1", "encryption", "e", "username", "u", "from_address", "f", "from_name", "n", "helo_name", "l", "", "id",
	}
	if got := s.place(settings, "id"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRequestsAreToldApart(t *testing.T) {
	s := &Site{core: &Core{Config: Config{Keys: seal.Generate()}}, id: "a"}
	c := site.Candidate{Settings: site.Settings{Host: "h"}, Password: secret.New("p")}
	distinct := [][]string{
		s.testParts(site.TestRequest{Recipient: "r"}),
		s.testParts(site.TestRequest{Recipient: "r", Candidate: &c}),
		s.testParts(site.TestRequest{Recipient: "r", Candidate: &site.Candidate{Settings: c.Settings}}),
		s.testParts(site.TestRequest{Recipient: "r2", Candidate: &c}),
		s.writeParts(Write{SaveRequest: site.SaveRequest{Settings: c.Settings, Password: c.Password}}),
		s.writeParts(Write{SaveRequest: site.SaveRequest{Settings: c.Settings, Password: c.Password, Enabled: true}}),
		s.writeParts(Write{SaveRequest: site.SaveRequest{Settings: c.Settings}}),
		s.tested(c.Settings, c.Password),
		s.passed(site.Verification{}, c.Settings, c.Password),
		s.passed(site.Verification{}, c.Settings, secret.Text{}),
		s.passed(site.Verification{TestedAt: time.Unix(1, 0)}, c.Settings, c.Password),
		s.passed(site.Verification{Recipient: "r"}, c.Settings, c.Password),
		s.passed(site.Verification{MessageID: "r"}, c.Settings, c.Password),
		s.passed(site.Verification{Reply: "r"}, c.Settings, c.Password),
	}
	for i, one := range distinct {
		m := s.core.Keys.MAC(one...)
		for j, other := range distinct {
			if s.core.Keys.Matches(m, other...) != (i == j) {
				t.Errorf("combinations %d and %d: wrong match", i, j)
			}
		}
	}
}

// Whatever is added later, only commit may enable mail.
func TestOnlyCommitEnables(t *testing.T) {
	files, err := filepath.Glob("../*/*.go")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	var enabling []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range syntax.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && setsEnabled(f) {
				enabling = append(enabling, f.Name.Name)
			}
		}
	}
	if len(enabling) != 1 || enabling[0] != "commit" {
		t.Errorf("got functions %v that set Enabled, want only commit", enabling)
	}
}

// setsEnabled reports whether f assigns anything but false to a field Enabled, or makes a Record that holds one.
func setsEnabled(f *ast.FuncDecl) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				selector, ok := left.(*ast.SelectorExpr)
				if !ok || selector.Sel.Name != "Enabled" {
					continue
				}
				value, ok := n.Rhs[min(i, len(n.Rhs)-1)].(*ast.Ident)
				found = found || !ok || value.Name != "false"
			}
		case *ast.CompositeLit:
			if record, ok := n.Type.(*ast.SelectorExpr); ok && record.Sel.Name == "Record" {
				for _, element := range n.Elts {
					pair, ok := element.(*ast.KeyValueExpr)
					key, isIdent := pair.Key.(*ast.Ident)
					found = found || !ok || isIdent && key.Name == "Enabled"
				}
			}
		}
		return true
	})
	return found
}
