package doctest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

// TestWhatTheReadmeShows runs README.md's plan, and compares the demo's failure with the one in README.md.
func TestWhatTheReadmeShows(t *testing.T) {
	var config string
	var shown []block
	for _, b := range read(t, "README.md").blocks(t) {
		switch b.lang {
		case "hcl":
			config = b.text
		case "text":
			shown = append(shown, b)
		}
	}
	if len(shown) != 2 || shown[0].heading != "Use it" || shown[1].heading != "When a test fails" {
		t.Fatalf("the README shows other blocks than this test checks: %+v", shown)
	}
	t.Run("Plan", func(t *testing.T) {
		p := newPlace(t, "client", "hello@client.example")
		ws, err := findCLI(t).NewWorkspace(t.Context(), t.TempDir(), "sitemail/smtp")
		if err != nil {
			t.Fatal(err)
		}
		if err := ws.Init(t.Context(), strings.ReplaceAll(config, "https://client.example", p.url)); err != nil {
			t.Fatal(err)
		}
		plan := ws.Command(t.Context(), "plan", "-no-color", "-input=false")
		plan.Env = append(plan.Env, "SMTP_SITE_TOKEN="+p.token.Reveal(), "TF_VAR_app_password="+submissionPassword)
		out, err := plan.CombinedOutput()
		if err != nil || !(&names{}).matches(shown[0].text, string(out)) {
			t.Errorf("%v; the README shows\n%s\nbut the program printed\n%s", err, shown[0].text, out)
		}
	})
	t.Run("FailedTest", func(t *testing.T) {
		out := demo(t.Context(), t)
		url := regexp.MustCompile(`a site at\s+(\S+) and`).FindStringSubmatch(out)
		if url == nil {
			t.Fatal(out)
		}
		n := &names{}
		n.say("https://shop.example", url[1])
		if !n.matches(shown[1].text, out) {
			t.Errorf("the README shows\n%s\nbut the program printed\n%s", shown[1].text, out)
		}
	})
}

// demo returns the output of "make demo".
func demo(ctx context.Context, t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "demo")
	if err := pinned.Command(ctx, "./internal/dev/demo", binary); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, binary)
	cmd.Dir, cmd.Env = root, os.Environ()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}
