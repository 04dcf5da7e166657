package untrusted

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escaping is a way to write some characters as others. Which ones it takes is up to whoever writes, so that a text can only be
// compared decoded.
type escaping struct {
	// mark is in each text with something escaped, and escapes match that.
	mark    string
	escapes *regexp.Regexp
	// plain gives what an escape stands for.
	plain func(string) string
}

// escapings are those of URLs (RFC 3986 section 2.1), of forms, which also write spaces as plus signs, of HTML, and of strings in
// JSON, Go, C, PHP and JavaScript; of the last, \xE4 may be a byte or a character.
var escapings = []escaping{
	{"%", regexp.MustCompile(`%[0-9A-Fa-f]{2}`), func(escape string) string { return or(url.PathUnescape(escape)) }},
	{"+", regexp.MustCompile(`%[0-9A-Fa-f]{2}|\+`), func(escape string) string { return or(url.QueryUnescape(escape)) }},
	{"&", regexp.MustCompile(`&#?[0-9A-Za-z]+;?`), html.UnescapeString},
	{`\`, backslash, func(escape string) string { return unescape(escape, func(b byte) string { return string([]byte{b}) }) }},
	{`\`, backslash, func(escape string) string { return unescape(escape, func(b byte) string { return string(rune(b)) }) }},
}

// or returns text: what an expression of escapes matches is well-formed.
func or(text string, _ error) string { return text }

var backslash = regexp.MustCompile(`\\(?:u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|u\{[0-9A-Fa-f]{1,6}\}|` +
	`x[0-9A-Fa-f]{2}|[0-7]{1,3}|[abefnrtv"'\\/])`)

// controls are what single letters stand for after a backslash; every other character stands for itself.
var controls = strings.NewReplacer("a", "\a", "b", "\b", "e", "\x1b", "f", "\f", "n", "\n", "r", "\r", "t", "\t", "v", "\v")

// unescape returns what an escape stands for that begins with a backslash; single says what a number below 256 is.
func unescape(escape string, single func(byte) string) string {
	kind, digits := escape[1], strings.Trim(escape[2:], "{}")
	number := func(digits string, base int) rune {
		n, _ := strconv.ParseUint(digits, base, 32)
		return rune(min(n, utf8.MaxRune+1))
	}
	switch {
	case len(escape) == 12: // two halves of a character (RFC 8259 section 7)
		return string(utf16.DecodeRune(number(escape[2:6], 16), number(escape[8:], 16)))
	case kind == 'u', kind == 'U':
		return string(number(digits, 16))
	case kind == 'x':
		return single(byte(number(digits, 16) & 0xFF))
	case kind >= '0' && kind <= '7':
		return single(byte(number(escape[1:], 8) & 0xFF))
	}
	return controls.Replace(escape[1:])
}

// wordEncoding is a way to write bytes as one word.
type wordEncoding struct {
	words *regexp.Regexp
	// alignments is at how many places the encoding may have begun, for it is not known what stands before.
	alignments int
	// decode returns what a word says that is encoded from its first character on, as far as it can be decoded.
	decode func(word string) string
}

// wordEncodings are hexadecimal, base64 and base32 (RFC 4648), with the alphabet for URLs and lower case too.
var wordEncodings = []wordEncoding{
	{regexp.MustCompile(`[0-9A-Fa-f]{8,}`), 2, func(word string) string {
		decoded, _ := hex.DecodeString(word)
		return string(decoded)
	}},
	{regexp.MustCompile(`[A-Za-z0-9+/_-]{5,}`), 4, func(word string) string {
		decoded, _ := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(word))
		return string(decoded)
	}},
	{regexp.MustCompile(`[A-Z2-7]{7,}|[a-z2-7]{7,}`), 8, func(word string) string {
		decoded, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(word))
		return string(decoded)
	}},
}

// mostEncodings is how many encodings around a secret are seen through.
const mostEncodings = 3

// wordsThat returns the words of text which say something, decoded once, that holds agrees to.
func wordsThat(holds func(decoded string, depth int) bool, text string) []span {
	var found []span
	for _, e := range wordEncodings {
		for _, at := range e.words.FindAllStringIndex(text, -1) {
			word := text[at[0]:at[1]]
			for start := range min(e.alignments, len(word)) {
				if holds(e.decode(word[start:]), 1) {
					found = append(found, span{at[0], padded(text, at[1])})
					break
				}
			}
		}
	}
	return found
}

// padded returns where a word ends with the padding that follows on it.
func padded(text string, end int) int {
	return len(text) - len(strings.TrimLeft(text[end:], "="))
}

// isText reports whether something decoded may be encoded once more: chance looks otherwise.
func isText(decoded string) bool {
	return utf8.ValidString(decoded) && !strings.ContainsFunc(decoded, func(r rune) bool { return r < ' ' && !strings.ContainsRune("\x00\t\r\n", r) })
}
