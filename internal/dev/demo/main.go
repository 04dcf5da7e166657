// Command demo plays a whole story on this machine: a plan, an apply that tests before it saves, the message that arrived, an apply that
// changes nothing, and a wrong password that does no harm. With -story oauth2 it plays the same with a token; with -story inbox, a
// message that goes to Junk. It fails if anything differs from the story.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

// plots are the stories by name.
var plots = map[string]func() plot{"password": passwordStory, "oauth2": oauth2Story, "inbox": inboxStory}

func main() {
	color := flag.Bool("color", false, "show the CLI's output in color")
	name := flag.String("story", "password", "story to play: password, oauth2 or inbox")
	flag.Parse()
	plot, known := plots[*name]
	if !known {
		fmt.Fprintf(os.Stderr, "demo: there is no story %q; choose password, oauth2 or inbox\n", *name)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, plot(), os.Stdout, os.Stderr, *color)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run plays the story on out. Messages about slow preparations go to log.
func run(ctx context.Context, p plot, out, log io.Writer, color bool) (err error) {
	cli, err := tfcli.Find(ctx, log)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "smtp-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	set, err := build(ctx, filepath.Join(dir, "site.db"), p.tokens)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.close(ctx)) }()
	fmt.Fprintln(log, "Building the provider.")
	workspace, err := cli.NewWorkspace(ctx, filepath.Join(dir, "plan"), "sitemail/smtp")
	if err != nil {
		return err
	}
	story := newStory(p, cli, workspace, set, out)
	story.color = color
	return story.tell(ctx)
}
