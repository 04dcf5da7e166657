package api

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// maxBody is the maximum size of a request body in bytes.
const maxBody = 64 << 10

// secretText is a secret in a request.
type secretText struct{ secret.Text }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *secretText) UnmarshalText(text []byte) error {
	t.Text = secret.New(string(text))
	return nil
}

// decode reads the body into a T, more strictly than encoding/json: member names are case-sensitive, unknown and duplicate members are
// errors, and every field is required unless it is a pointer or has omitempty.
func decode[T any](c call) (T, error) {
	var v T
	body, err := readBody(c.w, c.r)
	if err != nil {
		return v, err
	}
	if !utf8.Valid(body) {
		return v, problem.New(problem.Malformed, "The body is not UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := checkShape(d, reflect.TypeFor[T](), "body"); err != nil {
		return v, problem.New(problem.Malformed, "%v.", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v, problem.New(problem.Malformed, "There is something after the body.")
	}
	if err := json.Unmarshal(body, &v); err != nil {
		return v, &problem.Error{Code: problem.Malformed, Detail: "A number in the body is out of range.", Err: err}
	}
	return v, nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" || r.Header.Get("Content-Encoding") != "" {
		return nil, problem.New(problem.UnsupportedMediaType, "The body must be application/json, and not compressed.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, problem.New(problem.TooLarge, "The body is larger than %d bytes.", maxBody)
	}
	if err != nil {
		return nil, &problem.Error{Code: problem.Malformed, Detail: "The body could not be read to its end.", Err: err}
	}
	return body, nil
}

// checkShape reads one value and checks it against its type. name is its name in errors.
func checkShape(d *json.Decoder, t reflect.Type, name string) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	token, err := d.Token()
	if err != nil {
		return errors.New("the body is not JSON")
	}
	isText := t.Kind() == reflect.String || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
	ok := false
	switch token := token.(type) {
	case json.Delim:
		if token == '{' && t.Kind() == reflect.Struct && !isText {
			return checkMembers(d, t, name)
		}
	case string:
		ok = isText
	case json.Number:
		ok = t.Kind() == reflect.Int
	case bool:
		ok = t.Kind() == reflect.Bool
	}
	if !ok {
		return fmt.Errorf("%s has the wrong type", name)
	}
	return nil
}

func checkMembers(d *json.Decoder, t reflect.Type, name string) error {
	missing := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(t) {
		member, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		missing[member] = f
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return errors.New("the body is not JSON")
		}
		member, _ := token.(string)
		f, ok := missing[member]
		if !ok {
			// Do not repeat its name: it may be a secret in the wrong place.
			return fmt.Errorf("%s has an unknown or duplicate member", name)
		}
		delete(missing, member)
		if err := checkShape(d, f.Type, member); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errors.New("the body is not JSON")
	}
	var names []string
	for member, f := range missing {
		if f.Type.Kind() != reflect.Pointer && !strings.HasSuffix(f.Tag.Get("json"), ",omitempty") {
			names = append(names, member)
		}
	}
	if len(names) > 0 {
		return fmt.Errorf("%s lacks %s", name, strings.Join(names, ", "))
	}
	return nil
}
