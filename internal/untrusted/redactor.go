package diagnosis

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// shortest is the length below which a secret is not looked for: it would be found by chance, and what is left out
// would tell it.
const shortest = 4

// redactor takes secrets out of text from outside. Servers echo commands, and people paste what they see.
type redactor struct {
	// forms are the ways to write a secret that can be looked for, the longest first.
	forms []string
	// values are the secrets themselves, looked for in what decodes.
	values []string
}

// newRedactor takes the secrets, and the username, which goes out in its base64 form only (RFC 4954 section 4).
func newRedactor(username string, secrets []secret.Text) redactor {
	var r redactor
	for _, s := range secrets {
		for _, value := range []string{s.Reveal(), plain(s.Reveal()), strings.ReplaceAll(s.Reveal(), " ", "")} {
			if value = strings.TrimSpace(value); len(value) >= shortest {
				r.values = append(r.values, value)
				r.forms = append(r.forms, forms(value)...)
			}
		}
	}
	if len(username) >= shortest {
		r.values = append(r.values, username)
	}
	slices.SortFunc(r.forms, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	r.forms = slices.Compact(r.forms)
	return r
}

func forms(value string) []string {
	quoted := strconv.Quote(value)
	return []string{
		value,
		quoted[1 : len(quoted)-1],
		url.QueryEscape(value),
		url.PathEscape(value),
		html.EscapeString(value),
	}
}

// encoded and hexadecimal are words that may be an encoded secret.
var (
	encoded     = regexp.MustCompile(`[A-Za-z0-9+/_-]{5,}={0,2}`)
	hexadecimal = regexp.MustCompile(`[0-9A-Fa-f]{8,}`)
)

// redact returns plain text without the secrets.
func (r redactor) redact(text string) string {
	hidden := secret.Text{}.String()
	for _, form := range r.forms {
		text = strings.ReplaceAll(text, form, hidden)
	}
	replace := func(words *regexp.Regexp, hides func(string) bool) {
		text = words.ReplaceAllStringFunc(text, func(word string) string {
			if hides(word) {
				return hidden
			}
			return word
		})
	}
	replace(hexadecimal, r.inHex)
	replace(encoded, r.inBase64)
	return text
}

// standard turns the alphabet for addresses into the usual one (RFC 4648 sections 4 and 5).
var standard = strings.NewReplacer("-", "+", "_", "/", "=", "")

// inBase64 reports whether a word holds a secret, wherever in the word the encoding began.
func (r redactor) inBase64(word string) bool {
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

func (r redactor) inHex(word string) bool {
	for start := range 2 {
		rest := word[start:]
		if decoded, err := hex.DecodeString(rest[:len(rest)&^1]); err == nil && r.in(decoded) {
			return true
		}
	}
	return false
}

func (r redactor) in(decoded []byte) bool {
	return slices.ContainsFunc(r.values, func(value string) bool { return strings.Contains(string(decoded), value) })
}
