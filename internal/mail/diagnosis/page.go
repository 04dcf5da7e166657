package diagnosis

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The columns of a page: labels end before gap, text fills the rest of a terminal of 80 columns beside Terraform's
// own two.
const (
	labelWidth = 12
	gap        = 2
	pageWidth  = 78
	textWidth  = pageWidth - labelWidth - gap
	// mostLines is how many lines of a quote are shown.
	mostLines = 10
	// longestWord is how long a word can be without being broken, so that an address can be copied.
	longestWord = 120
)

// page is a text of labelled sections with hanging indent.
type page struct {
	lines []string
}

// section adds a section; one without text is left out. Lines that begin with a space are to be copied, and stay as they are.
func (p *page) section(label, text string) {
	var lines []string
	prose := ""
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, " ") {
			lines = append(append(lines, wrap(prose)...), line)
			prose = ""
			continue
		}
		prose += " " + line
	}
	p.add(label, append(lines, wrap(prose)...))
}

// quote adds a section of what a server said, which ends after mostLines lines.
func (p *page) quote(label, text string) {
	lines := wrap(text)
	if len(lines) > mostLines {
		lines = append(lines[:mostLines-1], "…")
	}
	p.add(label, lines)
}

// link adds an address to the section before, in one piece however long it is.
func (p *page) link(url string) {
	if url != "" {
		p.add("", []string{url})
	}
}

func (p *page) add(label string, lines []string) {
	for _, line := range lines {
		indent := strings.Repeat(" ", labelWidth-len(label))
		p.lines = append(p.lines, indent+label+strings.Repeat(" ", gap)+line)
		label = ""
	}
}

// String returns the page, each line ended but the last.
func (p *page) String() string { return strings.Join(p.lines, "\n") }

// wrap breaks text between words, and within a word that no address is as long as.
func wrap(text string) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && width(line)+1+width(word) <= textWidth {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for line = word; utf8.RuneCountInString(line) > longestWord; {
			end := fitting(line)
			lines = append(lines, line[:end])
			line = line[end:]
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// fitting returns how many bytes of a word fill one line.
func fitting(word string) int {
	columns := 0
	for i, r := range word {
		if columns += runeWidth(r); columns > textWidth {
			return i
		}
	}
	return len(word)
}

func width(s string) int {
	columns := 0
	for _, r := range s {
		columns += runeWidth(r)
	}
	return columns
}

// runeWidth is how many columns a terminal gives a character: two for those of East Asia.
func runeWidth(r rune) int {
	if r < 0x1100 {
		return 1
	}
	if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFF60 {
		return 2
	}
	return 1
}
