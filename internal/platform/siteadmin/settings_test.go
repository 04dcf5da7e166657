package siteadmin_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// TestContractHasEverySetting compares openapi.yaml with the declarations. A request may omit a setting that was added after version
// 1.0, and sites of older versions do not return it.
func TestContractHasEverySetting(t *testing.T) {
	schemas := contract.spec.Components.Schemas
	for _, name := range []string{"Settings", "StoredSettings"} {
		schema := schemas[name].Value
		for _, d := range site.AllSettings() {
			property, ok := schema.Properties[d.Name]
			if !ok {
				t.Errorf("openapi.yaml: schema %s lacks the property %s", name, d.Name)
				continue
			}
			if required := slices.Contains(schema.Required, d.Name); required != (d.Since == "") {
				t.Errorf("openapi.yaml: schema %s: %s has required %t, but came with version %q", name, d.Name, required, d.Since)
			}
			longest := property.Value.MaxLength
			if name == "Settings" && d.MaxLength > 0 && (longest == nil || int(*longest) != d.MaxLength) {
				t.Errorf("openapi.yaml: schema %s: the maxLength of %s is not %d", name, d.Name, d.MaxLength)
			}
			if d.Format == site.Choice && name == "Settings" {
				for _, value := range d.Choices {
					if !slices.Contains(property.Value.Enum, any(value)) {
						t.Errorf("openapi.yaml: schema %s: the enum of %s lacks %q", name, d.Name, value)
					}
				}
			}
		}
		if got, want := len(schema.Properties), len(site.AllSettings()); got != want {
			t.Errorf("openapi.yaml: schema %s has %d properties, want %d, one per setting", name, got, want)
		}
	}
	attributes := schemas["Diagnosis"].Value.Properties["attribute"].Value.Enum
	for _, d := range site.AllSettings() {
		if !slices.Contains(attributes, any(d.Name)) {
			t.Errorf("openapi.yaml: the enum of Diagnosis.attribute lacks %s", d.Name)
		}
	}
}

// The JSON of zero settings is that of 1.0, so that a site which does not support a setting is not sent it while it is unset.
func TestUnsetSettingsAreNotSent(t *testing.T) {
	document, err := json.Marshal(site.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"host":"","port":0,"encryption":"","username":"","from_address":"","from_name":"","helo_name":""}`
	if string(document) != want {
		t.Errorf("got %s, want %s", document, want)
	}
}
