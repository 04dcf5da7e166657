package main

import (
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/refsitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// asMain is set in the environment of a test binary that must act as the command itself.
const asMain = "REFSITE_AS_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asMain) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// process is the command in a separate process.
type process struct{ *refsitetest.Process }

// launch starts the command and waits until it listens.
func launch(t *testing.T, args ...string) process {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), asMain+"=1")
	return process{refsitetest.Launch(t, cmd)}
}

// files prepares what the command needs for one site named client-a, and returns its arguments.
func files(t *testing.T) (args []string) {
	t.Helper()
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	if err := (program{stdout: io.Discard, stderr: io.Discard}).run(t.Context(), []string{"key", keys}); err != nil {
		t.Fatal(err)
	}
	return []string{
		"serve", "-listen", "127.0.0.1:0", "-data", filepath.Join(dir, "data"), "-keys", keys, "-site", "client-a", "-allow-network", "127.0.0.0/8",
	}
}

// startMail starts a mail server and returns the flag that makes the command trust it.
func startMail(t *testing.T, c smtptest.Config) (mail *smtptest.Server, trust []string) {
	t.Helper()
	mail = smtptest.Start(t, c)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, mail.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return mail, []string{"-ca", file}
}

func settings(mail *smtptest.Server, fromName string) map[string]any {
	host, port := "smtp.example.com", 587
	if mail != nil {
		host, port = mail.Host(), mail.Port()
	}
	return map[string]any{
		"host": host, "port": port, "encryption": "starttls", "username": "mailer@example.com", "from_address": "mailer@example.com",
		"from_name": fromName, "helo_name": "",
	}
}

func TestServing(t *testing.T) {
	args := files(t)
	p := launch(t, args...)
	if len(p.Lines) != 1 || p.Lines[0]["site"] != "client-a" || p.Lines[0]["username"] != "admin" {
		t.Fatalf("got %v", p.Lines)
	}
	if _, err := netip.ParseAddrPort(p.Address); err != nil {
		t.Error(err)
	}
	token, password := p.Lines[0]["token"], p.Lines[0]["password"]
	if status, got := p.call(t, token, "GET", "/site", nil, ""); status != 200 || got["name"] != "client-a" {
		t.Errorf("got %d %v", status, got)
	}
	login := map[string]any{"username": "admin", "password": password}
	if status, got := p.call(t, "", "POST", "/session", login, ""); status != 201 {
		t.Errorf("got %d %v", status, got)
	}
	if err := p.Terminate(); err != nil {
		t.Errorf("%v: %s", err, p.Log())
	}
	if log := p.Log(); strings.Contains(log, token) || strings.Contains(log, password) || !strings.Contains(log, `"msg":"request"`) {
		t.Errorf("the log shows a secret or lacks the request: %s", log)
	}
	t.Run("R45_SecretsArePrintedOnce", func(t *testing.T) {
		p := launch(t, args...)
		if len(p.Lines) != 0 {
			t.Errorf("got %v", p.Lines)
		}
		if status, _ := p.call(t, token, "GET", "/smtp", nil, ""); status != 200 {
			t.Errorf("got %d, want 200", status)
		}
	})
	t.Run("ResetPrintsNewOnes", func(t *testing.T) {
		p := launch(t, append(args, "-reset", "client-a")...)
		if len(p.Lines) != 1 || p.Lines[0]["token"] == token || p.Lines[0]["password"] == password {
			t.Fatalf("got %v", p.Lines)
		}
		if status, _ := p.call(t, token, "GET", "/smtp", nil, ""); status != 401 {
			t.Errorf("got %d, want 401", status)
		}
		if status, _ := p.call(t, p.Lines[0]["token"], "GET", "/smtp", nil, ""); status != 200 {
			t.Errorf("got %d, want 200", status)
		}
	})
}

func TestManySites(t *testing.T) {
	const sites = 20
	args := files(t)
	var names strings.Builder
	for i := range sites {
		names.WriteString("client-" + strconv.Itoa(i) + "\n\n")
	}
	file := filepath.Join(t.TempDir(), "sites")
	if err := os.WriteFile(file, []byte(names.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if p := launch(t, append(args, "-sites", file)...); len(p.Lines) != sites+1 {
		t.Errorf("got %d sites", len(p.Lines))
	}
}
