package adminapi

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

const (
	maxName   = 100
	maxDetail = 500
	// A shorter secret would turn up in any text, and its place would give it away.
	minRedacted = 4
)

// oneLine makes text from outside fit to print: no control or invisible characters, single spaces.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r) && r != unicode.ReplacementChar:
			return r
		}
		return -1
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// shorten keeps at most limit characters, the last of which tells that there were more.
func shorten(s string, limit int) string {
	if line := []rune(s); len(line) > limit {
		return string(line[:limit-1]) + "…"
	}
	return s
}

// redactor knows what a call sends that nothing may repeat.
type redactor struct{ secrets []string }

func newRedactor(secrets []secret.Text) *redactor {
	r := &redactor{}
	for _, s := range secrets {
		r.add(s.Reveal())
	}
	return r
}

func (r *redactor) add(s string) {
	for _, s := range []string{s, oneLine(s)} {
		if len(s) >= minRedacted && !slices.Contains(r.secrets, s) {
			r.secrets = append(r.secrets, s)
		}
	}
}

// addAuthorization adds what the value of an Authorization header holds.
func (r *redactor) addAuthorization(value secret.Text) {
	scheme, credentials, found := strings.Cut(value.Reveal(), " ")
	if !found {
		credentials = scheme
	}
	r.add(credentials)
	if pair, err := base64.StdEncoding.DecodeString(credentials); err == nil && scheme == "Basic" {
		_, password, _ := strings.Cut(string(pair), ":")
		r.add(password)
	}
}

// line gives text from outside as one printable line without the secrets.
func (r *redactor) line(text string) string {
	// Twice: what is dropped may stand in the middle of a secret, and a secret may hold what is dropped.
	return r.redact(oneLine(r.redact(text)))
}

func (r *redactor) redact(text string) string {
	for _, s := range r.secrets {
		for _, spelling := range spellings(s) {
			text = strings.ReplaceAll(text, spelling, "[redacted]")
		}
	}
	return text
}

// redactAll makes every string in a decoded JSON value a line without secrets.
func (r *redactor) redactAll(value any) any {
	switch v := value.(type) {
	case string:
		return r.line(v)
	case []any:
		for i := range v {
			v[i] = r.redactAll(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for name, member := range v {
			clean[r.line(name)] = r.redactAll(member)
		}
		return clean
	}
	return value
}

// tame returns err with a text that is fit to print: foreign errors quote what a server sent.
func (r *redactor) tame(err error) error {
	return tamed{err, shorten(r.line(err.Error()), maxDetail)}
}

type tamed struct {
	error
	text string
}

func (t tamed) Error() string { return t.text }

func (t tamed) Unwrap() error { return t.error }

// spellings lists the ways in which a site may repeat s inside JSON, the longest first.
func spellings(s string) []string {
	quoted, _ := json.Marshal(s)
	plain := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(quoted))
	all := []string{
		s,
		strings.Trim(string(quoted), `"`),
		strings.Trim(plain, `"`),
		url.QueryEscape(s),
		url.PathEscape(s),
		base64.StdEncoding.EncodeToString([]byte(s)),
		base64.RawURLEncoding.EncodeToString([]byte(s)),
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}
