// Command schemas prints the provider's schemas in the format of "terraform providers schema -json", for tfplugindocs. It reads them
// from the provider itself, because a CLI omits what is newer than it, and those pages would be missing.
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

// address is the provider's address that tfplugindocs looks for.
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
