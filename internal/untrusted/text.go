// Package untrusted makes text from outside fit to be shown: in one line of a terminal, a log or a page, and without the
// secrets of those who asked. Servers echo what they are sent, and people paste what they see.
package untrusted

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Lines returns text without escape sequences and without whatever else is not printable, which takes out characters that
// turn the direction of writing. Line feeds stay, other white space turns into spaces, and U+FFFD stands for what is not UTF-8.
func Lines(text string) string {
	text = withoutSequences(strings.ToValidUTF8(text, string(unicode.ReplacementChar)))
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

func withoutSequences(text string) string {
	start, end := nextSequence(text, 0)
	if start < 0 {
		return text
	}
	var out strings.Builder
	from := 0
	for ; start >= 0; start, end = nextSequence(text, end) {
		out.WriteString(text[from:start])
		from = end
	}
	return out.String() + text[from:]
}

// nextSequence returns where the next escape sequence of a terminal (ECMA-48) stands: a control sequence, a string such as a
// window title or a link, or any other one. start is negative for none.
func nextSequence(text string, from int) (start, end int) {
	for i := from; i < len(text); i++ {
		// U+0080 to U+009F are 0xC2 and the byte of that number.
		switch b := text[i]; {
		case b == '\x1b':
			return i, sequenceEnd(text, i+1, at(text, i+1)-'@'+0x80)
		case b == 0xC2 && isIntroducer(at(text, i+1)):
			return i, sequenceEnd(text, i+1, text[i+1])
		}
	}
	return -1, -1
}

// at returns a byte of text, and behind its end one that begins nothing.
func at(text string, i int) byte {
	if i < len(text) {
		return text[i]
	}
	return 0
}

// The control characters that begin a control sequence, and the one that ends a string.
const (
	csi = 0x9B
	st  = 0x9C
)

// isIntroducer reports whether U+0080 to U+009F of that number begins a control sequence or a string.
func isIntroducer(number byte) bool {
	return number == csi || number == 0x90 || number == 0x98 || number >= 0x9D && number <= 0x9F
}

// sequenceEnd returns where the sequence ends that is introduced by the control character of that number, whose last byte is at i.
func sequenceEnd(text string, i int, introducer byte) int {
	switch {
	case introducer == csi:
		i = behind(text, i+1, '0', '?')
		i = behind(text, i, ' ', '/')
		if at(text, i) >= '@' && text[i] <= '~' {
			i++
		}
		return i
	case isIntroducer(introducer):
		for i++; i < len(text); i++ {
			switch {
			case text[i] == '\a':
				return i + 1
			case text[i] == '\x1b' && at(text, i+1) == '\\', text[i] == 0xC2 && at(text, i+1) == st:
				return i + 2
			case text[i] == '\x1b':
				return i
			}
		}
		return i
	case i < len(text) && text[i] != '\n':
		_, size := utf8.DecodeRuneInString(text[i:])
		return i + size
	}
	return i
}

// behind returns where bytes from low to high end that begin at i.
func behind(text string, i int, low, high byte) int {
	for at(text, i) >= low && at(text, i) <= high {
		i++
	}
	return i
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
