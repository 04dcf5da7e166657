package main

import (
	"cmp"
	_ "embed"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

//go:embed failed-tests.md.tmpl
var failedTestsPage string

// cause is the rows that have a summary in common.
type cause struct {
	Summary string
	Rows    []diagnosis.Row
}

// order is that of the stages of a test.
var order = []site.Stage{
	site.StageToken, site.StageDNS, site.StageConnect, site.StageTLS, site.StageBanner, site.StageEHLO, site.StageSTARTTLS,
	site.StageAuth, site.StageMail, site.StageRcpt, site.StageData, site.StageArrival,
}

// page is what the template shows: the indexes, and the causes.
type page struct {
	Words, Services, Stages []entry
	Causes                  []cause
}

// causes groups rows by their summaries, in the order of the stages at which they first occur; those of no stage come
// last.
func causes(rows []diagnosis.Row) []cause {
	var list []cause
	for _, row := range rows {
		i := slices.IndexFunc(list, func(c cause) bool { return c.Summary == row.Summary })
		if i < 0 {
			i = len(list)
			list = append(list, cause{Summary: row.Summary})
		}
		list[i].Rows = append(list[i].Rows, row)
	}
	rank := func(c cause) int {
		if i := slices.Index(order, c.Rows[0].Stage); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(list, func(a, b cause) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}

// failedTests explains every failed test: the diagnosis table, a section for each cause and in it an anchor for each row,
// as the provider's errors name it.
func failedTests(w io.Writer, rows []diagnosis.Row) error {
	return execute(w, failedTestsPage, template.FuncMap{
		"attribute": attribute,
		"again":     again,
		"quote":     quote,
		"services":  services,
		"label":     label,
		"withToken": withToken,
	}, page{Words: byWords(rows), Services: byService(rows), Stages: byStage(causes(rows)), Causes: causes(rows)})
}

// attribute names the argument of smtp_settings that a row points at.
func attribute(row diagnosis.Row) string {
	switch name := row.Attribute; name {
	case "":
		return ""
	case "password":
		if row.Stage == site.StageToken {
			return "`oauth2.client_secret_wo`"
		}
		return "`password_wo` or `password`"
	case "recipient":
		return "`test.recipient`"
	case "token_url":
		return "`oauth2.tenant` or `oauth2.token_url`"
	case "client_id", "scopes":
		return "`oauth2." + name + "`"
	default:
		return "`" + name + "`"
	}
}

func again(row diagnosis.Row) string {
	switch {
	case row.ID == "in-doubt":
		return "Applying again sends another message."
	case row.ID == "quit-eof":
		return "It is no failure."
	case row.Retry == site.RetryShort:
		return "This may pass within minutes: apply again, or set `test.retry_for`."
	case row.Retry == site.RetryLong:
		return "This may pass within hours or a day: apply again then."
	default:
		return "Fix this first; retrying will not help."
	}
}

// configuration is what to write at a service.
type configuration struct {
	Service, Lines string
}

// withToken returns what the errors of a row show to write instead of a password: at each service that gives tokens, once where it
// is the same.
func withToken(row diagnosis.Row) []configuration {
	var list []configuration
	for _, id := range row.Presets {
		preset, _ := presets.ByID(id)
		settings := site.Settings{Host: preset.Host, Username: "shop@example.com", FromAddress: "shop@example.com"}
		d := diagnosis.Of(site.TestResult{Status: site.Failed, Stage: row.Stage, Error: row.Example}, settings)
		lines := d.Configuration()
		known := slices.ContainsFunc(list, func(c configuration) bool { return c.Lines == lines })
		if d.ID == row.ID && lines != "" && !known {
			list = append(list, configuration{preset.Name, lines})
		}
	}
	return list
}

// quote makes a reply a code block of one line, cut where nobody reads on.
func quote(reply string) string {
	const enough = 200
	if runes := []rune(reply); len(runes) > enough {
		reply = string(runes[:enough]) + "…"
	}
	return "    " + strings.Join(strings.Fields(reply), " ")
}

// services lists those that are known to answer so; a row of every server has none to list.
func services(row diagnosis.Row) string {
	named := slices.DeleteFunc(slices.Clone(row.Services), func(s string) bool { return s == "generic" })
	return strings.Join(named, ", ")
}
