package diagnosis

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// longest is how many bytes of a text are matched. What a server has to say stands at the beginning (RFC 5321 section
// 4.5.3.1.5 allows 512 octets a line); the bound keeps an endless reply from costing time.
const longest = 1024

// failure is a failed test in the form in which rows are matched: a reply, or an error without one.
type failure struct {
	stage site.Stage
	// code is three digits, empty for an error.
	code     string
	enhanced string
	text     string
	// preset is the id of the service that the host belongs to, "" when there is none.
	preset string
}

// observe brings what a test saw into the form to match.
func observe(r site.TestResult, preset string) failure {
	f := failure{stage: r.Stage, preset: preset}
	if r.Reply == nil {
		f.text = errorText(r.Error)
		if f.stage == "" {
			f.stage = stageOf(f.text)
		}
		return f
	}
	f.code = fmt.Sprintf("%03d", r.Reply.Code)
	f.enhanced, f.text = replyText(*r.Reply)
	return f
}

var (
	// lineStart is what precedes the words on each line of a reply.
	lineStart = regexp.MustCompile(`^\s*(?:\d{3}[ -])?\s*(?:([245]\.\d{1,3}\.\d{1,3})[,:]?(?:\s+|$))?`)
	// inParentheses is how some servers write the enhanced code.
	inParentheses = regexp.MustCompile(`\(#([245]\.\d{1,3}\.\d{1,3})\)`)
)

// replyText returns the words of a reply on one line, and its enhanced code, which servers write in more places than
// clients look for it.
func replyText(r site.Reply) (enhanced, text string) {
	text = r.Text[:min(len(r.Text), longest)]
	if enhanced = strings.TrimSpace(r.EnhancedCode); enhanced == "0.0.0" {
		enhanced = ""
	}
	var words []string
	for line := range strings.Lines(text) {
		parts := lineStart.FindStringSubmatch(line)
		if enhanced == "" {
			enhanced = parts[1]
		}
		words = append(words, strings.Fields(line[len(parts[0]):])...)
	}
	if in := inParentheses.FindStringSubmatch(text); in != nil && enhanced == "" {
		enhanced = in[1]
	}
	// Lines that were joined leave their enhanced codes between the words.
	words = slices.DeleteFunc(words, func(word string) bool { return word == enhanced })
	return enhanced, strings.Join(words, " ")
}

// errorText returns an error on one line. An end of file keeps nothing of what it was wrapped in.
func errorText(err string) string {
	text := strings.Join(strings.Fields(err[:min(len(err), longest)]), " ")
	for _, eof := range []string{"unexpected EOF", "EOF"} {
		if strings.HasSuffix(text, ": "+eof) {
			return eof
		}
	}
	return text
}

// stageOf tells the stage of an error from a site that does not say it, as far as the words leave no doubt.
func stageOf(err string) site.Stage {
	switch {
	case strings.Contains(err, "lookup ") || strings.Contains(err, "no such host"):
		return site.StageDNS
	case strings.Contains(err, "x509: ") || strings.Contains(err, "tls: "):
		return site.StageTLS
	case strings.Contains(err, "dial tcp"):
		return site.StageConnect
	}
	return ""
}

// find returns the first row that matches; there is none for few failures only.
func (t *table) find(f failure) *Row {
	for i := range t.rows {
		if t.rows[i].matches(f) {
			return &t.rows[i]
		}
	}
	return nil
}

func (row *Row) matches(f failure) bool {
	if row.Pattern == "" || len(row.Presets) > 0 && !slices.Contains(row.Presets, f.preset) {
		return false
	}
	if f.code == "" {
		return row.matchesError(f)
	}
	return row.matchesReply(f)
}

func (row *Row) matchesError(f failure) bool {
	return row.ReplyCode == "" &&
		(row.Stage == f.stage || strings.HasPrefix(row.ID, "any-")) &&
		row.pattern.MatchString(f.text)
}

func (row *Row) matchesReply(f failure) bool {
	catchesErrors := row.ReplyCode == "" && row.Pattern == ".*"
	return !catchesErrors &&
		codeMatches(row.ReplyCode, f.code) &&
		enhancedMatches(row.EnhancedCode, f.enhanced) &&
		(row.Stage == f.stage || !row.needsStage() && row.knownAt(f.stage)) &&
		row.pattern.MatchString(f.text)
}

// needsStage reports whether a reply must come at the row's stage. Mostly it need not: the same refusal comes at MAIL,
// RCPT or DATA, because many servers put off what they check.
func (row *Row) needsStage() bool {
	switch row.Stage {
	case site.StageBanner, site.StageDNS, site.StageConnect, site.StageTLS, "quit":
		return true
	}
	return strings.HasSuffix(row.ID, "-at-stage")
}

func codeMatches(pattern, code string) bool {
	if pattern == "" {
		return true
	}
	if len(pattern) != len(code) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != 'x' && pattern[i] != code[i] {
			return false
		}
	}
	return true
}

func enhancedMatches(pattern, enhanced string) bool {
	if class, ok := strings.CutSuffix(pattern, "x"); ok {
		return strings.HasPrefix(enhanced, class)
	}
	return pattern == "" || pattern == enhanced
}

// dialogue is the order in which a server hears of things, namedAt where it first hears what a setting holds: the account
// in the login (RFC 4954 section 4), the sender and then the recipient in the envelope (RFC 5321 section 3.3).
var (
	dialogue = []site.Stage{
		site.StageBanner, site.StageEHLO, site.StageSTARTTLS, site.StageAuth, site.StageMail, site.StageRcpt, site.StageData,
	}
	namedAt = map[string]site.Stage{
		"username": site.StageAuth, "password": site.StageAuth, "from_address": site.StageMail, "recipient": site.StageRcpt,
	}
)

// knownAt reports whether the server can mean by then what the row points at.
func (row *Row) knownAt(stage site.Stage) bool {
	named, ok := namedAt[row.Attribute]
	at := slices.Index(dialogue, stage)
	return !ok || at < 0 || at >= slices.Index(dialogue, named)
}
