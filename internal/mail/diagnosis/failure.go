package diagnosis

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// longest is how many bytes of a text are matched. What a server has to say stands at the beginning (RFC 5321 section
// 4.5.3.1.5 allows 512 octets a line); the bound keeps an endless reply from costing time.
const longest = 1024

// failure is a failed test in the form in which rows are matched: a reply, or an error without one, and the facts.
type failure struct {
	stage site.Stage
	// code is three digits, empty for an error.
	code     string
	enhanced string
	text     string
	// lower is text in lower case; words is the same as plain words, each with a space before and behind it.
	lower, words string
	// preset is the id of the service that the host belongs to, "" when there is none.
	preset string
	facts  facts
}

// facts is what is known of a test beside the words of the failure, by the names that the table uses.
type facts map[string]bool

// The facts that rows ask for. After a login means that the server accepted it and then refused something else.
const (
	afterLogin   = "after-login"
	withoutLogin = "without-login"
	oauth2       = "oauth2"
)

// factsOf gathers what settings and stages tell.
func factsOf(r site.TestResult, s site.Settings) facts {
	passed := func(stage site.Stage) bool {
		return slices.ContainsFunc(r.Stages, func(t site.StageTime) bool { return t.Stage == stage })
	}
	known := slices.Index(dialogue, r.Stage) > slices.Index(dialogue, site.StageAuth)
	return facts{
		afterLogin:   passed(site.StageAuth) || known && s.Username != "",
		withoutLogin: s.Username == "",
		oauth2:       s.Grant != "" || passed(site.StageToken),
	}
}

// observe brings what a test saw into the form to match.
func observe(r site.TestResult, s site.Settings, preset string) failure {
	f := failure{stage: r.Stage, preset: preset, facts: factsOf(r, s)}
	reply := r.Reply
	if reply == nil {
		f.text = errorText(r.Error)
		if f.stage == "" {
			f.stage = stageOfError(f.text)
		}
		if f.stage != site.StageToken { // its codes are those of HTTP
			reply = quotedReply(f.text)
		}
	}
	if reply != nil {
		f.code = fmt.Sprintf("%03d", reply.Code)
		f.enhanced, f.text = replyText(*reply)
	}
	f.lower = strings.ToLower(f.text)
	f.words = reason(plainWords(f.lower, strings.ToLower(s.FromAddress), strings.ToLower(r.Recipient)))
	if f.stage == "" && f.code != "" {
		f.stage = stageOfReply(f.code, f.words)
	}
	return f
}

var (
	// lineStart is what precedes the words on each line of a reply.
	lineStart = regexp.MustCompile(`(?m)^\s*(?:\d{3}[ -])?\s*`)
	// replyInError is a reply that a client put into its own words. No port number is such a code.
	replyInError = regexp.MustCompile(`(?:^|[\s:("'])((?:4[2-5]|5[0235])\d)[ -](.*)$`)
)

// replyText returns the words of a reply on one line, and its enhanced code, which servers write in more places than
// clients look for it.
func replyText(r site.Reply) (enhanced, text string) {
	found, text := site.SplitEnhancedCode(lineStart.ReplaceAllString(r.Text[:min(len(r.Text), longest)], ""))
	if enhanced = strings.TrimSpace(r.EnhancedCode); enhanced == "0.0.0" || enhanced == "" {
		enhanced = found
	}
	// Lines that were joined leave their enhanced codes between the words.
	words := slices.DeleteFunc(strings.Fields(text), func(word string) bool { return word == enhanced })
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

// quotedReply returns the reply within an error: platforms that tell no stage have it in their one line of text.
func quotedReply(err string) *site.Reply {
	parts := replyInError.FindStringSubmatch(err)
	if parts == nil || stageOfError(err) != "" {
		return nil
	}
	code, _ := strconv.Atoi(parts[1]) // three digits
	return &site.Reply{Code: code, Text: parts[2]}
}

// stageOfError tells the stage of an error from a site that does not say it, as far as the words leave no doubt.
func stageOfError(err string) site.Stage {
	for _, known := range []struct {
		stage site.Stage
		words []string
	}{
		{site.StageDNS, []string{"lookup ", "no such host", "getaddrinfo", "name resolution"}},
		{site.StageTLS, []string{"x509: ", "tls: ", "certificate verify failed", "self signed certificate", "self-signed certificate"}},
		{site.StageConnect, []string{"dial tcp", "connect econnrefused", "connect etimedout", "could not connect to smtp host", "failed to connect to server"}},
		{site.StageAuth, []string{"could not authenticate", "invalid login", "doesn't support auth", "unencrypted connection"}},
	} {
		lower := strings.ToLower(err)
		if slices.ContainsFunc(known.words, func(words string) bool { return strings.Contains(lower, words) }) {
			return known.stage
		}
	}
	return ""
}

// senderWords say that a server speaks of the sender, whatever its code.
var senderWords = phrasesOf("sender*|envelope*|from address|mail from")

// stageOfReply is the stage of the codes that answer a login only (RFC 4954 section 6), unless a server uses them for
// a sender.
func stageOfReply(code, words string) site.Stage {
	if slices.Contains([]string{"432", "534", "535", "538"}, code) && !senderWords.in(words) {
		return site.StageAuth
	}
	return ""
}

// What an address in a text is replaced by: its owner, where it is one of the test's.
const (
	aSender    = "fromaddress"
	aRecipient = "rcptaddress"
	anAddress  = "mailaddress"
	anIP       = "ipaddress"
)

// plainWords returns a text in lower case as words between single spaces, so that a phrase can be looked for whatever
// stands between its words. Links are left out, for the words in them say little.
func plainWords(lower, from, recipient string) string {
	var b strings.Builder
	b.WriteByte(' ')
	for piece := range strings.FieldsFuncSeq(lower, betweenPieces) {
		if strings.Contains(piece, "://") {
			continue
		}
		if word := plainWord(strings.Trim(piece, ".:!?"), from, recipient); word != "" {
			b.WriteString(word)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// reason returns the reason of a refusal by a policy. Before it, Postfix names the address that it asked the policy about, the
// recipient's as a rule, whatever the reason is (SMTPD_POLICY_README); where it gives none, the recipient is refused (access(5)).
func reason(words string) string {
	if _, why, found := strings.Cut(words, " recipient address rejected "); found && why != "" && !strings.HasPrefix(why, "access denied") {
		return " " + why
	}
	return words
}

func betweenPieces(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("<>()[]{}\"'`’,;=|", r)
}

func plainWord(piece, from, recipient string) string {
	switch {
	case strings.Contains(piece, "@"):
		switch piece {
		case from:
			return aSender
		case recipient:
			return aRecipient
		}
		return anAddress
	case strings.ContainsAny(piece, ".:"):
		if _, err := netip.ParseAddr(strings.TrimPrefix(piece, "ipv6:")); err == nil {
			return anIP
		}
	}
	return strings.Join(strings.FieldsFunc(piece, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), " ")
}

// dialogue is the order in which a server hears of things, namedAt where it first hears what a setting holds: the account
// in the login (RFC 4954 section 4), the sender and then the recipient in the envelope (RFC 5321 section 3.3).
var (
	dialogue = []site.Stage{
		site.StageBanner, site.StageEHLO, site.StageSTARTTLS, site.StageAuth, site.StageMail, site.StageRcpt, site.StageData,
	}
	namedAt = map[string]site.Stage{
		"helo_name": site.StageEHLO, "username": site.StageAuth, "password": site.StageAuth,
		"from_address": site.StageMail, "from_name": site.StageData, "recipient": site.StageRcpt,
	}
)

// knownAt reports whether the server can mean at this stage what the row points at: nothing before it is named, and no
// password once the login has passed.
func (row *Row) knownAt(stage site.Stage) bool {
	at := slices.Index(dialogue, stage)
	if at < 0 {
		return true
	}
	named, ok := namedAt[row.Attribute]
	if row.Attribute == "password" {
		return stage == named
	}
	return !ok || at >= slices.Index(dialogue, named)
}
