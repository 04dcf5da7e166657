// Command fuzz runs every fuzz target of this module for a while, one after the other:
//
//	go run ./internal/dev/fuzz -time 30s
//
// It prints a line for each and fails when one of them found something, with the path of the input, which a plain go test
// runs again from then on. Without -time a target gets 30 s where SOAK=all is set, else 3 s.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

// soak is what a target gets in a soak, and tenth of it else.
const (
	soak  = 30 * time.Second
	tenth = soak / 10
)

func main() {
	length := flag.Duration("time", usual(), "`time` that each target gets")
	packages := flag.String("packages", "./...", "`pattern` of the packages to look at")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *packages, *length)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func usual() time.Duration {
	if soaktest.All() {
		return soak
	}
	return tenth
}

// target is one fuzz target.
type target struct{ pkg, dir, name string }

func run(ctx context.Context, out io.Writer, packages string, length time.Duration) error {
	targets, err := list(ctx, packages)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("there is no fuzz target")
	}
	var found []error
	for _, t := range targets {
		found = append(found, t.run(ctx, out, length))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(found...)
}

// list finds the packages with fuzz targets by their files, and asks the tests of those for the names.
func list(ctx context.Context, packages string) ([]target, error) {
	text, err := command(ctx, "list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles", packages)
	if err != nil {
		return nil, err
	}
	var all []target
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var p struct {
			ImportPath, Dir           string
			TestGoFiles, XTestGoFiles []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		names, err := targetsOf(ctx, p.ImportPath, p.Dir, append(p.TestGoFiles, p.XTestGoFiles...))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			all = append(all, target{p.ImportPath, p.Dir, name})
		}
	}
}

var declaration = regexp.MustCompile(`(?m)^func Fuzz`)

func targetsOf(ctx context.Context, pkg, dir string, files []string) ([]string, error) {
	for _, name := range files {
		source, err := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // what the go command lists
		if err != nil {
			return nil, err
		}
		if declaration.Match(source) {
			text, err := command(ctx, "test", "-list", "^Fuzz", pkg)
			return lines(text, "Fuzz"), err
		}
	}
	return nil, nil
}

// lines are those with that prefix.
func lines(text []byte, prefix string) []string {
	var found []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, prefix) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// failing is where the go command says that it wrote an input.
var failing = regexp.MustCompile(`(?m)^\s*Failing input written to (\S+)`)

// run fuzzes one target and prints what came of it.
func (t target) run(ctx context.Context, out io.Writer, length time.Duration) error {
	// Inputs that cover more stay in the cache of the go command, so that every run begins where the last one ended.
	text, err := command(ctx, "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", length.String(), t.pkg)
	if err == nil {
		reports := lines(text, "fuzz: elapsed")
		fmt.Fprintf(out, "ok    %s %s: %s\n", t.pkg, t.name, reports[len(reports)-1])
		return nil
	}
	fmt.Fprintf(out, "FAIL  %s %s\n%s\n", t.pkg, t.name, text)
	if m := failing.FindSubmatch(text); m != nil {
		return fmt.Errorf("%s %s fails with %s", t.pkg, t.name, filepath.Join(t.dir, string(m[1])))
	}
	return fmt.Errorf("%s %s: %w", t.pkg, t.name, err)
}

// command runs the go command and returns what it says.
func command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // packages and targets of this module
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends the test that it runs
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return both.Bytes(), fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, both.Bytes())
	}
	return both.Bytes(), nil
}
