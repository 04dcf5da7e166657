package tfcli

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

const tofuModule = "github.com/opentofu/opentofu"

// Pinned returns the OpenTofu that internal/tools/opentofu pins, and builds it into .bin first where it is not there.
// Building takes minutes and says so on log. It works from any folder of this module.
func Pinned(ctx context.Context, log io.Writer) (CLI, error) {
	return pinned(ctx, log, "Not built yet")
}

func pinned(ctx context.Context, log io.Writer, why string) (CLI, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return CLI{}, err
	}
	b := builder{module: filepath.Join(root, "internal", "tools", "opentofu"), bin: filepath.Join(root, ".bin")}
	path, err := b.path(ctx, log, why)
	if err != nil {
		return CLI{}, fmt.Errorf("build OpenTofu: %w", err)
	}
	return probe(ctx, path)
}

// builder builds the OpenTofu that the go.mod in module requires into the folder bin.
type builder struct{ module, bin string }

// path returns that of the executable, which carries the version in its name: a new pin is a new file.
func (b builder) path(ctx context.Context, log io.Writer, why string) (string, error) {
	version, err := b.version(ctx)
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.bin, "tofu-"+version)
	unlock, err := b.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	fmt.Fprintf(log, "%s: building OpenTofu %s, which takes a few minutes, once.\n", why, version)
	return path, b.build(ctx, path)
}

// version returns the pinned one, such as "v1.12.6".
func (b builder) version(ctx context.Context) (string, error) {
	return output(command(ctx, "go", "list", "-C", b.module, "-m", "-f", "{{.Version}}", tofuModule))
}

// build needs no C compiler. The name appears only when the file is whole.
func (b builder) build(ctx context.Context, path string) error {
	release := "-s -w -X " + tofuModule + "/version.dev=no"
	partial := path + ".partial"
	cmd := command(ctx, "go", "build", "-C", b.module, "-trimpath", "-ldflags", release, "-o", partial, "tool")
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
		db, err := bbolt.Open(filepath.Join(b.bin, "tofu.lock"), 0o644, &bbolt.Options{Timeout: time.Second})
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

// moduleRoot returns the folder of the go.mod that holds here.
func moduleRoot(ctx context.Context) (string, error) {
	gomod, err := output(command(ctx, "go", "env", "GOMOD"))
	return filepath.Dir(gomod), err
}

// output runs cmd and returns its standard output without surrounding space; an error carries what it said.
func output(cmd *exec.Cmd) (string, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("%s: %w\n%s", cmd, err, exit.Stderr)
	}
	return strings.TrimSpace(string(out)), err
}
