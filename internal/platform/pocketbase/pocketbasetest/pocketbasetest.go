// Package pocketbasetest runs genuine PocketBases: the released program, pinned in internal/dev/tools/pocketbase and built by the first
// test that needs it. Each listens on loopback, keeps its data in a temporary folder, and ends with its test.
package pocketbasetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

const (
	// startTime is how long a PocketBase may take to start, stopTime how long it may take to end before it is killed.
	startTime = time.Minute
	stopTime  = 10 * time.Second
	username  = "admin@example.test"
	password  = "a superuser's password"
)

// TB is the part of [testing.TB] that this package needs.
type TB interface {
	Context() context.Context
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Config configures a Server.
type Config struct {
	// CAPEM are the authorities (PEM) that it trusts; empty stands for the system's.
	CAPEM []byte
}

// Server is a PocketBase that was never configured.
type Server struct {
	// URL is its address, without a slash at the end.
	URL string
	// Username and Password belong to its only superuser.
	Username string
	Password secret.Text

	program, dir string
	env          []string
	process      *process
}

// Start starts a PocketBase that ends with the test.
func Start(t TB, c Config) *Server {
	t.Helper()
	program := pinned.Program{
		Name: "pocketbase", Title: "PocketBase", Module: "github.com/pocketbase/pocketbase",
		Flags: []string{"-tags", "no_ui", "-ldflags", "-s -w"},
	}
	path, err := program.Path(t.Context(), os.Stderr, "Not built yet")
	if err != nil {
		t.Fatalf("%v", err)
	}
	dir, err := os.MkdirTemp("", "pocketbase-")
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{Username: username, Password: secret.New(password), program: path, dir: dir}
	if err := s.prepare(t.Context(), c); err != nil {
		t.Fatalf("prepare PocketBase: %v", err)
	}
	if err := s.serve(); err != nil {
		t.Fatalf("start PocketBase: %v", err)
	}
	t.Cleanup(func() { s.process.stop() })
	return s
}

// Restart ends the process and starts a new one with the same data, at a different URL.
func (s *Server) Restart(t TB) {
	t.Helper()
	s.process.stop()
	if err := s.serve(); err != nil {
		t.Fatalf("restart PocketBase: %v", err)
	}
}

// prepare creates the data and its superuser. The environment is not inherited: it has no proxy, and no PATH in which PocketBase could
// find a sendmail.
func (s *Server) prepare(ctx context.Context, c Config) error {
	s.env = []string{"HOME=" + s.dir}
	if len(c.CAPEM) > 0 {
		file := filepath.Join(s.dir, "ca.pem")
		if err := os.WriteFile(file, c.CAPEM, 0o600); err != nil {
			return err
		}
		s.env = append(s.env, "SSL_CERT_FILE="+file, "SSL_CERT_DIR="+s.dir)
	}
	out, err := s.command(ctx, "superuser", "upsert", username, password).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func (s *Server) command(ctx context.Context, args ...string) *exec.Cmd {
	folder := func(name string) string { return "--" + name + "=" + filepath.Join(s.dir, name) }
	cmd := exec.CommandContext(ctx, s.program, append(args,
		folder("dir"), folder("hooksDir"), folder("migrationsDir"), folder("publicDir"), "--hooksWatch=false", "--automigrate=false")...)
	cmd.Env, cmd.Dir = s.env, s.dir
	return cmd
}

// serve starts the process. PocketBase does not report a port that it chooses itself, so serve chooses a free port, and a new one if
// that was taken in the meantime.
func (s *Server) serve() error {
	for {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		s.process, err = start(s.command(context.Background(), "serve", "--http="+address))
		if err == nil {
			s.URL = "http://" + address
			return nil
		}
		if !strings.Contains(err.Error(), "address already in use") {
			return err
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// process is a running PocketBase.
type process struct {
	cmd *exec.Cmd
	// ended is closed when the process has ended.
	ended chan struct{}
}

// start starts the process and waits until it serves.
func start(cmd *exec.Cmd) (*process, error) {
	said := &output{ready: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = said, said
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait()
	}()
	reason := "it took too long"
	select {
	case <-said.ready:
		return p, nil
	case <-p.ended:
		reason = "it ended"
	case <-time.After(startTime):
		p.stop()
	}
	return nil, errors.New(reason + ": " + said.String())
}

// stop interrupts the process, and kills it if it does not end in time.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// output is the output of a process.
type output struct {
	ready chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
	once sync.Once
}

// Write implements [io.Writer].
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(b)
	if strings.Contains(o.text.String(), "Server started at") {
		o.once.Do(func() { close(o.ready) })
	}
	return n, err
}

// String returns the output so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
