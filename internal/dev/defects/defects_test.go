package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

// starredRows are those of the list of attacks and faults that matter most.
var starredRows = strings.Fields("R1 R2 R3 R4 R5 R9 R10 R13 R15 R20 R21 R22 R23 R28 R29 R31 R32 R33 R39 R41 R42")

// If code that a defect replaces has changed, this test shows it immediately, not only the next soak.
func TestDefects(t *testing.T) {
	rows := regexp.MustCompile(`^[RI][0-9]+( [RI][0-9]+)*$`)
	seen, broken := map[string]bool{}, map[string]bool{}
	for _, d := range all() {
		if _, err := d.applied("../../.."); err != nil || d.new == d.old {
			t.Errorf("%s: %v", d.name, err)
		}
		if seen[d.name] || !rows.MatchString(d.breaks) || !strings.HasSuffix(d.what, ".") || d.run == "" {
			t.Errorf("%s is declared twice or incomplete: %+v", d.name, d)
		}
		seen[d.name] = true
		for row := range strings.FieldsSeq(d.breaks) {
			broken[row] = true
		}
	}
	for _, row := range append(starredRows, strings.Fields("I1 I2 I3 I4 I5 I6 I7 I8 I9 I10")...) {
		if !broken[row] {
			t.Errorf("no defect breaks %s", row)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Setenv("SOAK", "")
	var said bytes.Buffer
	drawn, err := choose(&said, "")
	if err != nil || !strings.HasPrefix(said.String(), "SOAK_SEED=") {
		t.Errorf("got %v with output %q, want the seed", err, said.String())
	}
	if want := soaktest.Count(len(all())); len(drawn) != want {
		t.Errorf("drew %d defects, want %d", len(drawn), want)
	}
	if one, err := choose(&said, "^MaskAccepted$"); err != nil || len(one) != 1 {
		t.Errorf("got %d, %v", len(one), err)
	}
	for _, wrong := range []string{"^NoSuchDefect$", "("} {
		if _, err := choose(&said, wrong); err == nil {
			t.Errorf("%s: got no error", wrong)
		}
	}
}

// small is a module with a rule and a test of it.
var small = map[string]string{
	"go.mod": "module example.com/small\n\ngo 1.26\n",
	"internal/rule/rule.go": `package rule

import "fmt"

func Allowed(n int) bool {
	if n < 0 {
		panic(fmt.Sprintf("%d", n))
	}
	return n < 10
}
`,
	"internal/rule/rule_test.go": `package rule

import (
	"testing"
	"testing/synctest"
)

func TestAllowed(t *testing.T) {
	t.Run("Small", func(t *testing.T) {
		if !Allowed(1) {
			t.Error("1")
		}
	})
	t.Run("Large", func(t *testing.T) {
		if Allowed(11) {
			t.Error("11")
		}
	})
}

func TestOther(*testing.T) {}

func TestInABubble(t *testing.T) {
	synctest.Test(t, func(*testing.T) { Allowed(1) })
}
`,
	"internal/red/red_test.go": `package red

import "testing"

func TestRed(t *testing.T) { t.Error("fails by itself") }
`,
	"internal/ends/ends_test.go": `package ends

import (
	"os"
	"testing"

	"example.com/small/internal/rule"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if !rule.Allowed(1) {
		code = 1
	}
	os.Exit(code)
}

func TestEnds(*testing.T) {}
`,
}

func smallModule(t *testing.T) *module {
	t.Helper()
	root := t.TempDir()
	for name, content := range small {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := newModule(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.close)
	return m
}

func TestTry(t *testing.T) {
	m := smallModule(t)
	never := defect{file: "internal/rule/rule.go", old: "n < 10", new: "false", tests: "rule", run: "TestAllowed"}
	but := func(change func(*defect)) defect {
		d := never
		change(&d)
		return d
	}
	for name, c := range map[string]struct {
		d    defect
		by   string
		fail string
	}{
		"Noticed":         {d: never, by: "TestAllowed/Small"},
		"NoticedByAPanic": {d: but(func(d *defect) { d.old, d.new = "n < 0", "n > 0" }), by: "TestAllowed/Small"},
		"NoticedInABubble": {by: "TestInABubble", d: but(func(d *defect) {
			d.old, d.new, d.run = "n < 0", "n > 0", "TestOther|TestInABubble"
		})},
		"Unnoticed":         {d: but(func(d *defect) { d.new = "n < 11" }), fail: "3 tests pass"},
		"UnnoticedByThese":  {d: but(func(d *defect) { d.run = "TestOther" }), fail: "1 tests pass"},
		"NoTests":           {d: but(func(d *defect) { d.run = "TestNone" }), fail: "no such tests"},
		"NoPackage":         {d: but(func(d *defect) { d.tests = "none" }), fail: "directory not found"},
		"DoesNotCompile":    {d: but(func(d *defect) { d.new = "none" }), fail: "does not compile"},
		"DoesNotPassVet":    {d: but(func(d *defect) { d.old, d.new = `"%d"`, `"%s"` }), fail: "does not compile"},
		"NoTestFailsByName": {d: but(func(d *defect) { d.tests, d.run = "ends", "TestEnds" }), fail: "but no test does"},
		"TextIsGone":        {d: but(func(d *defect) { d.old = "n < 12" }), fail: "0 times"},
		"TextIsThereTwice":  {d: but(func(d *defect) { d.old = "n < " }), fail: "2 times"},
		"NoFile":            {d: but(func(d *defect) { d.file = "internal/rule/none.go" }), fail: "none.go"},
	} {
		t.Run(name, func(t *testing.T) {
			by, err := m.try(t.Context(), c.d)
			if by != c.by || (err == nil) != (c.fail == "") || err != nil && !strings.Contains(err.Error(), c.fail) {
				t.Errorf("got test %q and error %v", by, err)
			}
		})
	}
	for name, want := range small {
		if got, err := os.ReadFile(filepath.Join(m.root, name)); err != nil || string(got) != want {
			t.Errorf("%s was changed: %v", name, err)
		}
	}
}

func TestUnbroken(t *testing.T) {
	m := smallModule(t)
	rule := defect{tests: "rule", run: "TestAllowed"}
	for name, c := range map[string]struct {
		defects []defect
		want    string
	}{
		"Passes":  {[]defect{rule, {tests: "rule", run: "TestOther"}}, ""},
		"Fails":   {[]defect{rule, {tests: "red", run: "TestRed"}}, "internal/red: tests fail: TestRed"},
		"NoTests": {[]defect{{tests: "rule", run: "TestNone"}}, "no such tests"},
	} {
		t.Run(name, func(t *testing.T) {
			err := m.testUnbroken(t.Context(), c.defects)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTryAllReportsUnnoticedDefects(t *testing.T) {
	m := smallModule(t)
	d := defect{name: "Never", breaks: "R1", file: "internal/rule/rule.go", old: "n < 10", new: "false", tests: "rule", run: "TestAllowed"}
	unnoticed := d
	unnoticed.name, unnoticed.run = "Silent", "TestOther"
	var said bytes.Buffer
	if missed := tryAll(t.Context(), &said, m, []defect{d, unnoticed}); missed != 1 {
		t.Errorf("got %d missed defects, want 1", missed)
	}
	for _, want := range []string{"Never ", "TestAllowed/Small\n", "Silent ", "NOT NOTICED: 1 tests pass\n"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q is not in:\n%s", want, said.String())
		}
	}
}

func TestParseRefusesInvalidEvents(t *testing.T) {
	if _, err := parse(strings.NewReader("FAIL\n")); err == nil {
		t.Error("got no error")
	}
}
