// Package refsitetest runs the reference site in a separate process, which tests can kill.
package refsitetest

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

// Process is a running reference site.
type Process struct {
	// Address is the host and port that it listens on.
	Address string
	// Lines are what it printed before it listened: the secrets of new sites.
	Lines []map[string]string

	t      testing.TB
	cmd    *exec.Cmd
	stderr string
}

// Files are the files of a reference site, in one folder.
type Files struct {
	// Data is the data file, Keys the key file.
	Data, Keys string

	binary, authority string
}

// Build builds the command refsite into dir, with a new sealing key. The sites trust mail servers whose certificate the authority (PEM)
// issued; nil stands for the system's authorities.
func Build(t testing.TB, dir string, authority []byte) Files {
	t.Helper()
	f := Files{Data: filepath.Join(dir, "data"), Keys: filepath.Join(dir, "keys"), binary: filepath.Join(dir, "refsite")}
	if err := pinned.Command(t.Context(), "./internal/refsite/cmd/refsite", f.binary); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), f.binary, "key", f.Keys).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if authority != nil {
		f.authority = filepath.Join(dir, "authority.pem")
		if err := os.WriteFile(f.authority, authority, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// Serve returns a command that serves on a free port and may send any number of test messages to this machine. sites are additional
// flags.
func (f Files) Serve(ctx context.Context, sites ...string) *exec.Cmd {
	args := []string{
		"serve", "-listen", "127.0.0.1:0", "-data", f.Data, "-keys", f.Keys,
		"-allow-network", "127.0.0.0/8", "-test-every", "1ms", "-test-burst", "1000",
	}
	if f.authority != "" {
		args = append(args, "-ca", f.authority)
	}
	return exec.CommandContext(ctx, f.binary, append(args, sites...)...)
}

// Launch starts cmd, which must be "refsite serve" with its flags, and waits until it listens. The process ends with the test.
func Launch(t testing.TB, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{t: t, cmd: cmd, stderr: filepath.Join(t.TempDir(), "stderr")}
	log, err := os.Create(p.stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var line map[string]string
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		if line["listening"] != "" {
			p.Address = line["listening"]
			return p
		}
		p.Lines = append(p.Lines, line)
	}
	_ = cmd.Wait()
	t.Fatalf("it does not listen: %s", p.Log())
	return nil
}

// Log returns what the process has written to standard error so far.
func (p *Process) Log() string {
	p.t.Helper()
	text, err := os.ReadFile(p.stderr)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// Kill ends the process abruptly, like a crash.
func (p *Process) Kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}

// Terminate asks the process to end, and returns its error.
func (p *Process) Terminate() error {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	return p.cmd.Wait()
}
