package provider

import (
	"maps"
	"testing"
)

func TestQuieten(t *testing.T) {
	off := map[string]string{"TF_LOG_SDK": "OFF", "TF_LOG_SDK_FRAMEWORK": "OFF", "TF_LOG_SDK_PROTO": "OFF", "TF_LOG_PROVIDER_SMTP": "OFF"}
	for variable, want := range map[string]map[string]string{
		"PATH=/bin":                off,
		"TF_LOG=":                  off,
		"TF_LOGIN=x":               off,
		"TF_LOG=TRACE":             {},
		"TF_LOG_PROVIDER=DEBUG":    {},
		"TF_LOG_SDK_PROTO=TRACE":   {},
		"TF_LOG_PROVIDER_SMTP=ERR": {},
	} {
		got := map[string]string{}
		quieten([]string{"HOME=/", variable}, func(name, value string) error {
			got[name] = value
			return nil
		})
		if !maps.Equal(got, want) {
			t.Errorf("with %q: set %v, want %v", variable, got, want)
		}
	}
}
