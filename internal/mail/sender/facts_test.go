package sender

import (
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
)

func TestFactsAreOfPresets(t *testing.T) {
	if n := strings.Count(string(file), `"preset"`); n != len(load()) {
		t.Errorf("%d facts of %d presets", n, len(load()))
	}
	for id := range load() {
		if _, ok := presets.ByID(id); !ok {
			t.Errorf("no preset %q", id)
		}
	}
}
