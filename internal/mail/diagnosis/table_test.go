package diagnosis

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

var stageNames = []site.Stage{
	site.StageToken, site.StageDNS, site.StageConnect, site.StageTLS, site.StageBanner, site.StageEHLO, site.StageSTARTTLS,
	site.StageAuth, site.StageMail, site.StageRcpt, site.StageData, site.StageArrival,
}

func TestTable(t *testing.T) {
	attributes := []string{"", "password", "recipient"}
	for _, field := range (site.Settings{}).Fields() {
		attributes = append(attributes, field.Name)
	}
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	code := regexp.MustCompile(`^([2-5x][0-9x]{2})?$`)
	enhanced := regexp.MustCompile(`^([245]\.[0-9]{1,3}\.([0-9]{1,3}|x))?$`)
	ids := map[string]bool{}
	for _, row := range Rows() {
		for what, ok := range map[string]bool{
			"id":            id.MatchString(row.ID) && !ids[row.ID],
			"stage":         slices.Contains(stageNames, row.Stage) || row.ID == "quit-eof" || row.ID == Unknown,
			"reply_code":    code.MatchString(row.ReplyCode),
			"enhanced_code": enhanced.MatchString(row.EnhancedCode),
			"attribute":     slices.Contains(attributes, row.Attribute),
			"retry":         slices.Contains([]site.Retry{site.RetryNever, site.RetryShort, site.RetryLong}, row.Retry),
			"services":      len(row.Services) > 0,
			"presets":       len(row.Presets) > 0 || !strings.HasSuffix(row.ID, "-by-host"),
			"stages":        !slices.ContainsFunc(row.Stages, func(s site.Stage) bool { return s != "" && !slices.Contains(stageNames, s) }),
			"when": !slices.ContainsFunc(row.When, func(fact string) bool {
				return !slices.Contains([]string{afterLogin, withoutLogin, oauth2}, fact)
			}),
			"words":      (row.Without == "" || !row.byHand()) && !slices.ContainsFunc(append(slices.Clone(row.Words), row.Without), badPhrase),
			"summary":    sentence(row.Summary, 70) && !strings.HasSuffix(row.Summary, "."),
			"cause":      sentence(row.Cause, 300) && strings.HasSuffix(row.Cause, "."),
			"remedy":     sentence(row.Remedy, 400) && strings.HasSuffix(row.Remedy, "."),
			"vocabulary": !strings.Contains(row.Cause+row.Remedy, "test_recipient"),
		} {
			if !ok {
				t.Errorf("row %q: bad %s", row.ID, what)
			}
		}
		for _, source := range row.Sources {
			if !strings.HasPrefix(source, "http") {
				t.Errorf("row %q: source %q is not a URL", row.ID, source)
			}
		}
		for _, preset := range row.Presets {
			if _, ok := presets.ByID(preset); !ok {
				t.Errorf("row %q: no preset %q", row.ID, preset)
			}
		}
		ids[row.ID] = true
	}
	for _, id := range []string{inDoubt, otherReply, Unknown, connectBlocked, connectionCut, tlsIntercepted, invalidSetting} {
		if !ids[id] {
			t.Errorf("no row %q", id)
		}
	}
}

var phraseList = regexp.MustCompile(`^([^*|A-Z.,:/-]+\*?\|)*[^*|A-Z.,:/-]+\*?$`)

// badPhrase reports whether a list has a phrase that no plain words can hold: they are lower case with single spaces.
func badPhrase(list string) bool {
	return list != "" && (!phraseList.MatchString(list) || regexp.MustCompile(`(^|\|) | (\||$)|  `).MatchString(list))
}

// sentence reports whether text is one line of at most limit characters without space around it.
func sentence(text string, limit int) bool {
	return text != "" && text == untrusted.Line(text) && len([]rune(text)) <= limit
}

// What a row is about follows from its summary, because the guide has one section for each.
func TestRowsWithOneSummaryAreNeighboursInMeaning(t *testing.T) {
	summaries := map[string]int{}
	for _, row := range Rows() {
		summaries[row.Summary]++
	}
	if n := len(summaries); n < 40 || n > 90 {
		t.Errorf("got %d causes for %d rows, want 40 to 90", n, len(Rows()))
	}
}

func TestRowsAreTheCallersOwn(t *testing.T) {
	lists := func(row Row) [][]string {
		return [][]string{row.Words, row.Presets, row.Services, row.Sources, row.When}
	}
	for _, row := range Rows() {
		for _, list := range lists(row) {
			if len(list) > 0 {
				list[0] = "changed"
			}
		}
		if len(row.Stages) > 0 {
			row.Stages[0] = "changed"
		}
	}
	for _, row := range Rows() {
		if slices.Contains(slices.Concat(lists(row)...), "changed") || slices.Contains(row.Stages, "changed") {
			t.Fatalf("a caller could change the table: %+v", row)
		}
	}
}

var exampleReply = regexp.MustCompile(`^(\d{3})[ -](.*)$`)

// exampleOf is the failure that a row's example shows. A row for every stage is asked at one that has no rows of its own,
// unless the row points at what the server does not know by then: that row is asked where it is first known.
func exampleOf(row Row) failure {
	r := site.TestResult{Status: site.Failed, Stage: row.Stage, Error: row.Example}
	if m := exampleReply.FindStringSubmatch(row.Example); m != nil {
		code, _ := strconv.Atoi(m[1])
		r.Reply = &site.Reply{Code: code, Text: m[2]}
		if strings.HasPrefix(row.ID, "any-") {
			if r.Stage = site.StageEHLO; !row.knownAt(r.Stage) {
				r.Stage = namedAt[row.Attribute]
			}
		}
	}
	if slices.Contains(row.When, oauth2) {
		r.Stages = stages(site.StageToken)
	}
	preset := ""
	if len(row.Presets) > 0 {
		preset = row.Presets[0]
	}
	return observe(r, site.Settings{}, preset)
}

func TestExamplesReachTheirRow(t *testing.T) {
	own := 0
	for _, row := range Rows() {
		if row.Example == "" {
			continue
		}
		got := load().find(exampleOf(row))
		switch {
		case got == nil:
			t.Errorf("row %q: no row matches its example", row.ID)
		case got.ID == row.ID:
			own++
		case got.Attribute != row.Attribute:
			t.Errorf("row %q: its example matches row %q, which blames %q instead of %q", row.ID, got.ID, got.Attribute, row.Attribute)
		}
	}
	if own < 310 {
		t.Errorf("only %d examples match their own row", own)
	}
}

func TestRowsWithoutExampleAreNamed(t *testing.T) {
	var without []string
	for _, row := range Rows() {
		if row.Example == "" && len(row.Sources) > 0 {
			without = append(without, row.ID)
		}
	}
	want := []string{
		"data-ses-paused", "mailgun-free-accounts", "data-mailtrap-demo",
		"auth-postmark-by-host", "auth-fastmail-by-host", "rcpt-inactive-postmark",
	}
	if !slices.Equal(without, want) {
		t.Errorf("found no reply for %q, want %q", without, want)
	}
}
