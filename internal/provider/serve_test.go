package provider

import (
	"maps"
	"testing"
	"time"
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
		silenceLogs([]string{"HOME=/", variable}, func(name, value string) error {
			got[name] = value
			return nil
		})
		if !maps.Equal(got, want) {
			t.Errorf("with %q: got set %v, want %v", variable, got, want)
		}
	}
}

func TestR21WaitsForANewParent(t *testing.T) {
	ticks, parents := make(chan time.Time, 4), []int{7, 7, 1, 1}
	for range parents {
		ticks <- time.Time{}
	}
	waitForNewParent(7, func() int {
		parent := parents[0]
		parents = parents[1:]
		return parent
	}, ticks)
	if len(parents) != 1 || len(ticks) != 1 {
		t.Errorf("the watch did not stop at the first tick with another parent: %d parents and %d ticks left", len(parents), len(ticks))
	}
}
