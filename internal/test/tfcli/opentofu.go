package tfcli

import (
	"context"
	"io"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

// openTofu is built as a release, because a development version does not satisfy version constraints.
func openTofu() pinned.Program {
	const module = "github.com/opentofu/opentofu"
	return pinned.Program{
		Name: "opentofu", Title: "OpenTofu", Module: module,
		Flags: []string{"-ldflags", "-s -w -X " + module + "/version.dev=no"},
	}
}

// Pinned returns the OpenTofu that internal/dev/tools/opentofu pins, and builds it into .bin first if necessary. Building takes minutes;
// Pinned writes a line to log that says so. It works from any folder of this module.
func Pinned(ctx context.Context, log io.Writer) (CLI, error) {
	return pinnedCLI(ctx, log, "Not built yet")
}

func pinnedCLI(ctx context.Context, log io.Writer, why string) (CLI, error) {
	path, err := openTofu().Path(ctx, log, why)
	if err != nil {
		return CLI{}, err
	}
	return probe(ctx, path)
}
