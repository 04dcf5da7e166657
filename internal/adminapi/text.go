package adminapi

import (
	"encoding/base64"
	"slices"
	"strings"
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

const (
	maxName   = 100
	maxDetail = 500
	// maxProblem is how large (bytes) a refusal is that is read: every string in it is looked through for secrets.
	maxProblem = 64 << 10
)

// maxSent is how many secrets a client remembers: far more than its calls send at a time.
const maxSent = 64

// redactor knows what the calls of a client send that nothing may repeat. That is for all of them together: a site that
// fails may show what it was sent before, such as a trace, a queue or its log. It is for concurrent use.
type redactor struct {
	mu sync.Mutex
	// sent are the secrets, those of the latest calls last.
	sent []secret.Text
	// found takes them out of text; nil until that is needed.
	found *untrusted.Redactor
}

// add has secrets redacted from here on, and forgets the oldest ones where there are too many.
func (r *redactor) add(secrets ...secret.Text) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range secrets {
		known := slices.IndexFunc(r.sent, s.Equal)
		switch {
		case s.IsEmpty():
			continue
		case known >= 0:
			r.sent = slices.Delete(r.sent, known, known+1)
		default:
			r.found = nil
		}
		r.sent = append(r.sent, s)
	}
	if more := len(r.sent) - maxSent; more > 0 {
		r.sent = slices.Delete(r.sent, 0, more)
	}
}

// line returns text as one line without the secrets.
func (r *redactor) line(text string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.finder().Line(text)
}

// brief returns what line does, as at most limit characters.
func (r *redactor) brief(text string, limit int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.finder().Brief(text, limit)
}

// finder is for who holds the lock.
func (r *redactor) finder() *untrusted.Redactor {
	if r.found == nil {
		r.found = new(untrusted.Redactor)
		for _, s := range r.sent {
			r.found.Add(s)
		}
	}
	return r.found
}

// addAuthorization adds what the value of an Authorization header holds.
func (r *redactor) addAuthorization(value secret.Text) {
	scheme, credentials, found := strings.Cut(value.Reveal(), " ")
	if !found {
		credentials = scheme
	}
	r.add(secret.New(credentials))
	if pair, err := base64.StdEncoding.DecodeString(credentials); err == nil && scheme == "Basic" {
		_, password, _ := strings.Cut(string(pair), ":")
		r.add(secret.New(password))
	}
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
	return tamed{err, r.brief(err.Error(), maxDetail)}
}

type tamed struct {
	error
	text string
}

func (t tamed) Error() string { return t.text }

func (t tamed) Unwrap() error { return t.error }
