// Command which prints the path of the Terraform or OpenTofu that tests and the demo drive.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	pinned := flag.Bool("pinned", false, "print the path of the pinned OpenTofu, even if another CLI is installed")
	flag.Parse()
	find := tfcli.Find
	if *pinned {
		find = tfcli.Pinned
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cli, err := find(ctx, os.Stderr)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(os.Stdout, cli.Path)
	return err
}
