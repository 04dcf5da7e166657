package adminapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

var errNotJSON = errors.New("it is not JSON")

// decode fills out, a pointer, from exactly one JSON value in which no object has a member twice (RFC 8259 section 4
// leaves the meaning of such an object open). A byte order mark is ignored (section 8.1), and a number such as 1.0 is a whole one.
func decode(body []byte, out any) error {
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(body)) == 0 {
		return errors.New("it is empty")
	}
	if !json.Valid(body) {
		return errNotJSON
	}
	// Valid has bounded the nesting, and with it the recursion below.
	if err := uniqueMembers(json.NewDecoder(bytes.NewReader(body))); err != nil {
		return err
	}
	err := unmarshal(body, out)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && strings.HasPrefix(e.Value, "number") {
		err = unmarshal(wholeNumbers(body), out)
	}
	return explainShape(body, err)
}

func unmarshal(body []byte, out any) error {
	reflect.ValueOf(out).Elem().SetZero()
	return json.Unmarshal(body, out)
}

// wholeNumbers returns the JSON with each whole number written as an integer.
func wholeNumbers(body []byte) []byte {
	written, err := json.Marshal(whole(parse(body)))
	if err != nil {
		return body
	}
	return written
}

// parse reads JSON that is valid, with its numbers as they are written.
func parse(body []byte) (value any) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	_ = d.Decode(&value)
	return value
}

func whole(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Float64(); err == nil && n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n)
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = whole(v[name])
		}
	}
	return value
}

// explainShape names the member that does not have the expected type.
func explainShape(body []byte, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if e.Field == "" {
			return fmt.Errorf("it is JSON of an unexpected form (%s)", e.Value)
		}
		return fmt.Errorf("it is JSON of an unexpected form: %q is a %s", e.Field, e.Value)
	}
	if e, ok := errors.AsType[*time.ParseError](err); ok {
		return fmt.Errorf("it is JSON of an unexpected form: %q is not a time (RFC 3339)", pathOf(parse(body), strings.Trim(e.Value, `"`)))
	}
	return fmt.Errorf("it is JSON of an unexpected form: %w", err)
}

// pathOf names the first member with that value, those around it before it.
func pathOf(value any, want string) string {
	members, _ := value.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if members[name] == want {
			return name
		}
		if inner := pathOf(members[name], want); inner != "" {
			return name + "." + inner
		}
	}
	return ""
}

// uniqueMembers reads one value. Names that differ only in case count as the same, as for json.Unmarshal.
func uniqueMembers(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			if err := newMember(d, seen); err != nil {
				return err
			}
		}
		if err := uniqueMembers(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func newMember(d *json.Decoder, seen map[string]bool) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	name, _ := token.(string)
	folded := strings.ToLower(name)
	if seen[folded] {
		return fmt.Errorf("its member %q occurs twice", name)
	}
	seen[folded] = true
	return nil
}
