package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sample = `package p

const limit = 3

func (t *thing) act(a, b int) (int, error) {
	if a < b && t.ok {
		t.count++
		t.note("x")
	}
	switch a {
	case 1, 2:
		return limit, nil
	}
	for a > 0 {
		a = a - 2
		break
	}
	v, err := 0, t.err
	return v, err
}
`

func TestMutants(t *testing.T) {
	found, err := mutantsIn("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		changed := sample[:m.start] + m.text + sample[m.end:]
		for i, line := range strings.Split(changed, "\n") {
			if original := strings.Split(sample, "\n"); i >= len(original) || line != original[i] {
				got = append(got, strings.TrimPrefix(m.name, "p.go ")+" -> "+strings.TrimSpace(line))
				break
			}
		}
	}
	for _, want := range []string{
		"package: one more than `3` -> const limit = 4",
		"thing.act: negate `a < b && t.ok` -> if !(a < b && t.ok) {",
		"thing.act: only the left of `a < b && t.ok` -> if a < b {",
		"thing.act: only the right of `a < b && t.ok` -> if t.ok {",
		"thing.act: <= in `a < b` -> if a <= b && t.ok {",
		"thing.act: remove `t.count++` -> ",
		"thing.act: remove `t.note(\"x\")` -> ",
		"thing.act: remove `case 1, 2` -> ",
		"thing.act: remove from case `1` -> case 2:",
		"thing.act: remove from case `2` -> case 1:",
		"thing.act: negate `a > 0` -> for !(a > 0) {",
		"thing.act: >= in `a > 0` -> for a >= 0 {",
		"thing.act: remove `a = a - 2` -> ",
		"thing.act: + in `a - 2` -> a = a + 2",
		"thing.act: remove `break` -> ",
		"thing.act: swallow in `return v, err` -> return v, nil",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("got no mutant %s in\n%s", want, strings.Join(got, "\n"))
		}
	}
	names := map[string]bool{}
	for _, m := range found {
		if names[m.name] {
			t.Errorf("two mutants are named %s", m.name)
		}
		names[m.name] = true
	}
}

// TestSurvivorsAreMutants: a reason for a mutant that no longer exists could later excuse a different one.
func TestSurvivorsAreMutants(t *testing.T) {
	t.Chdir("../../..")
	reasons, err := excuses(listed)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range packages {
		mutants, err := mutantsOf(filepath.Join("internal", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mutants {
			delete(reasons, m.name)
		}
	}
	for name := range reasons {
		t.Errorf("survivors.txt: there is no mutant %s", name)
	}
}

func TestExcusesNeedAReason(t *testing.T) {
	if got, err := excuses("# a remark\n\na f: negate `b` :: because\n"); err != nil || got["a f: negate `b`"] != "because" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"a f: negate `b`\n", "a :: \n", "a :: b\na :: c\n"} {
		if _, err := excuses(text); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}

func TestDrawIsReproducible(t *testing.T) {
	var all []mutant
	for i := range 50 {
		all = append(all, mutant{name: strings.Repeat("x", i+1)})
	}
	o := options{draw: 10, seed: 1}
	first, second := o.choose(all), o.choose(all)
	if len(first) != 10 || !slices.EqualFunc(first, second, func(a, b mutant) bool { return a.name == b.name }) {
		t.Errorf("got %v, then %v", first, second)
	}
	if !slices.IsSortedFunc(first, func(a, b mutant) int { return len(a.name) - len(b.name) }) {
		t.Errorf("the draw is not in order: %v", first)
	}
	if o.draw = 0; len(o.choose(all)) != 50 {
		t.Error("-draw 0 does not draw all")
	}
	if o.only = strings.Repeat("x", 49); len(o.choose(all)) != 2 {
		t.Error("the name does not filter")
	}
}

// TestResults tries the program on a module of its own: one change is noticed, one is not, one does not compile.
func TestResults(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example.test/p\n\ngo 1.26.0\n",
		"internal/p/p.go": "package p\n\n// Add adds, and counts what nobody asks for.\nfunc Add(a, b int) int {\n\tcalls++\n\treturn a + b\n}\n\nvar calls int\n\n" +
			"// Join joins.\nfunc Join(a, b string) string { return a + b }\n",
		"internal/p/p_test.go": "package p\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(2, 3) != 5 {\n\t\tt.Error(\"wrong\")\n\t}\n}\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	mutants, err := mutantsOf("internal/p")
	if err != nil {
		t.Fatal(err)
	}
	o := options{parallel: 2}
	got, err := o.try(t.Context(), "./internal/p", mutants, nil)
	if want := (tally{made: 2, noticed: 1, survived: 1, invalid: 1}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err = o.try(t.Context(), "./internal/p", mutants[:1], map[string]string{mutants[0].name: "nobody asks"}); err != nil || got != (tally{made: 1, excused: 1}) {
		t.Errorf("got %+v, %v", got, err)
	}
}
