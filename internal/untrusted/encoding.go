package untrusted

import (
	"html"
	"net/url"
	"regexp"
	"strings"
)

// encoding is a way to write some characters as others. Which ones it takes is up to whoever writes, so that a text can
// only be compared decoded.
type encoding struct {
	// mark is in each text with something encoded, and escapes match that.
	mark    string
	escapes *regexp.Regexp
	// plain gives what an escape stands for.
	plain func(string) (string, error)
}

// encodings are those of URLs (RFC 3986 section 2.1), of forms, which also write spaces as plus signs, and of HTML.
var encodings = []encoding{
	{"%", regexp.MustCompile(`%[0-9A-Fa-f]{2}`), url.PathUnescape},
	{"+", regexp.MustCompile(`%[0-9A-Fa-f]{2}|\+`), url.QueryUnescape},
	{"&", regexp.MustCompile(`&#?[0-9A-Za-z]+;?`), func(escape string) (string, error) { return html.UnescapeString(escape), nil }},
}

// decode returns what text says, and of which part of text each byte of that comes.
func (e encoding) decode(text string) (decoded string, origins []span) {
	if !strings.Contains(text, e.mark) {
		return text, nil
	}
	var out strings.Builder
	write := func(said string, origin func(int) span) {
		for i := range len(said) {
			origins = append(origins, origin(i))
		}
		out.WriteString(said)
	}
	end := 0
	verbatim := func(to int) {
		start := end
		write(text[start:to], func(i int) span { return span{start + i, start + i + 1} })
	}
	for _, at := range e.escapes.FindAllStringIndex(text, -1) {
		verbatim(at[0])
		end = at[1]
		plain, _ := e.plain(text[at[0]:end]) // what matches is well-formed
		write(plain, func(int) span { return span{at[0], at[1]} })
	}
	verbatim(len(text))
	return out.String(), origins
}
