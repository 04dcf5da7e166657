package adminapi

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// Secret is the only form in which a secret is marshalled: as a string in JSON that is sent. With omitzero an empty one is omitted.
type Secret struct{ secret.Text }

// MarshalText implements [encoding.TextMarshaler].
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Reveal()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Secret) UnmarshalText(text []byte) error {
	s.Text = secret.New(string(text))
	return nil
}

// IsZero reports whether s is empty.
func (s Secret) IsZero() bool { return s.IsEmpty() }

// mostSupplied is how many texts from its requests a client remembers.
const mostSupplied = 256

// redactor knows the secrets that a client's requests send, which nothing may repeat. It covers all requests together, because a site
// that fails may show what it was sent before, in a trace, a queue or its log.
type redactor struct {
	untrusted.Redactor

	mu sync.Mutex
	// supplied are the texts that requests held, the latest last. A site that repeats one of them reveals nothing new.
	supplied []string
}

// addBody adds the secrets in the body of a request, and its other texts.
func (r *redactor) addBody(body any) {
	var secrets []secret.Text
	var texts []string
	walk(reflect.ValueOf(body), func(v reflect.Value) {
		if s, ok := reflect.TypeAssert[secret.Text](v); ok {
			secrets = append(secrets, s)
		} else if v.Kind() == reflect.String && v.String() != "" {
			texts = append(texts, v.String())
		}
	})
	r.Add(secrets...)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, text := range texts {
		r.supplied = slices.DeleteFunc(r.supplied, func(known string) bool { return known == text })
		r.supplied = append(r.supplied, text)
	}
	r.supplied = slices.Delete(r.supplied, 0, max(0, len(r.supplied)-mostSupplied))
}

// addAuthorization adds the secrets in the value of an Authorization header.
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

// clean redacts secrets in every string of a decoded response, except for the strings that a request supplied: those are compared with
// what was sent, and reveal nothing new.
func (r *redactor) clean(out any) {
	r.mu.Lock()
	supplied := slices.Clone(r.supplied)
	r.mu.Unlock()
	walk(reflect.ValueOf(out), func(v reflect.Value) {
		switch {
		case !v.CanSet():
		case v.Kind() == reflect.String && !slices.Contains(supplied, v.String()):
			v.SetString(r.Exact(v.String()))
		case v.Type() == rawType:
			v.SetBytes(r.cleanRaw(v.Bytes()))
		}
	})
}

// cleanRaw is clean for JSON that was left as it is.
func (r *redactor) cleanRaw(raw json.RawMessage) json.RawMessage {
	if r.Exact(string(raw)) == string(raw) {
		return raw
	}
	value := parse(raw)
	r.clean(&value)
	cleaned, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage("null")
	}
	return cleaned
}

// cleanJSON makes every string in a decoded JSON value, and every name, a line without secrets.
func (r *redactor) cleanJSON(value any) any {
	switch v := value.(type) {
	case string:
		return r.Line(v)
	case []any:
		for i := range v {
			v[i] = r.cleanJSON(v[i])
		}
	case map[string]any:
		cleaned := make(map[string]any, len(v))
		for name, member := range v {
			cleaned[r.Line(name)] = r.cleanJSON(member)
		}
		return cleaned
	}
	return value
}

var (
	textType = reflect.TypeFor[secret.Text]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

// walk calls visit for every string, every secret.Text and every json.RawMessage that can be reached from v through exported fields.
// visit can set them, within interfaces and maps too.
func walk(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		visit(v)
	case reflect.Pointer:
		if !v.IsNil() {
			walk(v.Elem(), visit)
		}
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		inner := copyOf(v.Elem())
		walk(inner, visit)
		if v.CanSet() {
			v.Set(inner)
		}
	case reflect.Struct:
		if v.Type() == textType {
			visit(v)
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous {
				walk(v.Field(i), visit)
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type() == rawType {
			visit(v)
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			walk(v.Index(i), visit)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			name, value := copyOf(key), copyOf(v.MapIndex(key))
			walk(name, visit)
			walk(value, visit)
			if !reflect.DeepEqual(name.Interface(), key.Interface()) || !reflect.DeepEqual(value.Interface(), v.MapIndex(key).Interface()) {
				v.SetMapIndex(key, reflect.Value{})
				v.SetMapIndex(name, value)
			}
		}
	default:
	}
}

// copyOf returns a copy that can be set.
func copyOf(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}
