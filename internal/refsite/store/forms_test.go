package store

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/limit"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
)

var updateGolden = flag.Bool("update", false, "write the golden file of what is stored")

// TestForms fixes the names of all members in data files. Members may be added if they mean nothing when absent; renaming or removing
// one would lose data of older files.
func TestForms(t *testing.T) {
	const golden = "testdata/forms.json"
	stored := map[string]any{
		"record": &Record{}, "test": &Test{}, "token": &Token{}, "login": &Login{}, "guesses": &limit.Count{}, "key": &seal.MAC{},
	}
	for _, form := range stored {
		fill(t, reflect.ValueOf(form).Elem(), "")
	}
	got, err := json.MarshalIndent(stored, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *updateGolden {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("data files would hold\n%s\nwant\n%s", got, want)
	}
	for name, form := range stored {
		var file map[string]json.RawMessage
		if err := json.Unmarshal(want, &file); err != nil {
			t.Fatal(err)
		}
		read := reflect.New(reflect.TypeOf(form).Elem()).Interface()
		if err := json.Unmarshal(file[name], read); err != nil || !reflect.DeepEqual(read, form) {
			t.Errorf("%s reads as %+v, %v", name, read, err)
		}
	}
}

// fill gives every member a distinct value, and requires a JSON tag for each stored member, because Go names may change.
func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(time.Date(2026, 1, 31, 12, 0, 0, len(name)*1000, time.UTC)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			switch f, tag := v.Type().Field(i), v.Type().Field(i).Tag.Get("json"); {
			case tag == "-":
			case tag == "" && !f.Anonymous:
				t.Errorf("%s.%s has no JSON name of its own", v.Type(), f.Name)
			default:
				fill(t, v.Field(i), f.Name)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), name)
		}
	case reflect.String:
		v.SetString("of " + name)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(len(name)))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(len(name)))
	default:
		t.Fatalf("%s holds a %s, which this test cannot fill", name, v.Kind())
	}
}
