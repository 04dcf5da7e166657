package submit

import (
	"regexp"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// maxText is what is kept of one text of the server, in characters.
const maxText = 2 << 10

var (
	// leadingCode is an enhanced status code where RFC 2034 section 4 puts it; taggedCode is one marked otherwise, as
	// in "authentication failed (#5.7.1)". Neither takes an IP address or a version for one.
	leadingCode = regexp.MustCompile(`^([245]\.\d{1,3}\.\d{1,3})(?:[\s:;,]+|$)`)
	taggedCode  = regexp.MustCompile(`[(\[#]([245]\.\d{1,3}\.\d{1,3})(?:[\s:;,)\]]|$)`)
)

// reply makes the server's reply fit to be kept: its enhanced code found, its lines joined, its text clean and capped.
func (a *attempt) reply(code int, text string) *site.Reply {
	enhanced, text := splitReply(untrusted.Lines(a.redactor.redact(text)))
	return &site.Reply{Code: code, EnhancedCode: enhanced, Text: a.redactor.line(text, maxText)}
}

// splitReply takes the enhanced code off every line of text. Without one in its place it looks for a marked one and
// leaves that in the text. Its class need not be that of the reply code: Microsoft says "451 5.7.3 STARTTLS is required".
func splitReply(text string) (enhanced, rest string) {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		m := leadingCode.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if enhanced == "" {
			enhanced = m[1]
		}
		lines[i] = line[len(m[0]):]
	}
	rest = strings.Join(lines, "\n")
	if m := taggedCode.FindStringSubmatch(rest); enhanced == "" && m != nil {
		enhanced = m[1]
	}
	return enhanced, rest
}

// line gives s as one line of at most limit characters, without the secrets.
func (r redactor) line(s string, limit int) string {
	// Again: what was dropped may have stood in the middle of a secret.
	return untrusted.Shorten(r.redact(untrusted.Line(r.redact(s))), limit)
}
