package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDemo(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TF_VAR_mail_password", "the user's own")
	t.Setenv("TF_CLI_ARGS_plan", "-destroy")
	t.Setenv("TF_DATA_DIR", filepath.Join(temp, "the user's own"))
	var out strings.Builder
	if err := run(t.Context(), passwordStory(), &out, t.Output(), false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	checkSections(t, out.String(), []string{
		`resource "smtp_settings" "shop" {`,
		"Plan: 1 to add, 0 to change, 0 to destroy.",
		"Creation complete",
		"Subject: Test",
		`"enabled": true`,
		"No changes.",
		"535 5.7.8",
	})
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("the demo left files behind: %v, %v", left, err)
	}
}

func TestDemoOfOAuth2(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), oauth2Story(), &out, t.Output(), false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	checkSections(t, out.String(), []string{
		"oauth2 = {",
		"Plan: 1 to add, 0 to change, 0 to destroy.",
		"Creation complete",
		"Subject: Test",
		`"grant": "client_credentials"`,
		"401 invalid_client",
		"535 5.7.8",
		"Modifications complete",
	})
}

func TestDemoOfTheInbox(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), inboxStory(), &out, t.Output(), false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	checkSections(t, out.String(), []string{
		"test_inbox = {",
		"The test message arrived in the spam folder",
		`"folder" = "INBOX"`,
		`"enabled": true`,
	})
}

// checkSections looks for words in each section.
func checkSections(t *testing.T, told string, words []string) {
	t.Helper()
	for n, want := range words {
		title := fmt.Sprintf("\n%d. ", n+1)
		_, after, found := strings.Cut(told, title)
		if !found || !strings.Contains(after, want) {
			t.Errorf("section %d is missing or lacks %q", n+1, want)
		}
		told = after
	}
}

// TestDemoNoticesFailures tells the story with a password that the mail server never knew.
func TestDemoNoticesFailures(t *testing.T) {
	cli, err := tfcli.Find(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	set, err := build(t.Context(), filepath.Join(t.TempDir(), "site.db"), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	workspace, err := cli.NewWorkspace(t.Context(), t.TempDir(), "sitemail/smtp")
	if err != nil {
		t.Fatal(err)
	}
	set.mail.SetUser(username, secret.New("another"))
	err = newStory(passwordStory(), cli, workspace, set, io.Discard).tell(t.Context())
	if err == nil || !strings.Contains(err.Error(), "section 3") || !strings.Contains(err.Error(), "0 messages") {
		t.Errorf("got %v, want an error that names the section and says that no message arrived", err)
	}
}
