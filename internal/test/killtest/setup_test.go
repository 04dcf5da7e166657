//go:build unix

package killtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/refsitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// bystander and victim are the sites; each has a mailbox of its own.
	bystander, victim = "client-a", "client-b"

	firstPassword, nextPassword = "canary one in a coal mine", "canary two in a coal mine"
)

func mailbox(site string) string { return site + "@example.com" }

const config = `
terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
  %s
}

variable "urls" { type = map(string) }
variable "tokens" { type = map(string) }
variable "port" { type = number }
variable "max_retries" { type = number }
variable "from_name" { type = string }
variable "password_version" { type = number }
variable "password" {
  type      = string
  ephemeral = true
}

provider "smtp" {
  test_recipient = "ops@example.test"
  max_retries    = var.max_retries
  sites          = { for name, url in var.urls : name => { url = url, token = var.tokens[name] } }
}

resource "smtp_settings" "client" {
  for_each            = var.urls
  site                = each.key
  host                = "127.0.0.1"
  port                = var.port
  encryption          = "starttls"
  username            = "${each.key}@example.com"
  from_name           = var.from_name
  password_wo         = var.password
  password_wo_version = var.password_version
  on_destroy          = "clear"
}
`

// testbed contains the processes to kill: Terraform with the provider, and the process that serves the sites. The gate is between them,
// and between the sites and the mail server.
type testbed struct {
	// whole is the whole test, t the part that runs.
	whole, t  *testing.T
	workspace tfcli.Workspace
	gate      *gate
	mail      *smtptest.Server
	// files are those of the sites; site is the process that runs.
	files  refsitetest.Files
	site   *refsitetest.Process
	tokens map[string]string
	// left returns the state and the lock that Terraform left; nil for none.
	left func() (state, lock []byte)
}

func newTestbed(t *testing.T) *testbed {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", t.TempDir()) // killed processes leave their sockets there
	w := &testbed{whole: t, t: t, tokens: map[string]string{}}
	w.mail = smtptest.Start(t, smtptest.Config{})
	w.gate = newGate(t, victim, fmt.Sprintf("%s:%d", w.mail.Host(), w.mail.Port()))
	w.left = w.gate.left
	w.mail.SetFaults(smtptest.Faults{Before: w.gate.reached})
	w.files = refsitetest.Build(t, dir, w.mail.CAPEM())
	w.launchSite()
	for _, line := range w.site.Lines {
		w.tokens[line["site"]] = line["token"]
	}
	cli, err := tfcli.Find(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if w.workspace, err = cli.NewWorkspace(t.Context(), filepath.Join(dir, "plan"), "sitemail/smtp"); err != nil {
		t.Fatal(err)
	}
	if err := w.workspace.NotePIDs(); err != nil {
		t.Fatal(err)
	}
	url := w.gate.http.URL + "/state"
	backend := fmt.Sprintf("backend \"http\" {\n    address        = %q\n    lock_address   = %[1]q\n    unlock_address = %[1]q\n  }", url)
	if err := w.workspace.Init(t.Context(), fmt.Sprintf(config, backend)); err != nil {
		t.Fatal(err)
	}
	return w
}

// launchSite starts the sites and connects the gate to them.
func (w *testbed) launchSite() {
	w.t.Helper()
	w.site = refsitetest.Launch(w.whole, w.files.Serve(w.whole.Context(), "-site", bystander, "-site", victim))
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	w.gate.sites = w.site.Address
}

// want is what the plan wants of both sites.
type want struct {
	fromName string
	password string
	version  int
	retries  int
}

// configure gives the plan its variables, and the mailboxes their password.
func (w *testbed) configure(want want) {
	w.t.Helper()
	urls := map[string]string{}
	for name := range w.tokens {
		urls[name] = w.gate.http.URL + "/" + name
		w.mail.SetUser(mailbox(name), secret.New(want.password))
	}
	_, port, _ := strings.Cut(w.gate.mail.Addr().String(), ":")
	values, err := json.Marshal(map[string]any{
		"urls": urls, "tokens": w.tokens, "port": port, "max_retries": want.retries,
		"from_name": want.fromName, "password": want.password, "password_version": want.version,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.workspace.Dir, "terraform.tfvars.json"), values, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// terraform is a run of Terraform that can be killed.
type terraform struct {
	*exec.Cmd
	out bytes.Buffer
	// exited is closed when it has exited.
	exited chan struct{}
}

func (w *testbed) start(args ...string) *terraform {
	w.t.Helper()
	tf := &terraform{Cmd: w.workspace.Command(w.t.Context(), args...), exited: make(chan struct{})}
	tf.Stdout, tf.Stderr = &tf.out, &tf.out
	tf.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := tf.Start(); err != nil {
		w.t.Fatal(err)
	}
	return tf
}

func (tf *terraform) wait() (out string, err error) {
	err = tf.Wait()
	close(tf.exited)
	return unwrapped(tf.out.String()), err
}

// endOrphans ends the provider that a killed Terraform leaves, which would otherwise exit some minutes later.
func (tf *terraform) endOrphans() { _ = syscall.Kill(-tf.Process.Pid, syscall.SIGKILL) }

// unwrapped undoes the line breaks that the CLI makes.
func unwrapped(out string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ").Replace(out)), " ")
}

// call sends a request to a site directly, bypassing the gate.
func (w *testbed) call(method, path string, body []byte, header http.Header) (status int, answer map[string]any) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.WithoutCancel(w.t.Context()), method, "http://"+w.site.Address+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header = header
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// settle waits until the site has ended the last test.
func (w *testbed) settle() {
	w.t.Helper()
	w.gate.mu.Lock()
	last := w.gate.test
	w.gate.mu.Unlock()
	if last.site == "" {
		return
	}
	if status, _ := w.call(http.MethodGet, last.path, nil, last.header); status != http.StatusAccepted {
		return
	}
	// The same request once more waits for the test.
	if status, answer := w.call(http.MethodPut, last.path, last.body, last.header); status != http.StatusOK {
		w.t.Fatalf("the test message is still pending: %d %v", status, answer)
	}
}
