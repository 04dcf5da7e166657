package refsite_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// inChild is set in the environment of a test binary that a test started to run one test alone.
const inChild = "REFSITE_IN_CHILD"

// seenPrefix is the prefix of lines in which a child reports the responses that it has seen.
const seenPrefix = "seen: "

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv(inChild) != "" {
		contract.report(os.Stdout)
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	// All responses of the contract must have been seen. Only a run of all tests can check that.
	if code == 0 && flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.list").Value.String() == "" {
		for _, missing := range contract.unseen() {
			fmt.Fprintln(os.Stderr, "no test saw", missing)
			code = 1
		}
	}
	os.Exit(code)
}

// alone runs the current test alone in a child process, and reports whether this is the child.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inChild) != "" {
		return true
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), binary, "-test.run=^"+t.Name()+"$", "-test.timeout=2m")
	child.Env = append(os.Environ(), inChild+"=1")
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(line, seenPrefix); ok {
			contract.see(strings.TrimSpace(name))
		}
	}
	return false
}
