package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
)

func TestMailServices(t *testing.T) {
	var b strings.Builder
	if err := run(&b, []string{"mail-services"}); err != nil {
		t.Fatal(err)
	}
	page := b.String()

	t.Run("EveryPresetHasOneLine", func(t *testing.T) {
		for _, p := range presets.All() {
			if n := strings.Count(page, "\n| `"+p.ID+"` | "); n != 1 {
				t.Errorf("%s: got %d lines, want 1", p.ID, n)
			}
		}
	})

	t.Run("EveryLineHasFiveCells", func(t *testing.T) {
		for line := range strings.Lines(page) {
			cells := len(regexp.MustCompile(`(^|[^\\])\|`).FindAllString(line, -1)) - 1
			if strings.HasPrefix(line, "|") && cells != 5 {
				t.Errorf("got %d cells, want 5: %s", cells, line)
			}
		}
	})

	t.Run("LinesMatchThePresets", func(t *testing.T) {
		for _, want := range []string{
			"| `gmail` | [Gmail](https://support.google.com/mail/answer/7126229) | `smtp.gmail.com` 465 tls | full email address | [an app password](https://myaccount.google.com/apppasswords) |\n",
			"; regions us-east-1, us-east-2, ",
			" | **no longer accepted**: OAuth 2.0 only |\n",
			"; **ends soon** |\n",
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%q is missing", want)
			}
		}
	})
}

func TestNoOtherPage(t *testing.T) {
	for _, args := range [][]string{nil, {"presets"}, {"failed-tests", "mail-services"}} {
		if err := run(&strings.Builder{}, args); err == nil {
			t.Errorf("%q: got no error", args)
		}
	}
}
