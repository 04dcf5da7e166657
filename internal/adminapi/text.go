package adminapi

import (
	"encoding/base64"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

const (
	maxName   = 100
	maxDetail = 500
	// maxProblem is how large (bytes) a refusal is that is read: every string in it is looked through for secrets.
	maxProblem = 64 << 10
)

// redactor knows what a call sends that nothing may repeat.
type redactor struct{ untrusted.Redactor }

func newRedactor(secrets []secret.Text) *redactor {
	r := &redactor{}
	for _, s := range secrets {
		r.Add(s)
	}
	return r
}

// addAuthorization adds what the value of an Authorization header holds.
func (r *redactor) addAuthorization(value secret.Text) {
	scheme, credentials, found := strings.Cut(value.Reveal(), " ")
	if !found {
		credentials = scheme
	}
	r.Add(secret.New(credentials))
	if pair, err := base64.StdEncoding.DecodeString(credentials); err == nil && scheme == "Basic" {
		_, password, _ := strings.Cut(string(pair), ":")
		r.Add(secret.New(password))
	}
}

// redactAll makes every string in a decoded JSON value a line without secrets.
func (r *redactor) redactAll(value any) any {
	switch v := value.(type) {
	case string:
		return r.Line(v)
	case []any:
		for i := range v {
			v[i] = r.redactAll(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for name, member := range v {
			clean[r.Line(name)] = r.redactAll(member)
		}
		return clean
	}
	return value
}

// tame returns err with a text that is fit to print: foreign errors quote what a server sent.
func (r *redactor) tame(err error) error {
	return tamed{err, untrusted.Shorten(r.Line(err.Error()), maxDetail)}
}

type tamed struct {
	error
	text string
}

func (t tamed) Error() string { return t.text }

func (t tamed) Unwrap() error { return t.error }
