// Command release checks a folder with a release made by GoReleaser, as the registries of Terraform and OpenTofu read it. It also prints
// the release notes of a version from CHANGELOG.md.
//
//	go run ./internal/dev/release -verify DIR -plugin DIR
//	go run ./internal/dev/release -notes 0.1.0
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/sitemail/terraform-provider-smtp/internal/test/pinned"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run executes the command in args and writes the result to out; usage goes to log.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(log)
	checked := flags.String("verify", "", "the `folder` to check")
	plugin := flags.String("plugin", "", "the `folder` with the WordPress plugin to check")
	version := flags.String("notes", "", "the `version` whose section of CHANGELOG.md to print")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := pinned.ModuleRoot(ctx)
	if err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0 || (*checked == "") == (*version == "") || (*checked == "") != (*plugin == ""):
		return errors.New("use either -verify and -plugin, or -notes")
	case *version != "":
		if !versionPattern.MatchString(*version) {
			return fmt.Errorf("%q is not a version such as 0.1.0 or 0.2.0-beta1", *version)
		}
		return writeNotes(out, root, *version)
	}
	platforms, err := readPlatforms(root)
	if err != nil {
		return err
	}
	found, err := verify(ctx, root, *checked, platforms)
	if err := errors.Join(err, verifyPlugin(*plugin)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s %s for %v, as the registries require.\n", *checked, project, found, platforms)
	return err
}
