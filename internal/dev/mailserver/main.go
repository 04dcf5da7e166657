// Command mailserver is a mail server for experiments: it accepts every message from one account, and prints it.
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
	"syscall"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const usage = `mailserver accepts mail from one account over STARTTLS, prints it, and delivers nothing.

The password of the account is the environment variable MAIL_PASSWORD.

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mailserver:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, env func(string) string, out, stderr io.Writer) error {
	var listen, user, ca string
	f := flag.NewFlagSet("mailserver", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		_, _ = io.WriteString(stderr, usage)
		f.PrintDefaults()
	}
	f.StringVar(&listen, "listen", "127.0.0.1:2525", "`address` to listen on")
	f.StringVar(&user, "user", "", "`username` of the account")
	f.StringVar(&ca, "ca", "", "`file` to write the CA certificate (PEM) of this server to")
	if err := f.Parse(args); err != nil {
		return err
	}
	password := secret.New(env("MAIL_PASSWORD"))
	switch {
	case f.NArg() > 0:
		return fmt.Errorf("unknown argument %q", f.Arg(0))
	case user == "" || password.IsEmpty():
		return errors.New("-user or MAIL_PASSWORD is missing")
	}
	server, err := smtptest.New(smtptest.Config{
		Address: listen, Users: map[string]secret.Text{user: password},
		Taken: func(m smtptest.Message) { show(out, m) },
	})
	if err != nil {
		return err
	}
	if ca != "" {
		err = os.WriteFile(ca, server.CAPEM(), 0o600)
	}
	if err == nil {
		fmt.Fprintf(out, "accepting mail from %s at %s:%d\n", user, server.Host(), server.Port())
		<-ctx.Done()
	}
	return errors.Join(err, server.Close())
}

// show prints a message as received.
func show(out io.Writer, m smtptest.Message) {
	fmt.Fprintf(out, "\n%s to %s:\n\n", m.From, strings.Join(m.To, ", "))
	for line := range strings.Lines(string(m.Data)) {
		fmt.Fprintln(out, strings.TrimRight("    "+line, " \r\n"))
	}
}
