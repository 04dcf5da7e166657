// Package pinned builds programs that tests and the demo drive. Each is pinned by a separate module in internal/dev/tools, fetched like
// any Go module, and stored in .bin.
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

// Program is a pinned program.
type Program struct {
	// Name is the name of the folder in internal/dev/tools whose go.mod has the program as its only tool, and the start of the
	// executable's name.
	Name string
	// Title is its name in messages.
	Title string
	// Module is the module whose version is the program's.
	Module string
	// Flags are flags of go build.
	Flags []string
}

// Path returns the path of the executable, and builds it first if necessary. Building takes minutes; Path writes a line to log that says
// so and why. It works from any folder of this module.
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

// path returns the path of the executable. Its name includes the version, so that a new pin is a new file.
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

// version returns the pinned version, such as "v1.12.6".
func (b builder) version(ctx context.Context) (string, error) {
	return Go(ctx, "list", "-C", b.module, "-m", "-f", "{{.Version}}", b.Module)
}

// build builds the program, without a C compiler. The file appears at path only once it is complete.
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

// lock waits until no other process is building. It uses bbolt's file lock, which works on every system and ends with the process, even
// if that is killed.
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

// ModuleRoot returns the folder of the current module's go.mod.
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

// Go runs the go command and returns its trimmed standard output. An error includes its standard error.
func Go(ctx context.Context, args ...string) (string, error) { return output(command(ctx, args...)) }

// command returns a command that is interrupted when ctx ends, so that it can clean up.
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
