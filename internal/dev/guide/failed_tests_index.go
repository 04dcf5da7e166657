package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// entry is a line of one of the page's indexes: what the reader sees, and the rows that it can mean.
type entry struct {
	Seen string
	Rows []diagnosis.Row
}

// wording is words of a reply that many servers share, and the stage at which they say them.
type wording struct {
	stage site.Stage
	words []string
}

// wordings are the words by which a reader finds a section, in the order in which a test meets them. A test holds that the
// diagnosis takes each for the section that it leads to.
var wordings = []wording{
	{site.StageEHLO, []string{"501 Syntactically invalid EHLO argument", "504 Helo command rejected: need fully-qualified hostname"}},
	{site.StageMail, []string{"530 Must issue a STARTTLS command first", "550 SSL/TLS connection required"}},
	{site.StageAuth, []string{"535 authentication failed", "535 Incorrect authentication data", "535 Invalid login or password"}},
	{site.StageAuth, []string{"534 Application-specific password required", "535 Use an app password"}},
	{site.StageAuth, []string{"535 SMTP is not enabled for this account"}},
	{site.StageAuth, []string{"535 account suspended", "535 user locked"}},
	{site.StageAuth, []string{"454 Too many login attempts"}},
	{site.StageMail, []string{"530 Authentication required", "553 not logged in", "503 need EHLO and AUTH first"}},
	{site.StageRcpt, []string{"554 Relay access denied", "550 Relaying denied", "550 relay not permitted"}},
	{site.StageMail, []string{"553 Sender address rejected: not owned by user", "550 sender not allowed", "550 Sender mismatch"}},
	{site.StageData, []string{"550 domain is not verified", "550 unverified sender"}},
	{site.StageData, []string{"550 DMARC policy", "550 SPF check failed", "550 sender is unauthenticated"}},
	{site.StageData, []string{"554 You can only send to verified recipients", "550 You can only send testing emails to your own email address"}},
	{site.StageRcpt, []string{"550 User unknown", "550 mailbox unavailable", "550 no such user"}},
	{site.StageRcpt, []string{"451 Recipient on suppression list"}},
	{site.StageMail, []string{"550 Your account has been suspended", "550 Outgoing mail has been suspended"}},
	{site.StageData, []string{"550 Daily sending limit exceeded", "451 hourly quota reached", "550 too many emails"}},
	{site.StageData, []string{"451 Rate limit exceeded, slow down"}},
	{site.StageRcpt, []string{"554 Client host blocked using spamhaus", "550 poor reputation"}},
	{site.StageRcpt, []string{"450 Greylisted"}},
	{site.StageData, []string{"554 Spam message rejected", "550 content rejected"}},
	{site.StageData, []string{"554 Duplicate header", "550 Missing Date header"}},
}

// byWords leads from the words of a reply to their section.
func byWords(rows []diagnosis.Row) []entry {
	var list []entry
	for _, w := range wordings {
		quoted := make([]string, len(w.words))
		for i, words := range w.words {
			quoted[i] = "`" + words + "`"
		}
		id := verdict(w.stage, w.words[0]).ID
		i := slices.IndexFunc(rows, func(row diagnosis.Row) bool { return row.ID == id })
		list = append(list, entry{Seen: strings.Join(quoted, ", "), Rows: rows[i : i+1]})
	}
	return list
}

// verdict is the diagnosis of such a reply by a server of nobody in particular.
func verdict(stage site.Stage, reply string) site.Diagnosis {
	settings := site.Settings{Host: "mail.example.com", Port: 587, Encryption: site.STARTTLS, FromAddress: "shop@example.com"}
	return diagnosis.Of(site.TestResult{Status: site.Failed, Stage: stage, Error: reply}, settings)
}

// byService leads from a service to the replies that it alone gives.
func byService(rows []diagnosis.Row) []entry {
	var list []entry
	for _, row := range rows {
		if len(row.Presets) == 0 || row.Example == "" {
			continue
		}
		names := make([]string, len(row.Presets))
		for i, id := range row.Presets {
			preset, _ := presets.ByID(id)
			names[i] = preset.Name
		}
		seen := strings.Join(names, ", ")
		i := slices.IndexFunc(list, func(e entry) bool { return e.Seen == seen })
		if i < 0 {
			i = len(list)
			list = append(list, entry{Seen: seen})
		}
		list[i].Rows = append(list[i].Rows, row)
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(strings.ToLower(a.Seen), strings.ToLower(b.Seen)) })
	return list
}

// byStage leads from the stage at which a test failed to its causes, each by its first row.
func byStage(list []cause) []entry {
	var stages []entry
	for _, stage := range order {
		e := entry{Seen: string(stage)}
		for _, c := range list {
			at := slices.IndexFunc(c.Rows, func(row diagnosis.Row) bool { return row.Stage == stage && len(row.Presets) == 0 })
			if at >= 0 {
				e.Rows = append(e.Rows, c.Rows[at])
			}
		}
		stages = append(stages, e)
	}
	return stages
}

// label is the beginning of what a row's server says, short enough for a line of links.
func label(row diagnosis.Row) string {
	const enough = 48
	runes := []rune(strings.Join(strings.Fields(strings.ReplaceAll(row.Example, "`", "'")), " "))
	if len(runes) > enough {
		return strings.TrimSpace(string(runes[:enough])) + "…"
	}
	return string(runes)
}
