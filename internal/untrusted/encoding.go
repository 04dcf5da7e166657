package untrusted

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escaping is a way to write some characters as others. Which ones it takes is up to whoever writes, so that a text can only be
// compared decoded.
type escaping struct {
	// mark is in each text with something escaped.
	mark byte
	by   []step
}

// escapings are those of URLs (RFC 3986 section 2.1), of forms, which also write spaces as plus signs, of HTML, and of strings in
// JSON, Go, C, PHP and JavaScript; of the last, \xE4 may be a byte or a character.
var escapings = []escaping{
	{'%', []step{percents}},
	{'+', []step{formEscapes}},
	{'&', []step{entities}},
	{'\\', []step{func(text string, from int) (int, int, string) {
		return backslashes(text, from, func(b byte) string { return string([]byte{b}) })
	}}},
	{'\\', []step{func(text string, from int) (int, int, string) {
		return backslashes(text, from, func(b byte) string { return string(rune(b)) })
	}}},
}

func percents(text string, from int) (start, end int, said string) {
	for i := from; i < len(text); i++ {
		if text[i] == '%' && digits(text[i+1:], 16, 2) == 2 {
			return i, i + 3, string([]byte{octet(text[i+1:i+3], 16)})
		}
	}
	return -1, -1, ""
}

func formEscapes(text string, from int) (start, end int, said string) {
	plus := from + strings.IndexByte(text[from:], '+')
	if plus < from {
		return percents(text, from)
	}
	if start, end, said = percents(text[:plus], from); start < 0 {
		return plus, plus + 1, " "
	}
	return start, end, said
}

func entities(text string, from int) (start, end int, said string) {
	for i := from; i < len(text); i++ {
		if text[i] != '&' {
			continue
		}
		name := i + 1
		if at(text, name) == '#' {
			name++
		}
		end := name
		for isAlphanumeric(at(text, end)) {
			end++
		}
		if end == name {
			continue
		}
		if at(text, end) == ';' {
			end++
		}
		return i, end, html.UnescapeString(text[i:end])
	}
	return -1, -1, ""
}

func isAlphanumeric(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// backslashes finds the next escape that begins with a backslash; single says what a number below 256 is.
func backslashes(text string, from int, single func(byte) string) (start, end int, said string) {
	for i := from; ; i++ {
		next := strings.IndexByte(text[i:], '\\')
		if next < 0 {
			return -1, -1, ""
		}
		i += next
		if length, said := unescape(text[i+1:], single); length > 0 {
			return i, i + 1 + length, said
		}
	}
}

// controls are what single letters stand for after a backslash.
var controls = map[byte]string{
	'a': "\a", 'b': "\b", 'e': "\x1b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '"': `"`, '\'': "'", '\\': `\`, '/': "/",
}

// unescape returns how long an escape is behind its backslash and what it stands for; 0 for none.
func unescape(text string, single func(byte) string) (length int, said string) {
	kind := at(text, 0)
	if said, ok := controls[kind]; ok {
		return 1, said
	}
	switch {
	case kind >= '0' && kind <= '7':
		n := digits(text, 8, 3)
		return n, single(octet(text[:n], 8))
	case kind == 'x' && digits(text[1:], 16, 2) == 2:
		return 3, single(octet(text[1:3], 16))
	case kind == 'U' && digits(text[1:], 16, 8) == 8:
		return 9, string(number(text[1:9], 16))
	case kind == 'u' && at(text, 1) == '{':
		if n := digits(text[2:], 16, 6); n > 0 && at(text, 2+n) == '}' {
			return n + 3, string(number(text[2:2+n], 16))
		}
	case kind == 'u' && digits(text[1:], 16, 4) == 4:
		first := number(text[1:5], 16)
		if rest := text[5:]; strings.HasPrefix(rest, `\u`) && digits(rest[2:], 16, 4) == 4 { // two halves of a character (RFC 8259 section 7)
			if r := utf16.DecodeRune(first, number(rest[2:6], 16)); r != utf8.RuneError {
				return 11, string(r)
			}
		}
		return 5, string(first)
	}
	return 0, ""
}

// digits returns how many digits of base 8 or 16 text begins with, at most so many.
func digits(text string, base, most int) int {
	n := 0
	for n < most && n < len(text) && isDigit(text[n], base) {
		n++
	}
	return n
}

func isDigit(b byte, base int) bool {
	if base == 8 {
		return b >= '0' && b <= '7'
	}
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}

// octet returns what digits are, as far as a byte goes.
func octet(digits string, base int) byte { return byte(number(digits, base) & 0xFF) }

// number returns what digits are, and what is no character for those of none.
func number(digits string, base int) rune {
	n, _ := strconv.ParseUint(digits, base, 32)
	return rune(min(n, utf8.MaxRune+1))
}

// wordEncoding is a way to write bytes as one word.
type wordEncoding struct {
	// shortest is how many characters a word has at least that is looked at.
	shortest int
	// alignments is at how many places the encoding may have begun, for it is not known what stands before.
	alignments int
	// bits is how many each character stands for, and values which; absent marks those that are not in words.
	bits   uint
	values [256]byte
}

const absent = 0xFF

// wordEncodings are hexadecimal, base64 and base32 (RFC 4648), with the alphabet for URLs and lower case too.
var wordEncodings = []wordEncoding{
	encodingOf(8, 4, 2, "0123456789abcdef", "0123456789ABCDEF"),
	encodingOf(6, 6, 4, base64Letters+"+/", base64Letters+"-_"),
	encodingOf(7, 5, 8, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
	encodingOf(7, 5, 8, "abcdefghijklmnopqrstuvwxyz234567"),
}

const base64Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func encodingOf(shortest int, bits uint, alignments int, alphabets ...string) wordEncoding {
	e := wordEncoding{shortest: shortest, bits: bits, alignments: alignments}
	for i := range e.values {
		e.values[i] = absent
	}
	for _, alphabet := range alphabets {
		for value := range len(alphabet) {
			e.values[alphabet[value]] = byte(value)
		}
	}
	return e
}

// token is the encoding whose alphabet contains those of the others.
var token = &wordEncodings[1]

// nextWord returns where the next word of the encoding stands; start is negative for none.
func (e *wordEncoding) nextWord(text string, from int) (start, end int) {
	for i := from; i < len(text); i++ {
		start := i
		for i < len(text) && e.values[text[i]] != absent {
			i++
		}
		if i-start >= e.shortest {
			return start, i
		}
	}
	return -1, -1
}

// decode appends what a word says that is encoded from its first character on, as far as it can be decoded.
func (e *wordEncoding) decode(decoded []byte, word string) []byte {
	var buffer uint32
	var held uint
	for i := range len(word) {
		buffer, held = buffer<<e.bits|uint32(e.values[word[i]]), held+e.bits
		if held >= 8 {
			held -= 8
			decoded = append(decoded, byte(buffer>>held&0xFF))
		}
	}
	return decoded
}

// padded returns where a word ends with the padding that follows on it.
func padded(text string, end int) int {
	return len(text) - len(strings.TrimLeft(text[end:], "="))
}

// isText reports whether something decoded may be encoded once more: chance looks otherwise.
func isText(decoded []byte) bool {
	for _, b := range decoded {
		if b < ' ' && b != 0 && b != '\t' && b != '\r' && b != '\n' {
			return false
		}
	}
	return utf8.Valid(decoded)
}
