//go:build chromium

package page_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

const plan = `terraform {
  required_providers {
    smtp = { source = "sitemail/smtp" }
  }
}

provider "smtp" {
  url            = %q
  token          = %q
  test_recipient = %q
}

resource "smtp_settings" "this" {
  host                = %q
  port                = %d
  encryption          = "starttls"
  username            = %q
  password_wo         = %q
  password_wo_version = 1
  from_name           = "From the plan"
}
`

// Terraform runs in a workspace with a plan for the site.
func (w *testbed) terraform() tfcli.Workspace {
	w.t.Helper()
	token, err := w.server.ResetToken("client-a")
	if err != nil {
		w.t.Fatal(err)
	}
	cli, err := tfcli.Find(w.t.Context(), os.Stderr)
	if err != nil {
		w.t.Fatal(err)
	}
	workspace, err := cli.NewWorkspace(w.t.Context(), w.t.TempDir(), "sitemail/smtp")
	if err != nil {
		w.t.Fatal(err)
	}
	url := strings.TrimSuffix(w.url, "/admin")
	config := fmt.Sprintf(plan, url, token.Reveal(), recipient, w.mail.Host(), w.mail.Port(), mailer, mailPassword)
	if err := workspace.Init(w.t.Context(), config); err != nil {
		w.t.Fatal(err)
	}
	return workspace
}

// result is the exit code and the output of one call.
func result(t *testing.T, cmd *exec.Cmd) (code int, out string) {
	t.Helper()
	data, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(data)
}

// A person at the page and a plan manage the same site: each sees what the other did.
func TestPageAndTerraform(t *testing.T) {
	w := start(t)
	workspace := w.terraform()
	terraform := func(want int, args ...string) string {
		t.Helper()
		code, out := result(t, workspace.Command(t.Context(), append(args, "-no-color", "-input=false")...))
		if code != want {
			t.Fatalf("%v exited with %d: %s", args, code, out)
		}
		return out
	}
	b := chromium(t)
	w.logIn(b)

	terraform(0, "apply", "-auto-approve")
	b.do(shows("news", "changed by “terraform” just now"), shows("state", "Mail is on."))
	b.do(chromedp.Navigate(w.url), shows("managed", "Nothing was changed since."), shows("past", "passed"))
	b.look("applied")

	b.do(set("from_name", "By hand"), set("password", mailPassword), press("Save"), shows("managed", "From name: By hand, was From the plan"))
	b.emulate("light", 760, 640)
	b.do(chromedp.Evaluate[chromedp.Void](`scrollTo({top: 0, behavior: 'instant'})`), until(`scrollY === 0`, "the page does not scroll"))
	b.picture("drift-page", chromedp.CaptureScreenshot()) // the one in README.md
	drift := terraform(2, "plan", "-detailed-exitcode")
	for _, want := range []string{`"By hand" -> "From the plan"`, "false -> true"} {
		if !strings.Contains(drift, want) {
			t.Errorf("the plan lacks %s: %s", want, drift)
		}
	}
	terraform(0, "apply", "-auto-approve")
	b.do(shows("news", "changed by “terraform”"), shows("state", "Nothing was changed since."), shows("state", "Mail is on."))
	terraform(0, "plan", "-detailed-exitcode")
	if n := len(w.mail.Messages()); n != 2 {
		t.Errorf("got %d messages, want 2", n)
	}
}
