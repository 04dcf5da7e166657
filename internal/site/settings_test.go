package site_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// A setting that Fields forgets is not compared, not shown and not guarded.
func TestFieldsListsEverySetting(t *testing.T) {
	var s site.Settings
	for i := range numSettings() {
		alter(&s, i)
	}
	typ, value := reflect.TypeFor[site.Settings](), reflect.ValueOf(s)
	fields := s.Fields()
	if len(fields) != typ.NumField() {
		t.Fatalf("Fields lists %d of %d settings", len(fields), typ.NumField())
	}
	for i, f := range fields {
		if tag := member(typ.Field(i)); f.Name != tag || tag == "" {
			t.Errorf("field %d is called %q, its JSON tag is %q", i, f.Name, tag)
		}
		if want := value.Field(i).Interface(); f.Value != want {
			t.Errorf("%s is %v, want %v", f.Name, f.Value, want)
		}
	}
}

// What was stored or sent before a setting existed must still match, and say the same.
func TestSettingsAddedLaterAreAbsentUntilTheyAreSet(t *testing.T) {
	typ := reflect.TypeFor[site.Settings]()
	set := site.Settings{}
	for i := range numSettings() {
		alter(&set, i)
	}
	original := site.OriginalSettings()
	names := func(fields []site.Field) (names []string) {
		for _, f := range fields {
			names = append(names, f.Name)
		}
		return names
	}
	if got := names(site.Settings{}.IdentityFields()); !slices.Equal(got, original) {
		t.Errorf("got identity fields %q for the zero settings, want %q", got, original)
	}
	if got := set.IdentityFields(); !reflect.DeepEqual(got, set.Fields()) {
		t.Errorf("got identity fields %v, want all settings", got)
	}
	for i, d := range site.AllSettings() {
		_, omitted := strings.CutSuffix(typ.Field(i).Tag.Get("json"), ",omitempty")
		if added := d.Since != ""; omitted != added || slices.Contains(original, d.Name) == added || added && !d.Optional {
			t.Errorf("site.Settings: %s came with version %q: its tag must have omitempty, and it must be optional", d.Name, d.Since)
		}
	}
}

// A relay without a login needs these settings and no others.
func TestRequiredSettings(t *testing.T) {
	var required []string
	for _, d := range site.AllSettings() {
		if !d.Optional {
			required = append(required, d.Name)
		}
	}
	if want := []string{"host", "port", "encryption", "from_address"}; !slices.Equal(required, want) {
		t.Errorf("required are %q, want %q", required, want)
	}
}

func TestTextAndBack(t *testing.T) {
	var all, back site.Settings
	for i := range numSettings() {
		alter(&all, i)
	}
	for _, d := range site.AllSettings() {
		if d.Text(site.Settings{}) != "" {
			t.Errorf("%s of the zero settings is %q", d.Name, d.Text(site.Settings{}))
		}
		if err := d.SetText(&back, d.Text(all)); err != nil {
			t.Error(err)
		}
	}
	if back != all {
		t.Errorf("got %+v, want %+v", back, all)
	}
	port, _ := site.SettingByName("port")
	if err := port.SetText(&back, "x"); err == nil || back.Port != 0 {
		t.Errorf("port x: got %d, %v", back.Port, err)
	}
	if _, ok := site.SettingByName("password"); ok {
		t.Error("the password counts as a setting")
	}
}

func TestDiffNoticesEverySetting(t *testing.T) {
	s := settingsAt("smtp.example.com")
	if diff := s.Diff(s); len(diff) != 0 {
		t.Errorf("Diff of equal settings: got %q", diff)
	}
	var all []string
	changed := s
	for i := range numSettings() {
		one := s
		name := alter(&one, i)
		for _, diff := range [][]string{s.Diff(one), one.Diff(s)} {
			if !slices.Equal(diff, []string{name}) {
				t.Errorf("%s changed: got Diff %q", name, diff)
			}
		}
		all = append(all, alter(&changed, i))
	}
	if diff := s.Diff(changed); !slices.Equal(diff, all) {
		t.Errorf("all settings changed: got Diff %q, want %q", diff, all)
	}
}

func TestIsZeroNoticesEverySetting(t *testing.T) {
	if !(site.Settings{}).IsZero() {
		t.Error("the zero settings are not zero")
	}
	for i := range numSettings() {
		var s site.Settings
		if name := alter(&s, i); s.IsZero() {
			t.Errorf("with %s the settings are still zero", name)
		}
	}
}

func TestChoices(t *testing.T) {
	if got, want := site.Encryptions(), []site.Encryption{"starttls", "tls", "none"}; !slices.Equal(got, want) {
		t.Errorf("got encryptions %q, want %q", got, want)
	}
	if got, want := site.OnDestroys(), []site.OnDestroy{"disable", "clear", "keep"}; !slices.Equal(got, want) {
		t.Errorf("got values of on_destroy %q, want %q", got, want)
	}
	site.Encryptions()[0], site.OnDestroys()[0] = "x", "x"
	if site.Encryptions()[0] != site.STARTTLS || site.OnDestroys()[0] != site.OnDestroyDisable {
		t.Error("a caller can change the list that others get")
	}
}

func TestReplyString(t *testing.T) {
	tests := []struct {
		reply site.Reply
		want  string
	}{
		{site.Reply{Code: 250, EnhancedCode: "2.0.0", Text: "Ok: queued as 4RZ1"}, "250 2.0.0 Ok: queued as 4RZ1"},
		{site.Reply{Code: 250, Text: "Ok"}, "250 Ok"},
		{site.Reply{Code: 421}, "421"},
		{site.Reply{Code: 550, Text: "  No\r\n550 such\tuser\n "}, "550 No 550 such user"},
	}
	for _, tt := range tests {
		if got := tt.reply.String(); got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.reply, got, tt.want)
		}
	}
}
