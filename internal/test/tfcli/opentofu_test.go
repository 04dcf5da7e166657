package tfcli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

func TestThePinIsARelease(t *testing.T) {
	program := openTofu()
	version, err := pinned.Go(t.Context(), "list", "-C", filepath.Join("..", "..", "dev", "tools", program.Name), "-m", "-f", "{{.Version}}", program.Module)
	if err != nil || !strings.HasPrefix(version, "v1.") {
		t.Errorf("got %q, %v, want a release of OpenTofu 1", version, err)
	}
	if !slices.ContainsFunc(program.Flags, func(flag string) bool { return strings.Contains(flag, "/version.dev=no") }) {
		t.Errorf("%q builds a development version", program.Flags)
	}
}
