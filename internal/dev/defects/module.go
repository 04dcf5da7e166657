package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

// module is the module into which defects are introduced.
type module struct {
	root string
	// scratch holds a folder for each try, with the changed file and the overlay for the go command.
	scratch string
	// flags are the user's GOFLAGS.
	flags string
}

func newModule(ctx context.Context, root string) (*module, error) {
	flags, err := pinned.Go(ctx, "env", "GOFLAGS")
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "defects-")
	return &module{root, scratch, flags}, err
}

func (m *module) close() { _ = os.RemoveAll(m.scratch) }

// testUnbroken makes sure that the tests which must notice defects pass without them.
func (m *module) testUnbroken(ctx context.Context, defects []defect) error {
	patterns, flags := map[string][]string{}, map[string]string{}
	for _, d := range defects {
		patterns[d.tests] = append(patterns[d.tests], d.run)
		flags[d.tests] = m.flags + d.flags()
	}
	for tests, runs := range patterns {
		seen, err := m.test(ctx, tests, strings.Join(runs, "|"), flags[tests])
		if err == nil {
			err = seen.unbroken()
		}
		if err != nil {
			return fmt.Errorf("without a defect, internal/%s: %w", tests, err)
		}
	}
	return nil
}

// try introduces d and returns the name of a test that fails because of it.
func (m *module) try(ctx context.Context, d defect) (string, error) {
	broken, err := d.applied(m.root)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(m.scratch, "")
	if err != nil {
		return "", err
	}
	file, overlay := filepath.Join(dir, filepath.Base(d.file)), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(m.root, d.file): file}})
	if err == nil {
		err = errors.Join(os.WriteFile(file, []byte(broken), 0o600), os.WriteFile(overlay, replace, 0o600))
	}
	if err != nil {
		return "", err
	}
	seen, err := m.test(ctx, d.tests, d.run, m.flags+d.flags()+" -overlay="+overlay)
	if err != nil {
		return "", err
	}
	return seen.noticed()
}

// test runs tests of a package below internal. The flags are passed in the environment, so that programs which the tests build have the
// defect too.
func (m *module) test(ctx context.Context, tests, run, flags string) (events, error) {
	args := []string{"test", "-json", "-failfast", "-timeout", "3m", "-run", run, "./internal/" + tests}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = m.root
	// Tests always draw a tenth of their cases here, even if this command runs in a soak.
	cmd.Env = append(os.Environ(), "GOFLAGS="+strings.TrimSpace(flags), "SOAK=")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		err = nil // the events say why
	}
	if err != nil {
		return events{}, fmt.Errorf("%w: %s", err, errs.String())
	}
	return parse(bytes.NewReader(out))
}
