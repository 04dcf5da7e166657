package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// manifestFile tells the registries which protocol the provider speaks.
const manifestFile = "terraform-registry-manifest.json"

// builder builds a version.
type builder struct {
	recipe
	version string
	// root is the folder of the source.
	root string
	// modified is the time of every file in the archives.
	modified time.Time
	// env is for go, after that of this process and that of the recipe.
	env []string
	log io.Writer
}

// build makes the release: its archives, the manifest and the checksums of both. It leaves out alone where that holds
// anything already.
func (b builder) build(ctx context.Context, out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if entries, err := os.ReadDir(out); err != nil || len(entries) > 0 {
		return errors.Join(err, fmt.Errorf("%s is not empty", out))
	}
	for _, p := range b.platforms {
		fmt.Fprintln(b.log, "Building", p.archive(b.version))
		if err := b.archive(ctx, out, p); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	manifest, err := os.ReadFile(filepath.Join(b.root, manifestFile))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, manifestName(b.version)), manifest, 0o644); err != nil {
		return err
	}
	return writeSums(out, b.version)
}

// compare builds again from a copy of the source, and where cold is set with a compiler that remembers nothing, and returns
// an error that names what differs from the release in dir.
func (b builder) compare(ctx context.Context, dir string, cold bool) (err error) {
	temp, err := os.MkdirTemp("", "smtp-release-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	elsewhere, again := filepath.Join(temp, "elsewhere"), filepath.Join(temp, "again")
	if err := copySource(elsewhere, b.root); err != nil {
		return err
	}
	b.root = elsewhere
	if cold {
		b.env = append(slices.Clip(b.env), "GOCACHE="+filepath.Join(temp, "cache"))
	}
	if err := b.build(ctx, again); err != nil {
		return err
	}
	return sameSums(dir, again, b.version)
}

// archive builds the executable for p and puts it into its archive. The archive is byte for byte GoReleaser's: the same
// files in the same order, packed as tightly as deflate can.
func (b builder) archive(ctx context.Context, out string, p platform) (err error) {
	temp, err := os.MkdirTemp("", "smtp-release-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	executable := filepath.Join(temp, p.executable(b.version))
	if err := b.executable(ctx, executable, p); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(out, p.archive(b.version)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := zip.NewWriter(f)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, file := range []struct {
		path string
		mode fs.FileMode
	}{{filepath.Join(b.root, "LICENSE"), 0o644}, {executable, 0o755}} {
		if err := add(z, file.path, file.mode, b.modified); err != nil {
			return err
		}
	}
	return z.Close()
}

func add(z *zip.Writer, path string, mode fs.FileMode, modified time.Time) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: filepath.Base(path), Method: zip.Deflate, Modified: modified}
	header.SetMode(mode)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// executable builds the one for p at path.
func (b builder) executable(ctx context.Context, path string, p platform) error {
	args, err := b.arguments(b.version)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", path, ".")...)
	cmd.Dir = b.root
	// What makes Go build for other machines than these platforms mean is set to nothing, which is the default.
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=", "GO386=", "GOARM64=",
		"GOOS="+p.os, "GOARCH="+p.arch, "GOARM="+b.arm)
	cmd.Env = append(append(cmd.Env, b.recipe.env...), b.env...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, said)
	}
	return nil
}

// copySource copies what a release is built from.
func copySource(to, root string) error {
	if err := os.CopyFS(filepath.Join(to, "internal"), os.DirFS(filepath.Join(root, "internal"))); err != nil {
		return err
	}
	for _, name := range []string{"main.go", "go.mod", "go.sum", "LICENSE", manifestFile} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sameSums returns an error that names each file of a release whose checksum another release does not have.
func sameSums(one, other, version string) error {
	a, err := os.ReadFile(filepath.Join(one, sumsName(version)))
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(other, sumsName(version)))
	if err != nil {
		return err
	}
	var errs []error
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(string(a), line) {
			errs = append(errs, fmt.Errorf("built again, this is the checksum of another file: %s", strings.TrimSpace(line)))
		}
	}
	return errors.Join(errs...)
}

// writeSums writes the checksums of all files in dir, in the order of their names.
func writeSums(dir, version string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var sums bytes.Buffer
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), entry.Name())
	}
	return os.WriteFile(filepath.Join(dir, sumsName(version)), sums.Bytes(), 0o644)
}

// modified returns SOURCE_DATE_EPOCH or, where it is not set, when the commit at hand was made.
func modified(ctx context.Context, root string) (time.Time, error) {
	text, set := os.LookupEnv("SOURCE_DATE_EPOCH")
	if !set {
		out, err := exec.CommandContext(ctx, "git", "-C", root, "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("git does not know when the source was changed, and SOURCE_DATE_EPOCH does not say it: %w", err)
		}
		text = string(bytes.TrimSpace(out))
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}
