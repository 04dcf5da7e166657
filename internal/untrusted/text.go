// Package untrusted makes text from outside fit to be shown: in one line of a terminal, a log or a page, and without the
// secrets of those who asked. Servers echo what they are sent, and people paste what they see.
package untrusted

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escapeSequence is that of a terminal (ECMA-48): control sequences, strings such as a window title or a link, and
// every other one.
var escapeSequence = regexp.MustCompile("(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]?" +
	"|(?:\x1b[\\]PX^_]|[\u009d\u0090\u0098\u009e\u009f])[^\x07\x1b\u009c]*(?:\x07|\x1b\\\\|\u009c)?" +
	"|\x1b.?")

// Lines returns text without escape sequences and without whatever else is not printable, which takes out characters that
// turn the direction of writing. Line feeds stay, other white space turns into spaces, and U+FFFD stands for what is not UTF-8.
func Lines(text string) string {
	text = escapeSequence.ReplaceAllString(strings.ToValidUTF8(text, string(unicode.ReplacementChar)), "")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return -1
	}, text)
}

// IsHidden reports whether a character takes no room, such as a joiner, a filler or one that turns the direction of writing (Unicode's
// property Default_Ignorable_Code_Point, the format characters, and the blank Braille pattern).
func IsHidden(r rune) bool {
	return r >= 0x80 && (r == 0x2800 || unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector))
}

// Line returns what [Lines] does as one line with single spaces.
func Line(text string) string { return strings.Join(strings.Fields(Lines(text)), " ") }

// Brief returns what [Line] does, as at most limit characters.
func Brief(text string, limit int) string { return Shorten(Line(text), limit) }

// Shorten returns at most limit characters of text, the last of which tells that there were more.
func Shorten(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:limit-1]), " ") + "…"
}
