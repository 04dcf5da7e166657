package provider

import (
	"reflect"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// SettingsWithoutField names the settings without a field in the model. Everything else about a setting comes from its declaration.
func SettingsWithoutField() []string {
	var v settingValues
	var missing []string
	for _, d := range flatSettings() {
		if v.of(d) == nil {
			missing = append(missing, d.Name)
		}
	}
	return missing
}

func TestEverySettingHasAField(t *testing.T) {
	if missing := SettingsWithoutField(); len(missing) > 0 {
		t.Errorf("settings.go: settingValues lacks fields with the tags %q", missing)
	}
	if got, want := len(modelFields(reflect.TypeFor[settingValues]())), len(flatSettings()); got != want {
		t.Errorf("settings.go: settingValues has %d fields, want %d, one per setting", got, want)
	}
}

func TestSettingValuesAndBack(t *testing.T) {
	var s site.Settings
	for _, d := range flatSettings() {
		text := "text of " + d.Name
		if d.Format == site.PortNumber {
			text = "587"
		}
		if err := d.SetText(&s, text); err != nil {
			t.Fatal(err)
		}
	}
	var v settingValues
	if v.given() {
		t.Error("the zero values count as configured")
	}
	v.fromSettings(s)
	if got := v.toSettings(); got != s || !v.given() || !v.known() {
		t.Errorf("got %+v, want %+v", got, s)
	}
	v.fromSettings(site.Settings{})
	if got := v.toSettings(); !got.IsZero() || v.given() {
		t.Errorf("got %+v", v)
	}
}
