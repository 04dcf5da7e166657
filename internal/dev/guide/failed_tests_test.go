package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
)

func TestFailedTests(t *testing.T) {
	var b strings.Builder
	rows := diagnosis.Rows()
	if err := run(&b, []string{"failed-tests"}); err != nil {
		t.Fatal(err)
	}
	guide := b.String()

	t.Run("EveryRowHasTheAnchorOfItsError", func(t *testing.T) {
		headings := map[string]int{}
		for _, heading := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(guide, -1) {
			headings[heading[1]]++
		}
		for _, row := range rows {
			_, anchor, _ := strings.Cut(diagnosis.GuideURL(row.ID), "#")
			// A heading of lower case letters, digits and dashes is its own anchor.
			if headings[anchor] != 1 || regexp.MustCompile(`[^a-z0-9-]`).MatchString(anchor) {
				t.Errorf("row %s: got %d headings %q", row.ID, headings[anchor], anchor)
			}
		}
	})

	t.Run("EveryCauseHasOneSection", func(t *testing.T) {
		for _, c := range causes(rows) {
			if got := strings.Count(guide, "\n## "+c.Summary+"\n"); got != 1 {
				t.Errorf("got %d sections %q, want 1", got, c.Summary)
			}
		}
	})

	t.Run("IndexAgreesWithTheDiagnosis", func(t *testing.T) {
		for _, w := range wordings {
			want := verdict(w.stage, w.words[0]).Summary
			for _, words := range w.words {
				if got := verdict(w.stage, words); got.Summary != want || got.ID == diagnosis.Unknown || strings.HasPrefix(got.ID, "fallback") {
					t.Errorf("%q leads to row %q, %q; want %q", words, got.ID, got.Summary, want)
				}
			}
		}
	})

	t.Run("EveryLinkHasASection", func(t *testing.T) {
		for _, link := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(guide, -1) {
			heading := regexp.MustCompile("(?mi)^##+ " + strings.ReplaceAll(link[1], "-", "[- ]") + "$")
			if !heading.MatchString(guide) {
				t.Errorf("a link leads to the missing section #%s", link[1])
			}
		}
	})

	t.Run("EveryServiceRowIsInTheIndex", func(t *testing.T) {
		for _, row := range rows {
			if len(row.Presets) > 0 && row.Example != "" && !strings.Contains(guide, "](#"+row.ID+")") {
				t.Errorf("row %s is not in the index", row.ID)
			}
		}
	})

	t.Run("PasswordsThatEndLeadToWhatToWrite", func(t *testing.T) {
		_, section, _ := strings.Cut(guide, "\n### auth-ms-basic-retired\n")
		section, _, _ = strings.Cut(section, "\n### ")
		for _, want := range []string{"At Microsoft 365", "```terraform\noauth2 = {\n  tenant ", "At Outlook.com", "```terraform\noauth2 = {\n  grant ", "\n}\n```\n"} {
			if !strings.Contains(section, want) {
				t.Errorf("%q is not in:\n%s", want, section)
			}
		}
	})

	t.Run("EveryRowIsExplained", func(t *testing.T) {
		for _, row := range rows {
			if !strings.Contains(guide, row.Cause) || !strings.Contains(guide, row.Remedy) {
				t.Errorf("the guide lacks cause or remedy of row %s", row.ID)
			}
		}
		if wrong := regexp.MustCompile("Points at [^`].*").FindString(guide); wrong != "" {
			t.Errorf("%q is not an argument", wrong)
		}
		if strings.Contains(guide, "<no value>") || strings.Contains(guide, "\n\n\n") {
			t.Error("the page has an empty value or two blank lines in a row")
		}
	})
}
