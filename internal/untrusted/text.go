package diagnosis

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape is a terminal's escape sequence (ECMA-48): control sequences, strings such as a window title or a link, and
// every other one.
var escape = regexp.MustCompile("(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]?" +
	"|(?:\x1b[\\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\x07\x1b\u009c]*(?:\x07|\x1b\\\\|\u009c)?" +
	"|\x1b.?")

// plain makes text from outside fit for one line of a terminal, a log or a page: no escape sequences, nothing that is
// not printable (which takes out characters that turn the direction of writing), single spaces.
func plain(text string) string {
	text = escape.ReplaceAllString(strings.ToValidUTF8(text, "\uFFFD"), "")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// clean is plain text of at most limit characters, one of which tells that there was more.
func clean(text string, limit int) string {
	return shorten(plain(text), limit)
}

func shorten(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:limit-1]), " ") + "…"
}
