package untrusted

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// shortest is the length below which a secret is not looked for: it would be found by chance, and what is left out
// would tell it.
const shortest = 4

// Redactor takes secrets out of text. Its zero value knows none. It is not for concurrent use.
type Redactor struct {
	// values are looked for as they are, and like hidden in what decodes.
	values, hidden []string
	// forms are the ways to write the values that can be looked for; nil until they are needed.
	forms []string
}

// Add has s redacted, in each form in which it may be repeated.
func (r *Redactor) Add(s secret.Text) {
	for _, value := range []string{s.Reveal(), Line(s.Reveal()), strings.ReplaceAll(s.Reveal(), " ", "")} {
		if value = strings.TrimSpace(value); len(value) >= shortest && !slices.Contains(r.values, value) {
			r.values, r.forms = append(r.values, value), nil
		}
	}
}

// AddEncoded has value redacted in base64 and in hexadecimal only.
func (r *Redactor) AddEncoded(value string) {
	if len(value) >= shortest {
		r.hidden = append(r.hidden, value)
	}
}

// Line returns text as one line, like the function of that name, without the secrets.
func (r *Redactor) Line(text string) string {
	// As it came: a secret may hold what is dropped, or continue an escape sequence that is dropped with its end.
	text = r.redact(text)
	// Without what is not shown, which may stand in the middle of a secret: single characters, then whole sequences.
	text = r.redactIn(text, bare(text))
	text = r.redact(Line(text))
	return r.redactIn(text, Line(bare(text)))
}

// Brief returns what [Redactor.Line] does, as at most limit characters.
func (r *Redactor) Brief(text string, limit int) string { return Shorten(r.Line(text), limit) }

// redactIn returns other redacted if that finds a secret, and else text.
func (r *Redactor) redactIn(text, other string) string {
	if redacted := r.redact(other); redacted != other {
		return redacted
	}
	return text
}

// bare is text without what is not printable or no character.
func bare(text string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// redact takes out of text what says a secret, as it stands or as it reads where it was encoded for a URL, a form or a page.
func (r *Redactor) redact(text string) string {
	found := r.find(text)
	for _, e := range encodings {
		if decoded, origins := e.decode(text); decoded != text {
			for _, f := range r.find(decoded) {
				found = append(found, span{origins[f.start].start, origins[f.end-1].end})
			}
		}
	}
	return replace(text, found, secret.Text{}.String())
}

// span is a part of a text.
type span struct{ start, end int }

// find returns where the secrets stand in text, in any of their forms. The spans may overlap.
func (r *Redactor) find(text string) []span {
	if r.forms == nil {
		r.forms = allForms(r.values)
	}
	var found []span
	for _, form := range r.forms {
		for from := 0; ; {
			at := strings.Index(text[from:], form)
			if at < 0 {
				break
			}
			found = append(found, span{from + at, from + at + len(form)})
			from += at + 1
		}
	}
	found = append(found, words(text, hexadecimal, r.inHex)...)
	return append(found, words(text, encoded, r.inBase64)...)
}

// words returns those that match and hold a secret.
func words(text string, match *regexp.Regexp, holds func(string) bool) []span {
	var found []span
	for _, at := range match.FindAllStringIndex(text, -1) {
		if holds(text[at[0]:at[1]]) {
			found = append(found, span{at[0], at[1]})
		}
	}
	return found
}

// replace puts something instead of spans, once for those that overlap.
func replace(text string, spans []span, instead string) string {
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	var out strings.Builder
	end := 0
	for _, s := range spans {
		if s.start >= end {
			out.WriteString(text[end:s.start] + instead)
		}
		end = max(end, s.end)
	}
	return out.String() + text[end:]
}

// allForms returns every form once that is not one of the encodings.
func allForms(values []string) []string {
	forms := []string{}
	for _, value := range values {
		quoted := strconv.Quote(value)
		ascii := strconv.QuoteToASCII(value)
		marshalled, _ := json.Marshal(value)
		forms = append(forms,
			value,
			quoted[1:len(quoted)-1],
			ascii[1:len(ascii)-1],
			strings.ReplaceAll(ascii[1:len(ascii)-1], "/", `\/`),
			string(marshalled[1:len(marshalled)-1]),
			inHTML.Replace(string(marshalled[1:len(marshalled)-1])),
			strings.ReplaceAll(value, "/", `\/`),
		)
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// inHTML undoes what only Go escapes in JSON.
var inHTML = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&")

// encoded and hexadecimal are words that may be an encoded secret.
var (
	encoded     = regexp.MustCompile(`[A-Za-z0-9+/_-]{5,}={0,2}`)
	hexadecimal = regexp.MustCompile(`[0-9A-Fa-f]{8,}`)
)

// standard turns the alphabet for addresses into the usual one (RFC 4648 sections 4 and 5).
var standard = strings.NewReplacer("-", "+", "_", "/", "=", "")

// inBase64 reports whether a word holds a secret, wherever in the word the encoding began.
func (r *Redactor) inBase64(word string) bool {
	word = standard.Replace(word)
	for start := range 4 {
		rest := word[min(start, len(word)):]
		if len(rest)%4 == 1 {
			rest = rest[:len(rest)-1]
		}
		if decoded, err := base64.RawStdEncoding.DecodeString(rest); err == nil && r.in(decoded) {
			return true
		}
	}
	return false
}

func (r *Redactor) inHex(word string) bool {
	for start := range 2 {
		rest := word[start:]
		if decoded, err := hex.DecodeString(rest[:len(rest)&^1]); err == nil && r.in(decoded) {
			return true
		}
	}
	return false
}

func (r *Redactor) in(decoded []byte) bool {
	text := string(decoded)
	holds := func(value string) bool { return strings.Contains(text, value) }
	return slices.ContainsFunc(r.values, holds) || slices.ContainsFunc(r.hidden, holds)
}
