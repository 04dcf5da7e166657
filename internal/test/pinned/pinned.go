// Package pinned builds programs that tests and the demo drive. Each is pinned by a module of its own in internal/dev/tools,
// fetched as every Go module is, and kept in .bin.
package pinned

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// Program is one that a module pins.
type Program struct {
	// Name is that of the folder in internal/dev/tools whose go.mod has the program as its only tool, and what the executable is
	// called, before its version.
	Name string
	// Title is what people call it.
	Title string
	// Module is the one whose version counts.
	Module string
	// Flags are for go build.
	Flags []string
}

// Path returns that of the executable, and builds it first where it is not there. Building takes minutes and says so on
// log, beside why. It works from any folder of this module.
func (p Program) Path(ctx context.Context, log io.Writer, why string) (string, error) {
	root, err := ModuleRoot(ctx)
	if err != nil {
		return "", err
	}
	path, err := p.in(root).path(ctx, log, why)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", p.Title, err)
	}
	return path, nil
}

// builder builds what the go.mod in module requires into the folder bin.
type builder struct {
	Program
	module, bin string
}

func (p Program) in(root string) builder {
	return builder{p, filepath.Join(root, "internal", "dev", "tools", p.Name), filepath.Join(root, ".bin")}
}

// path returns that of the executable, which carries the version in its name: a new pin is a new file.
func (b builder) path(ctx context.Context, log io.Writer, why string) (string, error) {
	version, err := b.version(ctx)
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.bin, b.Name+"-"+version)
	unlock, err := b.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintf(log, "%s: building %s %s, which takes a few minutes, once.\n", why, b.Title, version)
	return path, b.build(ctx, path)
}

// version returns the pinned one, such as "v1.12.6".
func (b builder) version(ctx context.Context) (string, error) {
	return Go(ctx, "list", "-C", b.module, "-m", "-f", "{{.Version}}", b.Module)
}

// build needs no C compiler. The name appears only when the file is whole.
func (b builder) build(ctx context.Context, path string) error {
	partial := path + ".partial"
	args := append([]string{"build", "-C", b.module, "-trimpath"}, b.Flags...)
	cmd := command(ctx, append(args, "-o", partial, "tool")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if _, err := output(cmd); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

// lock waits until no other process builds. The lock is bbolt's on its file: it works on every system, and ends with
// the process however that ends.
func (b builder) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(b.bin, 0o755); err != nil {
		return nil, err
	}
	for {
		db, err := bbolt.Open(filepath.Join(b.bin, b.Name+".lock"), 0o644, &bbolt.Options{Timeout: time.Second})
		if err == nil {
			return func() { _ = db.Close() }, nil
		}
		if !errors.Is(err, bbolterrors.ErrTimeout) {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// ModuleRoot returns the folder of the go.mod that holds here.
func ModuleRoot(ctx context.Context) (string, error) {
	gomod, err := Go(ctx, "env", "GOMOD")
	return filepath.Dir(gomod), err
}

// Command puts the program of a package of this module, named as in "./internal/refsite/cmd/refsite", at the path to. It asks
// "go run", which keeps what it linked: "go build" links again each time.
func Command(ctx context.Context, pkg, to string) error {
	root, err := ModuleRoot(ctx)
	if err != nil {
		return err
	}
	if to, err = filepath.Abs(to); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	_, err = Go(ctx, "run", "-C", root, "-exec", "cp", pkg, to)
	return err
}

// Go runs the go command and returns its standard output without surrounding space; an error carries what it said.
func Go(ctx context.Context, args ...string) (string, error) { return output(command(ctx, args...)) }

// command returns a call that is interrupted when ctx ends, so that it can put its things away.
func command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
