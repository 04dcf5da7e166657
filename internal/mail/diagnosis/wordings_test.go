package diagnosis

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// A rule is for a kind of refusal, not for the one reply that it was made from.
func TestWordings(t *testing.T) {
	data, err := os.ReadFile("testdata/wordings.txt")
	if err != nil {
		t.Fatal(err)
	}
	var kind []string
	count := map[string]int{}
	right, all := 0, 0
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "= "); ok {
			kind = strings.Fields(rest)
			continue
		}
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		attribute, retry, stage := kind[0], kind[1], site.Stage(kind[2])
		s := site.Settings{Host: "mail.example.com", Port: 587, Encryption: site.STARTTLS, Username: "login@example.com", FromAddress: "shop@example.com"}
		if slices.Contains(kind, "anonymous") {
			s.Username, s.Port = "", 25
		}
		r := site.TestResult{Status: site.Failed, Stage: stage, Reply: onWire(t, line), Recipient: "ops@example.net"}
		got := Of(r, s)
		all++
		if (named(got.Attribute) == attribute || got.Attribute == attribute) && (retry == "-" || string(got.Retry) == retry) {
			right++
		} else {
			t.Errorf("%q at %s: got %s (%s) from %s, want %s (%s)", line, stage, named(got.Attribute), got.Retry, got.ID, attribute, retry)
		}
		count[strings.Join(kind, " ")]++
	}
	for kind, n := range count {
		if n < 10 {
			t.Errorf("only %d wordings of %s", n, kind)
		}
	}
	t.Logf("%d of %d", right, all)
}
