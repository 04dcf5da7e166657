// Schema prints the provider's schemas as "providers schema -json" does, under the address that tfplugindocs looks for.
// It asks the pinned OpenTofu, because what the answer holds depends on the version.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/sitemail/terraform-provider-smtp/internal/tfcli"
)

const address = "registry.terraform.io/hashicorp/smtp"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cli, err := tfcli.Pinned(ctx, os.Stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "smtp-schema-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w, err := cli.NewWorkspace(ctx, dir, address)
	if err != nil {
		return err
	}
	config := fmt.Sprintf("terraform {\n  required_providers {\n    smtp = { source = %q }\n  }\n}\n", address)
	if err := w.Init(ctx, config); err != nil {
		return err
	}
	show := w.Command(ctx, "providers", "schema", "-json")
	show.Stdout, show.Stderr = os.Stdout, os.Stderr
	return show.Run()
}
