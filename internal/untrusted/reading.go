package untrusted

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// span is a part of a text.
type span struct{ start, end int }

// reading is what a text says to one who leaves something out or decodes something, and which part of the text each byte of that
// comes from; origins are nil for the text itself.
type reading struct {
	text    string
	origins []span
}

// parts returns the parts of the text itself that spans of the reading come from.
func (v reading) parts(spans []span) []span {
	if v.origins == nil {
		return spans
	}
	for i, s := range spans {
		spans[i] = span{v.origins[s.start].start, v.origins[s.end-1].end}
	}
	return spans
}

// mostReadings bounds how many readings of one text are looked through.
const mostReadings = 16

// readings returns the text itself and what else it may say: without what is not shown, and decoded, in each order.
func readings(text string) []reading {
	all := []reading{{text: text}}
	for i := 0; i < len(all) && len(all) < mostReadings; i++ {
		for _, next := range all[i].further() {
			if next.text != "" && !slices.ContainsFunc(all, func(known reading) bool { return known.text == next.text }) {
				all = append(all, next)
			}
		}
	}
	return all
}

// further returns the readings that one more step leads to.
func (v reading) further() []reading {
	next := []reading{
		v.without(escapeSequence).visible(),
		v.without(zeroWidth).without(escapeSequence).visible(),
		v.visible(),
	}
	for _, e := range escapings {
		if strings.Contains(v.text, e.mark) {
			next = append(next, v.rewrite(e.escapes, e.plain))
		}
	}
	return next
}

// ignorable are characters that are not shown although they are printable: joiners, variation selectors and fillers (Unicode's
// property Default_Ignorable_Code_Point).
const ignorable = `\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{E0100}-\x{E01EF}`

// zeroWidth is what takes no room, besides that which begins or ends an escape sequence.
var zeroWidth = regexp.MustCompile(`[\x00-\x06\x0e-\x1a\x7f\p{Cf}` + ignorable + `]+`)

func (v reading) without(what *regexp.Regexp) reading {
	return v.rewrite(what, func(string) string { return "" })
}

// visible leaves out what is not printable or no character, and makes one space of white space.
func (v reading) visible() reading {
	return v.rewrite(unprintable, func(part string) string {
		r, size := utf8.DecodeRuneInString(part)
		if unicode.IsSpace(r) && size > 0 {
			return " "
		}
		return ""
	})
}

// unprintable is white space, or one other character that may not be printable.
var unprintable = regexp.MustCompile(`[\s\x{85}\p{Z}]+|[\p{C}\x{FFFD}` + ignorable + `]`)

// rewrite returns the reading with each match of what replaced.
func (v reading) rewrite(what *regexp.Regexp, by func(string) string) reading {
	matches := what.FindAllStringIndex(v.text, -1)
	if matches == nil {
		return v
	}
	var out strings.Builder
	origins := make([]span, 0, len(v.text))
	end := 0
	verbatim := func(to int) {
		for i := end; i < to; i++ {
			origins = append(origins, v.part(i, i+1))
		}
		out.WriteString(v.text[end:to])
	}
	for _, at := range matches {
		verbatim(at[0])
		end = at[1]
		said := by(v.text[at[0]:end])
		for range len(said) {
			origins = append(origins, v.part(at[0], end))
		}
		out.WriteString(said)
	}
	verbatim(len(v.text))
	return reading{out.String(), origins}
}

func (v reading) part(start, end int) span {
	if v.origins == nil {
		return span{start, end}
	}
	return span{v.origins[start].start, v.origins[end-1].end}
}
