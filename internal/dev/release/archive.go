package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// checkArchive checks that the archive at path contains the executable for p, the license, and nothing else. It runs the executable for
// the current platform to check its protocols.
func checkArchive(ctx context.Context, path string, p platform, version string, license []byte, protocols []string) error {
	packed, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return err
	}
	content := map[string][]byte{}
	for _, file := range z.File {
		if _, twice := content[file.Name]; twice {
			return fmt.Errorf("%s occurs twice", file.Name)
		}
		mode, known := map[string]fs.FileMode{"LICENSE": 0o644, p.executable(version): 0o755}[file.Name]
		if !known || file.Mode() != mode {
			return fmt.Errorf("contains %s %s, but should contain only the executable %s and LICENSE", file.Mode(), file.Name, p.executable(version))
		}
		if content[file.Name], err = fs.ReadFile(z, file.Name); err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	executable := content[p.executable(version)]
	switch {
	case executable == nil:
		return fmt.Errorf("does not contain %s", p.executable(version))
	case !bytes.Equal(content["LICENSE"], license):
		return errors.New("does not contain the source's LICENSE")
	}
	if err := checkExecutable(bytes.NewReader(executable), p); err != nil {
		return err
	}
	if p == (platform{runtime.GOOS, runtime.GOARCH}) {
		return checkProtocols(ctx, executable, protocols)
	}
	return nil
}

// machines are the codes of architectures in the headers of executables.
var machines = map[string]struct {
	elf   elf.Machine
	macho macho.Cpu
	pe    uint16
}{
	"386":   {elf.EM_386, macho.Cpu386, pe.IMAGE_FILE_MACHINE_I386},
	"amd64": {elf.EM_X86_64, macho.CpuAmd64, pe.IMAGE_FILE_MACHINE_AMD64},
	"arm":   {elf.EM_ARM, macho.CpuArm, pe.IMAGE_FILE_MACHINE_ARMNT},
	"arm64": {elf.EM_AARCH64, macho.CpuArm64, pe.IMAGE_FILE_MACHINE_ARM64},
}

// checkExecutable checks that r is the provider for p, that it is statically linked, and that it contains no paths of the machine that
// built it.
func checkExecutable(r io.ReaderAt, p platform) error {
	if err := checkHeader(r, p); err != nil {
		return err
	}
	info, err := buildinfo.Read(r)
	if err != nil {
		return err
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if !strings.HasSuffix(info.Path, "/"+project) {
		return fmt.Errorf("the executable is %s", info.Path)
	}
	for key, want := range map[string]string{"GOOS": p.os, "GOARCH": p.arch, "CGO_ENABLED": "0", "-trimpath": "true"} {
		if settings[key] != want {
			return fmt.Errorf("the executable was built with %s=%s, not %s", key, settings[key], want)
		}
	}
	return nil
}

// checkHeader checks the header that the operating system reads before it runs an executable.
func checkHeader(r io.ReaderAt, p platform) error {
	machine, known := machines[p.arch]
	if !known {
		return fmt.Errorf("unknown architecture %s", p.arch)
	}
	switch p.os {
	case "darwin":
		f, err := macho.NewFile(r)
		if err != nil {
			return err
		}
		if f.Cpu != machine.macho {
			return fmt.Errorf("the executable is for %s", f.Cpu)
		}
	case "windows":
		f, err := pe.NewFile(r)
		if err != nil {
			return err
		}
		if f.Machine != machine.pe {
			return fmt.Errorf("the executable is for machine %#x", f.Machine)
		}
	default:
		f, err := elf.NewFile(r)
		if err != nil {
			return err
		}
		abi := map[string]elf.OSABI{"linux": elf.ELFOSABI_NONE, "freebsd": elf.ELFOSABI_FREEBSD}
		if want, known := abi[p.os]; !known || f.OSABI != want || f.Machine != machine.elf {
			return fmt.Errorf("the executable is for %s, %s", f.OSABI, f.Machine)
		}
		if f.Section(".interp") != nil {
			return errors.New("the executable needs a dynamic loader")
		}
	}
	return nil
}

// checkProtocols runs the executable like Terraform does, and checks that it chooses one of these protocols. It also offers the previous
// protocol, version 5.
func checkProtocols(ctx context.Context, executable []byte, protocols []string) (err error) {
	dir, err := os.MkdirTemp("", "smtp-release-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, project+".exe")
	if err := os.WriteFile(path, executable, 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path)
	cmd.Env = append(os.Environ(),
		"TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		"PLUGIN_PROTOCOL_VERSIONS=5,6",
		"TMPDIR="+dir) // a killed provider leaves its socket there
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	cancel()
	_ = cmd.Wait() // the error says that it was killed
	if err != nil {
		return fmt.Errorf("the executable did not report its protocol: %w", err)
	}
	// 1|6|unix|…: the versions of the handshake and of the protocol.
	fields := strings.Split(line, "|")
	for _, protocol := range protocols {
		if major, _, _ := strings.Cut(protocol, "."); len(fields) < 4 || fields[1] != major {
			return fmt.Errorf("the executable reports %q, but the manifest says %s", strings.TrimSpace(line), protocol)
		}
	}
	return nil
}
