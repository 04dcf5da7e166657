package untrusted

import (
	"bytes"
	"fmt"
	"iter"
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
	// mostEncodings is how many encodings around a secret are seen through.
	mostEncodings = 3
	// A text that says too many things to look through is not shown either: a hostile one would take minutes. What is looked at
	// in all its readings and decodings is bounded by this many bytes, and this many for each byte of the text.
	leastLooked, lookedPerByte = 256 << 10, 64
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
	// supplied are texts of the reader.
	supplied []string
	// shown and encoded find the secrets and the hidden; nil until they are needed.
	shown, encoded *matcher
	// fold is whether case makes no difference.
	fold bool
	// left is how many bytes of the present text may yet be looked at, in whatever reading.
	left int
	// scratch is where words are decoded to, and silent the words of the present text that say no secret, both by how many encodings
	// there are around what they say.
	scratch [mostEncodings][]byte
	silent  [mostEncodings]map[string]bool
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
	r.secrets, r.shown = append(r.secrets, s), nil
}

// AddEncoded has value redacted in base64, base32 and hexadecimal only.
func (r *Redactor) AddEncoded(value string) {
	if len(value) < shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hidden, r.encoded = latest(append(r.hidden, value)), nil
}

// Keep has the secrets left alone that text says, in whatever case and in each way to write them. It is for what the reader of the
// result supplied: a text from outside may repeat any part of it, and what became of that would tell the reader whether a guess is
// right.
func (r *Redactor) Keep(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.supplied, r.shown = latest(append(r.supplied, text)), nil
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
	r.prepare(len(text))
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

// prepare makes ready for a text of so many bytes.
func (r *Redactor) prepare(length int) {
	r.left = leastLooked + lookedPerByte*length
	if r.shown == nil {
		r.shown = matcherOf(spellings(slices.DeleteFunc(slices.Clone(r.secrets), r.isSupplied)))
	}
	if r.encoded == nil {
		r.encoded = matcherOf(r.hidden)
	}
	for i := range r.silent {
		clear(r.silent[i])
	}
}

// isSupplied reports whether the reader supplied the secret.
func (r *Redactor) isSupplied(s secret.Text) bool {
	if len(r.supplied) == 0 {
		return false
	}
	one := Redactor{secrets: []secret.Text{secret.New(strings.ToLower(s.Reveal()))}, fold: true}
	return slices.ContainsFunc(r.supplied, func(text string) bool {
		one.prepare(len(text))
		return one.says(text, 0)
	})
}

// find returns the parts of text that say a secret. They may overlap.
func (r *Redactor) find(text string) []span {
	var found []span
	for reading := range r.readings(text) {
		found = append(found, reading.parts(r.spans(reading.text))...)
		found = append(found, reading.parts(r.words(reading.text, 1))...)
	}
	return found
}

func (r *Redactor) spans(text string) []span {
	if r.fold {
		text = strings.ToLower(text)
	}
	return r.shown.spans(text)
}

// readings are the text itself and what else it may say: without what is not shown, and decoded, in each order.
func (r *Redactor) readings(text string) iter.Seq[*reading] {
	return func(yield func(*reading) bool) {
		first := reading{text: text}
		if r.left -= len(text); r.left < 0 || !yield(&first) {
			return
		}
		known := []string{"", text}
		for next := first.further(); len(next) > 0; next = next[1:] {
			now := &next[0]
			if slices.Contains(known, now.text) {
				continue
			}
			known = append(known, now.text)
			if r.left -= len(now.text); r.left < 0 || !yield(now) {
				return
			}
			next = append(next, now.further()...)
		}
	}
}

// words returns the words of text which say a secret, as is or encoded again; depth is how many encodings there are around what they
// say.
func (r *Redactor) words(text string, depth int) []span {
	var found []span
	for start, end := token.nextWord(text, 0); start >= 0; start, end = token.nextWord(text, end) {
		word := text[start:end]
		if r.silent[depth-1][word] {
			continue // most words are the same in each reading
		}
		before := len(found)
		for i := range wordEncodings {
			e := &wordEncodings[i]
			for from, to := e.nextWord(word, 0); from >= 0; from, to = e.nextWord(word, to) {
				if r.sayEncoded(e, word[from:to], depth) {
					found = append(found, span{start + from, padded(text, start+to)})
				}
			}
		}
		if len(found) == before {
			r.ignore(word, depth)
		}
	}
	return found
}

func (r *Redactor) ignore(word string, depth int) {
	if r.silent[depth-1] == nil {
		r.silent[depth-1] = map[string]bool{}
	}
	r.silent[depth-1][word] = true
}

func (r *Redactor) sayEncoded(e *wordEncoding, word string, depth int) bool {
	for skipped := range min(e.alignments, len(word)) {
		decoded := e.decode(r.scratch[depth-1][:0], word[skipped:])
		r.scratch[depth-1] = decoded
		if r.hold(decoded, depth) {
			return true
		}
	}
	return false
}

// hold reports whether something decoded says a secret. depth is how often it was decoded.
func (r *Redactor) hold(decoded []byte, depth int) bool {
	if r.left -= len(decoded); r.left < 0 {
		return false // the whole text is left out
	}
	if r.shown.in(decoded) || r.encoded.in(decoded) || r.fold && r.shown.in(bytes.ToLower(decoded)) {
		return true
	}
	if depth >= mostEncodings || !isText(decoded) {
		return false
	}
	return r.says(string(decoded), depth)
}

// says reports whether text, decoded that often, says a secret in any reading.
func (r *Redactor) says(text string, depth int) bool {
	for reading := range r.readings(text) {
		if len(r.spans(reading.text)) > 0 || len(r.words(reading.text, depth+1)) > 0 {
			return true
		}
	}
	return false
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
