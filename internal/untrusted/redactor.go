package untrusted

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

const (
	// shortest is the length (bytes) below which a secret is not looked for: it would be found by chance, and what is left
	// out would tell it.
	shortest = 4
	// mostSecrets is how many secrets a Redactor remembers: far more than the requests in flight send at a time.
	mostSecrets = 64
	// longestText is how large (bytes) a text is that is looked through; a larger one is not shown.
	longestText = 64 << 10
	// mostPasses bounds how often what is left is looked through again.
	mostPasses = 4
	// A text that says too many things to look through is not shown either: a hostile one would take minutes. What is looked at
	// in all its readings and decodings is bounded by this many bytes, and this many for each byte of the text.
	leastLooked, lookedPerByte = 128 << 10, 24
)

// Redactor takes secrets out of text, in each way to write them that [SECURITY.md] promises: as they are; with characters in
// between that are not shown; with characters escaped as in URLs, forms, HTML, JSON or C; in base64, base32 or hexadecimal; and
// in up to three of these at once. Its zero value knows no secret. It is safe for concurrent use.
//
// [SECURITY.md]: https://github.com/sitemail/terraform-provider-smtp/blob/main/SECURITY.md
type Redactor struct {
	mu sync.Mutex
	// secrets are those to look for, the latest last.
	secrets []secret.Text
	// hidden are looked for only in what decodes.
	hidden []string
	// kept match what is not looked into.
	kept []*regexp.Regexp
	// values are the spellings of the secrets; nil until they are needed.
	values []string
	// left is how many bytes of the present text may yet be looked at, in whatever reading.
	left int
}

// Add has secrets redacted from here on. It forgets the oldest ones where there are too many.
func (r *Redactor) Add(secrets ...secret.Text) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		first, second := s.Split()
		r.add(first)
		r.add(second)
	}
	r.secrets = latest(r.secrets)
}

// add is Add for one secret, for who holds the lock.
func (r *Redactor) add(s secret.Text) {
	if s.IsEmpty() {
		return
	}
	if known := slices.IndexFunc(r.secrets, s.Equal); known >= 0 {
		r.secrets = slices.Delete(r.secrets, known, known+1)
	}
	r.secrets, r.values = append(r.secrets, s), nil
}

// AddEncoded has value redacted in base64, base32 and hexadecimal only.
func (r *Redactor) AddEncoded(value string) {
	if len(value) < shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hidden = latest(append(r.hidden, value))
}

// Keep leaves text alone wherever it stands, in whatever case. It is for what the reader of the result supplied: whether there is a
// secret in it would tell the reader whether a guess is right.
func (r *Redactor) Keep(text string) {
	if len(text) < shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kept = latest(append(r.kept, regexp.MustCompile("(?i)"+regexp.QuoteMeta(text))))
}

func latest[T any](all []T) []T { return slices.Delete(all, 0, max(0, len(all)-mostSecrets)) }

// Line returns text as one line, like the function of that name, without the secrets.
func (r *Redactor) Line(text string) string {
	return strings.Join(strings.Fields(r.Lines(text)), " ")
}

// Brief returns what [Redactor.Line] does, as at most limit characters.
func (r *Redactor) Brief(text string, limit int) string { return Shorten(r.Line(text), limit) }

// Lines returns what the function of that name does, without the secrets.
func (r *Redactor) Lines(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, _ = r.redact(text)
	return text
}

// Exact returns text as it is when there is no secret in it, and else what [Redactor.Line] does: for values that are compared.
func (r *Redactor) Exact(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if shown, redacted := r.redact(text); redacted {
		return Line(shown)
	}
	return text
}

// Error returns err with a text that is fit to be shown, of at most limit characters: errors of others quote what a server sent.
func (r *Redactor) Error(err error, limit int) error {
	return shownError{err, r.Brief(err.Error(), limit)}
}

type shownError struct {
	error
	text string
}

func (e shownError) Error() string { return e.text }

func (e shownError) Unwrap() error { return e.error }

// redact returns text as [Lines] does, without secrets, and reports whether there were any. It is for who holds the lock.
func (r *Redactor) redact(text string) (shown string, redacted bool) {
	switch {
	case text == "":
		return "", false
	case len(text) > longestText:
		return fmt.Sprintf("(%d bytes left out)", len(text)), true
	case len(r.secrets) == 0 && len(r.hidden) == 0:
		return Lines(text), false
	}
	r.left = leastLooked + lookedPerByte*len(text)
	for range mostPasses {
		found := r.find(text)
		if r.left < 0 {
			return fmt.Sprintf("(%d bytes left out)", len(text)), true
		}
		if len(found) == 0 {
			return Lines(text), redacted
		}
		// What is taken out may have been the end of an escape sequence, or have held a secret apart: look again.
		text, redacted = replace(text, found), true
	}
	return placeholder, true
}

// placeholder stands for a secret.
var placeholder = secret.Text{}.String()

// find returns the parts of text that say a secret. They may overlap.
func (r *Redactor) find(text string) []span {
	var found []span
	for _, reading := range readings(text) {
		found = append(found, reading.parts(r.stand(reading.text))...)
		found = append(found, reading.parts(wordsThat(r.hold, reading.text))...)
	}
	if len(found) == 0 || len(r.kept) == 0 {
		return found
	}
	var kept []span
	for _, match := range r.kept {
		for _, at := range match.FindAllStringIndex(text, -1) {
			kept = append(kept, span{at[0], at[1]})
		}
	}
	return slices.DeleteFunc(found, func(f span) bool {
		return slices.ContainsFunc(kept, func(k span) bool { return k.start <= f.start && f.end <= k.end })
	})
}

// stand returns where the secrets stand in text, as they are.
func (r *Redactor) stand(text string) []span {
	if r.values == nil {
		r.values = spellings(r.secrets)
	}
	r.left -= len(text)
	return occurrences(text, r.values)
}

// hold reports whether what a word decodes to says a secret. depth is how often it was decoded.
func (r *Redactor) hold(decoded string, depth int) bool {
	if r.left < 0 {
		return false // the whole text is left out
	}
	if len(r.stand(decoded)) > 0 || len(occurrences(decoded, r.hidden)) > 0 {
		return true
	}
	if depth >= mostEncodings || !isText(decoded) {
		return false
	}
	return slices.ContainsFunc(readings(decoded), func(inner reading) bool {
		return len(r.stand(inner.text)) > 0 || len(wordsThat(func(text string, more int) bool { return r.hold(text, depth+more) }, inner.text)) > 0
	})
}

// spellings are the secrets as they are, on one line, and without spaces: mail services show app passwords in groups.
func spellings(secrets []secret.Text) []string {
	values := []string{}
	for _, s := range secrets {
		trimmed := strings.TrimSpace(s.Reveal())
		for _, value := range []string{s.Reveal(), trimmed, Line(trimmed), strings.ReplaceAll(trimmed, " ", "")} {
			if len(strings.TrimSpace(value)) >= shortest && !slices.Contains(values, value) {
				values = append(values, value)
			}
		}
	}
	return values
}

// occurrences returns where any of values stands in text.
func occurrences(text string, values []string) []span {
	var found []span
	for _, value := range values {
		for from := 0; ; {
			at := strings.Index(text[from:], value)
			if at < 0 {
				break
			}
			found = append(found, span{from + at, from + at + len(value)})
			from += at + 1
		}
	}
	return found
}

// replace puts the placeholder instead of spans, once for those that overlap. What stands between them is cleaned part by part, so
// that no escape sequence reaches into a placeholder.
func replace(text string, spans []span) string {
	slices.SortFunc(spans, func(a, b span) int { return a.start - b.start })
	var out strings.Builder
	end := 0
	for _, s := range spans {
		if s.start >= end {
			out.WriteString(Lines(text[end:s.start]) + placeholder)
		}
		end = max(end, s.end)
	}
	return out.String() + Lines(text[end:])
}
