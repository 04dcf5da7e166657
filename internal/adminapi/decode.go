package adminapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

var errNotJSON = errors.New("it is not JSON")

// decode fills out, a pointer, from exactly one JSON value in which no object has a member twice (RFC 8259 section 4
// leaves the meaning of such an object open).
func decode(body []byte, out any) error {
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
	reflect.ValueOf(out).Elem().SetZero()
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("it is JSON of another shape: %w", err)
	}
	return nil
}

// uniqueMembers reads one value. Names that differ only in case count as the same, as they do to json.Unmarshal.
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
