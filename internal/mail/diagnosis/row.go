// Package diagnosis turns a failed test into a verdict: what the failure means, what to do about it, which setting is
// at fault and whether trying again can help. Its knowledge is a table of refusals and errors, compiled in.
package diagnosis

import (
	"embed"
	"encoding/json"
	"regexp"
	"slices"
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// files are the table. Their names order them: services before the words of any server, words before bare codes.
//
//go:embed failures/*.json
var files embed.FS

// Row is one known failure of the table. Their order is their priority: the first that matches wins.
type Row struct {
	// ID is lower case with dashes, never changes, and is the row's anchor in the guide. An id that ends in
	// "-at-stage" matches a reply only at Stage, one that begins with "any-" matches an error at every stage.
	ID    string     `json:"id"`
	Stage site.Stage `json:"stage"`
	// Stages are those at which a reply must come, where it is more than one and not all; empty for what ID says.
	Stages []site.Stage `json:"stages"`
	// ReplyCode has three characters, "x" standing for any digit; empty for every reply and for errors without one.
	ReplyCode string `json:"reply_code"`
	// EnhancedCode is that of RFC 3463, a last part "x" standing for any; empty for every one and none.
	EnhancedCode string `json:"enhanced_code"`
	// Words are groups of phrases separated by "|": of each group one must be in the text as whole words, or as the
	// beginning of one where the phrase ends in "*". None of Without may be in it. An address of the test stands in the
	// text as "fromaddress" or "rcptaddress", every other as "mailaddress", an IP address as "ipaddress".
	Words   []string `json:"words"`
	Without string   `json:"without"`
	// Pattern is a regular expression (RE2) for the text. A row without Pattern and Words is chosen by code.
	Pattern string `json:"reply_pattern"`
	// When are facts that must hold: "after-login", "without-login", "oauth2".
	When []string `json:"when"`
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
	// TooFast: the server accepts the same message when fewer come at a time, or fewer in a second.
	TooFast bool `json:"too_fast"`
	// Sources are the pages that the row comes from; empty for a row of our own.
	Sources []string `json:"sources"`

	pattern  func() *regexp.Regexp
	literals phrases
	words    []phrases
	without  phrases
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
	entries, err := files.ReadDir("failures")
	if err != nil {
		panic(err) // compiled in
	}
	for _, entry := range entries {
		var rows []Row
		data, err := files.ReadFile("failures/" + entry.Name())
		if err == nil {
			err = json.Unmarshal(data, &rows)
		}
		if err != nil {
			panic(entry.Name() + ": " + err.Error()) // compiled in and covered by tests
		}
		t.rows = append(t.rows, rows...)
	}
	for i := range t.rows {
		t.rows[i].compile()
		t.byID[t.rows[i].ID] = &t.rows[i]
	}
	return t
}

// Rows returns the table in the order of priority, for the guide. Rows with the same Summary share a cause.
func Rows() []Row {
	rows := slices.Clone(load().rows)
	for i := range rows {
		rows[i].Stages = slices.Clone(rows[i].Stages)
		rows[i].When = slices.Clone(rows[i].When)
		rows[i].Words = slices.Clone(rows[i].Words)
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
