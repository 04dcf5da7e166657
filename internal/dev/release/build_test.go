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
	"time"
)

// builder builds a release as GoReleaser does, for tests that need one.
type builder struct {
	platforms []platform
	version   string
	// root is the folder of the source.
	root string
	// modified is the time of every file in the archives.
	modified time.Time
	log      io.Writer
}

// build creates the release in out: its archives, the manifest and the checksums of both. It does nothing if out is not empty.
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

// archive builds the executable for p and puts it into its archive.
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

// executable builds the executable for p at path.
func (b builder) executable(ctx context.Context, path string, p platform) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X main.version="+b.version, "-o", path, ".")
	cmd.Dir = b.root
	// Reset the variables that change Go's target within a platform to their defaults.
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=", "GO386=", "GOARM64=",
		"GOOS="+p.os, "GOARCH="+p.arch, "GOARM=6", "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, said)
	}
	return nil
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
