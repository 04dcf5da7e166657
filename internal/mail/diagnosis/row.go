// Package diagnosis turns a failed test into a verdict: what the failure means, what to do about it, which setting is
// at fault and whether trying again can help. Its knowledge is a table of refusals and errors, compiled in.
package diagnosis

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"slices"
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

//go:embed failures.json
var file []byte

// Row is one known failure of the table. Their order is their priority: the first that matches wins.
type Row struct {
	// ID is lower case with dashes, never changes, and is the row's anchor in the guide. An id that ends in
	// "-at-stage" matches a reply only at Stage, one that begins with "any-" matches an error at every stage.
	ID    string     `json:"id"`
	Stage site.Stage `json:"stage"`
	// ReplyCode has three characters, "x" standing for any digit; empty for every reply and for errors without one.
	ReplyCode string `json:"reply_code"`
	// EnhancedCode is that of RFC 3463, a last part "x" standing for any; empty for every one and none.
	EnhancedCode string `json:"enhanced_code"`
	// Pattern is a regular expression (RE2) for the text; a row without one is chosen by more than the text.
	Pattern string `json:"reply_pattern"`
	// Presets are the services whose hosts alone the row is for; empty for every host.
	Presets []string `json:"presets"`
	// Services are those known to answer so, Example is such an answer; for readers.
	Services []string `json:"services"`
	Example  string   `json:"example_reply"`
	// Summary, Cause, Remedy, Attribute and Retry are those of [site.Diagnosis].
	Summary   string     `json:"summary"`
	Cause     string     `json:"cause"`
	Remedy    string     `json:"remedy"`
	Attribute string     `json:"attribute"`
	Retry     site.Retry `json:"retry"`
	// TooFast: the server takes the same message when fewer come at a time, or fewer in a second.
	TooFast bool `json:"too_fast"`
	// Sources are the pages that the row comes from; empty for a row of our own.
	Sources []string `json:"sources"`

	pattern *regexp.Regexp
}

// table is every row, in the order of priority.
type table struct {
	rows []Row
	byID map[string]*Row
}

// load reads the table when the first failure is explained.
var load = sync.OnceValue(loadTable)

func loadTable() *table {
	t := &table{byID: map[string]*Row{}}
	if err := json.Unmarshal(file, &t.rows); err != nil {
		panic("failures.json: " + err.Error()) // compiled in and covered by tests
	}
	for i := range t.rows {
		row := &t.rows[i]
		row.pattern = regexp.MustCompile(row.Pattern)
		t.byID[row.ID] = row
	}
	return t
}

// Rows returns the table in the order of priority, for the guide. Rows with the same Summary share a cause.
func Rows() []Row {
	rows := slices.Clone(load().rows)
	for i := range rows {
		rows[i].Presets = slices.Clone(rows[i].Presets)
		rows[i].Services = slices.Clone(rows[i].Services)
		rows[i].Sources = slices.Clone(rows[i].Sources)
	}
	return rows
}

// GuideURL returns where the documentation explains the row with this id.
func GuideURL(id string) string {
	return "https://registry.terraform.io/providers/sitemail/smtp/latest/docs/guides/failed-tests#" + id
}
