package sender

import (
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
)

func TestFactsAreOfPresets(t *testing.T) {
	if n := strings.Count(string(file), `"preset"`); n != len(load()) {
		t.Errorf("got %d facts for %d presets", n, len(load()))
	}
	for i, f := range load() {
		if _, ok := presets.ByID(f.Preset); !ok {
			t.Errorf("no preset %q", f.Preset)
		}
		if i > 0 && load()[i-1].Preset >= f.Preset {
			t.Errorf("%q is out of order or duplicate", f.Preset)
		}
	}
}
