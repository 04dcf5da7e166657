package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mutant is a change of one place: the text between two offsets of a file is replaced.
type mutant struct {
	// name is unique, and does not depend on line numbers.
	name string
	file string
	line int
	// source is the file's content; start and end are byte offsets in it.
	source     []byte
	start, end int
	text       string
}

// String returns its place and its name.
func (m mutant) String() string { return fmt.Sprintf("%s:%d: %s", m.file, m.line, m.name) }

// overlay writes the changed file and an overlay file for the go command to a new folder dir, and returns the overlay's path.
func (m mutant) overlay(dir string) (string, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "mutant.go")
	source := slices.Concat(m.source[:m.start], []byte(m.text), m.source[m.end:])
	if err := os.WriteFile(changed, source, 0o600); err != nil {
		return "", err
	}
	original, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, replace, 0o600)
}

// mutantsOf returns the mutants of a folder's source files, in the order of their places.
func mutantsOf(dir string) ([]mutant, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no source in %s: %w", dir, err)
	}
	var all []mutant
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		found, err := mutantsIn(name, source)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// mutantsIn returns the mutants of one file.
func mutantsIn(name string, source []byte) ([]mutant, error) {
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, source, 0)
	if err != nil {
		return nil, err
	}
	f := &finder{name: name, source: source, fset: fset, seen: map[string]int{}}
	for _, declared := range syntax.Decls {
		f.in = "package"
		if fn, ok := declared.(*ast.FuncDecl); ok {
			f.in = nameOf(fn)
		}
		ast.Inspect(declared, func(n ast.Node) bool {
			f.look(n)
			return true
		})
	}
	slices.SortStableFunc(f.found, func(a, b mutant) int { return cmp.Compare(a.start, b.start) })
	return f.found, nil
}

func nameOf(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	receiver := fn.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if generic, ok := receiver.(*ast.IndexExpr); ok {
		receiver = generic.X
	}
	if ident, ok := receiver.(*ast.Ident); ok {
		return ident.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}

// finder collects the mutants of a file.
type finder struct {
	name   string
	source []byte
	fset   *token.FileSet
	// in is the current function.
	in    string
	found []mutant
	// seen counts the names, so that equal names get a number.
	seen map[string]int
}

func (f *finder) offset(p token.Pos) int { return f.fset.Position(p).Offset }

func (f *finder) text(n ast.Node) string {
	return string(f.source[f.offset(n.Pos()):f.offset(n.End())])
}

// add adds a mutant that replaces the text of n.
func (f *finder) add(kind string, n ast.Node, text string) {
	f.replace(kind, f.text(n), f.offset(n.Pos()), f.offset(n.End()), text)
}

func (f *finder) replace(kind, old string, start, end int, text string) {
	old = strings.Join(strings.Fields(old), " ")
	if short := []rune(old); len(short) > 80 {
		old = string(short[:80]) + "…"
	}
	name := fmt.Sprintf("%s %s: %s ", filepath.ToSlash(f.name), f.in, kind) + "`" + old + "`"
	f.seen[name]++
	if n := f.seen[name]; n > 1 {
		name += fmt.Sprintf(" #%d", n)
	}
	line := 1 + strings.Count(string(f.source[:start]), "\n")
	f.found = append(f.found, mutant{name: name, file: f.name, line: line, source: f.source, start: start, end: end, text: text})
}

// look adds the mutants of n.
func (f *finder) look(n ast.Node) {
	switch n := n.(type) {
	case *ast.IfStmt:
		f.add("negate", n.Cond, "!("+f.text(n.Cond)+")")
	case *ast.ForStmt:
		if n.Cond != nil {
			f.add("negate", n.Cond, "!("+f.text(n.Cond)+")")
		}
	case *ast.SwitchStmt:
		f.switches(n)
	case *ast.TypeSwitchStmt:
		f.cases(n.Body)
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.BasicLit:
		if value, err := strconv.ParseInt(n.Value, 0, 64); n.Kind == token.INT && err == nil {
			f.add("one more than", n, strconv.FormatInt(value+1, 10))
		}
	case *ast.Ident:
		if other := map[string]string{"true": "false", "false": "true"}[n.Name]; other != "" {
			f.add(other+" for", n, other)
		}
	case *ast.ReturnStmt:
		f.swallow(n)
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt:
		f.add("remove", n, "")
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE && !isBlank(n.Lhs) {
			f.add("remove", n, "")
		}
	case *ast.BranchStmt:
		if n.Tok == token.BREAK || n.Tok == token.CONTINUE {
			f.add("remove", n, "")
		}
	}
}

func isBlank(names []ast.Expr) bool {
	return !slices.ContainsFunc(names, func(e ast.Expr) bool {
		name, ok := e.(*ast.Ident)
		return !ok || name.Name != "_"
	})
}

// switches negates the conditions of a switch without a tag, and removes the cases of any switch.
func (f *finder) switches(n *ast.SwitchStmt) {
	if n.Tag == nil {
		for _, s := range n.Body.List {
			if clause, ok := s.(*ast.CaseClause); ok {
				for _, condition := range clause.List {
					f.add("negate", condition, "!("+f.text(condition)+")")
				}
			}
		}
	}
	f.cases(n.Body)
}

// cases removes each case of a switch, and each value of a case with several values.
func (f *finder) cases(body *ast.BlockStmt) {
	for _, s := range body.List {
		clause, ok := s.(*ast.CaseClause)
		if !ok {
			continue
		}
		head := string(f.source[f.offset(clause.Pos()):f.offset(clause.Colon)])
		f.replace("remove", head, f.offset(clause.Pos()), f.offset(clause.End()), "")
		for i, value := range clause.List {
			switch {
			case len(clause.List) == 1:
			case i == 0:
				f.replace("remove from case", f.text(value), f.offset(value.Pos()), f.offset(clause.List[1].Pos()), "")
			default:
				f.replace("remove from case", f.text(value), f.offset(clause.List[i-1].End()), f.offset(value.End()), "")
			}
		}
	}
}

// others maps operators to their replacements.
var others = map[token.Token]string{
	token.LSS: "<=", token.LEQ: "<", token.GTR: ">=", token.GEQ: ">", token.EQL: "!=", token.NEQ: "==",
	token.ADD: "-", token.SUB: "+", token.MUL: "/", token.QUO: "*", token.REM: "*", token.SHL: ">>", token.SHR: "<<", token.AND: "|", token.OR: "&",
}

func (f *finder) binary(n *ast.BinaryExpr) {
	if n.Op == token.LAND || n.Op == token.LOR {
		f.add("only the left of", n, f.text(n.X))
		f.add("only the right of", n, f.text(n.Y))
		return
	}
	if other := others[n.Op]; other != "" {
		start := f.offset(n.OpPos)
		f.replace(other+" in", f.text(n), start, start+len(n.Op.String()), other)
	}
}

// swallow replaces a returned err by nil, and removes a return without results.
func (f *finder) swallow(n *ast.ReturnStmt) {
	for _, result := range n.Results {
		if name, ok := result.(*ast.Ident); ok && name.Name == "err" {
			f.replace("swallow in", f.text(n), f.offset(name.Pos()), f.offset(name.End()), "nil")
		}
	}
	if len(n.Results) == 0 {
		f.add("remove", n, "")
	}
}
