package untrusted

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// span is a part of a text.
type span struct{ start, end int }

// reading is what a text says to one who leaves something out or decodes something. It was made of another reading by steps; the text
// itself was made of none.
type reading struct {
	text string
	of   *reading
	by   []step
}

// parts returns the parts of the text itself that spans of the reading come from.
func (v *reading) parts(spans []span) []span {
	if v.of == nil || len(spans) == 0 {
		return spans
	}
	origins := v.origins()
	for i, s := range spans {
		spans[i] = span{origins[s.start].start, origins[s.end-1].end}
	}
	return spans
}

// origins returns which part of the text itself each byte of the reading comes from. They are found by taking its steps once more:
// nobody asks for them but where there is a secret.
func (v *reading) origins() []span {
	if v.of == nil {
		all := make([]span, len(v.text))
		for i := range all {
			all[i] = span{i, i + 1}
		}
		return all
	}
	text, origins := v.of.text, v.of.origins()
	for _, next := range v.by {
		var moved []span
		text = rewrite(text, next, func(start, end, said int) {
			if said < 0 {
				moved = append(moved, origins[start:end]...)
				return
			}
			for range said {
				moved = append(moved, span{origins[start].start, origins[end-1].end})
			}
		})
		origins = moved
	}
	return origins
}

// step finds the next part of a text at or after from that says something else than it shows, and what it says. start is negative for
// none.
type step func(text string, from int) (start, end int, said string)

// The ways to leave out what is not shown. Where there are no escape sequences, all of them do the same.
var (
	shown          = []step{unprintable}
	withSequences  = []step{sequences, unprintable}
	brokenSequence = []step{zeroWidth, sequences, unprintable}
)

// further returns the readings that one more step leads to; none for a text that only says what it shows.
func (v *reading) further() []reading {
	var next []reading
	if !isPlain(v.text) {
		if start, _ := nextSequence(v.text, 0); start >= 0 {
			next = append(next, v.taking(withSequences), v.taking(brokenSequence))
		}
		next = append(next, v.taking(shown))
	}
	for _, e := range escapings {
		if strings.IndexByte(v.text, e.mark) >= 0 {
			next = append(next, v.taking(e.by))
		}
	}
	return next
}

func (v *reading) taking(by []step) reading {
	text := v.text
	for _, next := range by {
		text = rewrite(text, next, func(int, int, int) {})
	}
	return reading{text, v, by}
}

// isPlain reports whether text is nothing but printable ASCII with single spaces.
func isPlain(text string) bool {
	space := false
	for i := range len(text) {
		b := text[i]
		if b < ' ' || b > '~' || b == ' ' && space {
			return false
		}
		space = b == ' '
	}
	return true
}

// sequences leaves out escape sequences.
func sequences(text string, from int) (start, end int, said string) {
	start, end = nextSequence(text, from)
	return start, end, ""
}

// zeroWidth leaves out what takes no room, besides that which begins or ends an escape sequence.
func zeroWidth(text string, from int) (start, end int, said string) {
	for i, r := range text[from:] {
		if r > '\x1a' && r < '\x7f' {
			continue
		}
		if r <= '\x06' || r >= '\x0e' && r <= '\x1a' || r == '\x7f' || IsHidden(r) {
			return from + i, from + i + utf8.RuneLen(r), ""
		}
	}
	return -1, -1, ""
}

// unprintable leaves out what is not printable or no character, and makes one space of white space.
func unprintable(text string, from int) (start, end int, said string) {
	for i := from; i < len(text); {
		if b := text[i]; b > ' ' && b <= '~' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case unicode.IsSpace(r):
			end := i + len(text[i:]) - len(strings.TrimLeftFunc(text[i:], unicode.IsSpace))
			if text[i:end] != " " {
				return i, end, " "
			}
		case r == utf8.RuneError || !unicode.IsPrint(r) || IsHidden(r):
			return i, i + size, ""
		}
		i += size
	}
	return -1, -1, ""
}

// rewrite returns text with each part that a step finds replaced by what it says. wrote hears of each part from start to end: how many
// bytes became of it, or a negative number where it stayed as it was.
func rewrite(text string, next step, wrote func(start, end, said int)) string {
	start, end, said := next(text, 0)
	if start < 0 {
		wrote(0, len(text), -1)
		return text
	}
	var out strings.Builder
	out.Grow(len(text))
	from := 0
	for ; start >= 0; start, end, said = next(text, end) {
		wrote(from, start, -1)
		wrote(start, end, len(said))
		out.WriteString(text[from:start])
		out.WriteString(said)
		from = end
	}
	wrote(from, len(text), -1)
	out.WriteString(text[from:])
	return out.String()
}
