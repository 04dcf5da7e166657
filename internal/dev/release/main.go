// Release builds the archives of a version as the registries of Terraform and OpenTofu want them, and checks a folder that
// holds a release, whether made here or by GoReleaser, as they read it.
//
//	go run ./internal/dev/release -version 0.1.0 -out DIR          builds
//	go run ./internal/dev/release -verify DIR                      checks
//	go run ./internal/dev/release -verify DIR -twice               checks, and compares with what it builds itself
//	go run ./internal/dev/release -version 0.1.0 -notes            prints what CHANGELOG.md says of it
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

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

// run does what args say. What was asked for goes to out, and what takes time is named on log.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(log)
	version := flags.String("version", "", "the version, such as 0.1.0")
	dir := flags.String("out", "", "the folder to build into")
	twice := flags.Bool("twice", false, "build again elsewhere, with an empty cache, and compare")
	checked := flags.String("verify", "", "the folder to check")
	notes := flags.Bool("notes", false, "print the section of CHANGELOG.md")
	only := flags.String("platforms", "", "those that .goreleaser.yml has and this list names, such as linux_amd64,windows_386")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := pinned.ModuleRoot(ctx)
	if err != nil {
		return err
	}
	r, err := readRecipe(root)
	if err != nil {
		return err
	}
	if *only != "" {
		if r.platforms, err = r.named(strings.Split(*only, ",")); err != nil {
			return err
		}
	}
	b := builder{recipe: r, version: *version, root: root, log: log}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("%q: what to do is said by flags", flags.Args())
	case *checked != "":
		if b.version, err = verify(ctx, root, *checked, r.platforms); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %s %s for %v, as the registries want it.\n", *checked, project, b.version, r.platforms)
	case !versionPattern.MatchString(*version):
		return fmt.Errorf("%q is no version such as 0.1.0 or 0.2.0-beta1", *version)
	case *notes:
		return writeNotes(out, root, *version)
	case *dir == "":
		return errors.New("give -out, -verify or -notes")
	}
	if b.modified, err = modified(ctx, root); err != nil {
		return err
	}
	if *checked == "" {
		if err := b.build(ctx, *dir); err != nil {
			return err
		}
		*checked = *dir
	}
	if *twice {
		return b.compare(ctx, *checked, true)
	}
	return nil
}
