package site_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestSplitEnhancedCode(t *testing.T) {
	for text, want := range map[string][2]string{
		"5.7.8 Bad credentials":              {"5.7.8", "Bad credentials"},
		"5.7.8":                              {"5.7.8", ""},
		"4.7.0: Wait":                        {"4.7.0", "Wait"},
		"5.7.1 No\n5.7.1 access\n5.7.8 here": {"5.7.1", "No\naccess\nhere"},
		"Hello\n5.7.1 No":                    {"5.7.1", "Hello\nNo"},
		"authentication failed (#5.7.1)":     {"5.7.1", "authentication failed (#5.7.1)"},
		"refused [4.7.0] for now":            {"4.7.0", "refused [4.7.0] for now"},
		"5.7.8 refused (#5.7.1)":             {"5.7.8", "refused (#5.7.1)"},
		"Access denied":                      {"", "Access denied"},
		"Access denied for 5.7.8":            {"", "Access denied for 5.7.8"},
		"3.7.8 No":                           {"", "3.7.8 No"},
		"5.7.8.9 is blocked":                 {"", "5.7.8.9 is blocked"},
		"2.0.0,Ok":                           {"2.0.0", "Ok"},
		"[5.7.8.9] is blocked":               {"", "[5.7.8.9] is blocked"},
		"":                                   {"", ""},
	} {
		if code, rest := site.SplitEnhancedCode(text); code != want[0] || rest != want[1] {
			t.Errorf("%q: got %q, %q, want %q", text, code, rest, want)
		}
	}
}

func TestFailing(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	failure := &site.MailFailure{At: at}
	for name, tt := range map[string]struct {
		state   site.State
		failing bool
	}{
		"NothingKnown":    {site.State{}, false},
		"Success":         {site.State{LastSuccess: at}, false},
		"Failure":         {site.State{LastFailure: failure}, true},
		"FailureSince":    {site.State{LastFailure: failure, LastSuccess: at.Add(-time.Second)}, true},
		"SuccessSince":    {site.State{LastFailure: failure, LastSuccess: at.Add(time.Second)}, false},
		"InTheSameSecond": {site.State{LastFailure: failure, LastSuccess: at}, false},
	} {
		if got := tt.state.Failing(); (got != nil) != tt.failing || got != nil && got != failure {
			t.Errorf("%s: got %+v, want failing %t", name, got, tt.failing)
		}
	}
}

// fill puts text into every string of v, and 200 elements into every slice.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 200, 200))
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, field := range v.Fields() {
			fill(field, text)
		}
	}
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Everything that a site says of a test is made fit to be shown, without a change of what it said.
func TestShown(t *testing.T) {
	var r site.TestResult
	fill(reflect.ValueOf(&r).Elem(), "hostile")
	// The package's own words, which no site chooses.
	r.Status, r.Shortfall, r.Arrival.Place, r.Arrival.FoundBy = site.Failed, site.InJunk, site.PlaceJunk, "sender"
	before := inJSON(t, r)
	shown := r.Shown(func(string, int) string { return "fit" })
	if text := inJSON(t, shown); strings.Contains(text, "hostile") {
		t.Errorf("the shown result holds hostile text: %s", text)
	}
	if shown.Error != "fit" || len(shown.Certificate.Names) != 100 || len(shown.Stages) != 10 {
		t.Errorf("got error %q, %d certificate names and %d stages", shown.Error, len(shown.Certificate.Names), len(shown.Stages))
	}
	if inJSON(t, r) != before {
		t.Error("cleaning changed the original result")
	}
	if got := (site.TestResult{}).Shown(func(text string, _ int) string { return text }); !reflect.DeepEqual(got, site.TestResult{}) {
		t.Errorf("an empty result: got %+v", got)
	}
}

func TestOnlyLinksToWebPagesAreShown(t *testing.T) {
	for link, want := range map[string]string{
		"https://support.example.com/a?b=c": "https://support.example.com/a?b=c",
		"http://support.example.com":        "",
		"javascript:alert(1)":               "",
		"https://support\x1b.example.com":   "https://support.example.com",
		"https://%zz":                       "",
		"":                                  "",
	} {
		r := site.TestResult{Diagnosis: &site.Diagnosis{URL: link}}
		if got := r.Shown(func(text string, _ int) string { return strings.ReplaceAll(text, "\x1b", "") }).Diagnosis.URL; got != want {
			t.Errorf("%q is shown as %q, want %q", link, got, want)
		}
	}
}
