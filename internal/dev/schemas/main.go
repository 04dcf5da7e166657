// Schemas prints the provider's schemas as "terraform providers schema -json" does, for tfplugindocs. It asks the provider
// itself, because a CLI leaves out what is newer than it is, and no page would come of that.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/sitemail/terraform-provider-smtp/internal/provider"
)

// address is the one that tfplugindocs looks for.
const address = "registry.terraform.io/hashicorp/smtp"

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	server := provider.NewServer(nil, "docs")()
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return err
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return err
	}
	for _, d := range append(schemas.Diagnostics, identities.Diagnostics...) {
		err = errors.Join(err, fmt.Errorf("%s: %s", d.Summary, d.Detail))
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(map[string]any{
		"format_version":   "1.0",
		"provider_schemas": map[string]any{address: toWire(schemas, identities)},
	})
}
