package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

//go:embed demo.tf
var configuration string

const width = 80

var wrongPassword = secret.New("pear-harbour-linden-17")

// beginningOfTokens is how every JSON Web Token begins.
var beginningOfTokens = secret.New("eyJ")

// plot is a configuration and the sections of its story. Each section plays a part, and returns an error if that goes wrong.
type plot struct {
	configuration string
	// tokens is true if the story needs an OpenID provider.
	tokens   bool
	sections []section
}

type section struct {
	title string
	play  func(*story, context.Context) error
}

// passwordStory is about a login with a password.
func passwordStory() plot {
	return plot{configuration: configuration, sections: []section{
		{"What you write", (*story).configuration},
		{"The plan", (*story).plan},
		{"The apply: first a test message, then one write that saves and enables", (*story).apply},
		{"The message, as the mail server received it", (*story).message},
		{"The site's own report: mail is on, and the password is not shown", (*story).settings},
		{"Applied again: nothing to do, and no message is sent", (*story).applyAgain},
		{"A wrong password: the apply fails, and mail works as before", (*story).applyWrongPassword},
	}}
}

// story is a plot that is being played.
type story struct {
	plot      plot
	cli       tfcli.CLI
	workspace tfcli.Workspace
	set       *set
	out       io.Writer
	// color keeps the CLI's colors.
	color bool
	// told is everything that went to out.
	told bytes.Buffer
	// held are the site's settings when they worked.
	held string
}

func newStory(p plot, cli tfcli.CLI, workspace tfcli.Workspace, set *set, out io.Writer) *story {
	s := &story{plot: p, cli: cli, workspace: workspace, set: set}
	s.out = io.MultiWriter(out, &s.told)
	return s
}

func (s *story) tell(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return err
	}
	for i, section := range s.plot.sections {
		fmt.Fprintf(s.out, "\n%d. %s\n%s\n\n", i+1, section.title, strings.Repeat("=", width))
		if err := section.play(s, ctx); err != nil {
			return fmt.Errorf("section %d: %w", i+1, err)
		}
	}
	return s.end()
}

func (s *story) begin(ctx context.Context) error {
	servers := " and a mail server:"
	if s.set.tokens != nil {
		servers = ", a mail server\nand the OpenID provider zitadel/oidc:"
	}
	fmt.Fprintf(s.out, "%s, the provider built from here, a site at\n%s%s all real, all on this machine.\n", s.cli, s.set.url, servers)
	return s.workspace.Init(ctx, s.plot.configuration)
}

// end checks what must hold for the whole story.
func (s *story) end() error {
	for _, password := range []secret.Text{s.set.password, wrongPassword, rotatedSecret, inboxPassword, s.set.token, beginningOfTokens} {
		if bytes.Contains(s.told.Bytes(), []byte(password.Reveal())) {
			return errors.New("a secret was printed")
		}
	}
	fmt.Fprint(s.out, "\nEverything went as it should. Nothing remains on this machine.\n")
	return nil
}

// run runs the CLI with this mail password, and shows the command and its output.
func (s *story) run(ctx context.Context, password secret.Text, version int, args ...string) (string, error) {
	fmt.Fprintf(s.out, "$ %s %s\n", s.cli.Name(), strings.Join(args, " "))
	cmd := s.workspace.Command(ctx, args...)
	cmd.Env = append(cmd.Env,
		"TF_INPUT=0",
		"SMTP_SITE_TOKEN="+s.set.token.Reveal(),
		"SMTP_TEST_INBOX_PASSWORD="+inboxPassword.Reveal(),
		"TF_VAR_site="+s.set.url,
		fmt.Sprintf("TF_VAR_inbox_port=%d", s.set.inbox.Port()),
		"TF_VAR_inbox_authority="+string(s.set.inbox.CAPEM()),
		fmt.Sprintf("TF_VAR_mail_server_port=%d", s.set.mail.Port()),
		"TF_VAR_mail_password="+password.Reveal(),
		fmt.Sprintf("TF_VAR_mail_password_version=%d", version),
		"TF_VAR_client_secret="+password.Reveal(),
		fmt.Sprintf("TF_VAR_client_secret_version=%d", version),
	)
	if s.set.tokens != nil {
		cmd.Env = append(cmd.Env, "TF_VAR_token_url="+s.set.tokens.URL())
	}
	if !s.color {
		cmd.Env = append(cmd.Env, "TF_CLI_ARGS=-no-color")
	}
	var said bytes.Buffer
	cmd.Stdout = io.MultiWriter(s.out, &said)
	cmd.Stderr = cmd.Stdout
	err := cmd.Run()
	return said.String(), err
}

func (s *story) configuration(context.Context) error {
	_, err := io.WriteString(s.out, s.plot.configuration)
	return err
}

func (s *story) plan(ctx context.Context) error {
	said, err := s.run(ctx, s.set.password, 1, "plan", "-out=mail.tfplan")
	return errors.Join(err, says(said, "1 to add, 0 to change, 0 to destroy"), s.received(0))
}

func (s *story) apply(ctx context.Context) error {
	said, err := s.run(ctx, s.set.password, 1, "apply", "mail.tfplan")
	return errors.Join(err, says(said, "1 added, 0 changed, 0 destroyed"), s.received(1))
}

func (s *story) message(context.Context) error {
	message := s.set.mail.Messages()[0]
	fmt.Fprintf(s.out, "From %s (logged in) to %s:\n\n", message.From, strings.Join(message.To, ", "))
	for line := range strings.Lines(string(message.Data)) {
		fmt.Fprintln(s.out, strings.TrimRight("    "+line, " \r\n"))
	}
	if !message.TLS || message.User != username {
		return fmt.Errorf("the message came from the user %q with TLS %t", message.User, message.TLS)
	}
	return nil
}

func (s *story) settings(ctx context.Context) (err error) {
	if s.held, err = s.set.holds(ctx); err != nil {
		return err
	}
	fmt.Fprintln(s.out, s.held)
	return errors.Join(says(s.held, `"enabled": true`), says(s.held, `"password_set": true`))
}

func (s *story) applyAgain(ctx context.Context) error {
	said, err := s.run(ctx, s.set.password, 1, "apply", "-auto-approve")
	return errors.Join(err, says(said, "0 added, 0 changed, 0 destroyed"), s.received(1))
}

func (s *story) applyWrongPassword(ctx context.Context) error {
	said, err := s.run(ctx, wrongPassword, 2, "apply", "-auto-approve")
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		return fmt.Errorf("the apply ended with %w, not with an error of its own", err)
	}
	holds, err := s.set.holds(ctx)
	if err == nil && holds != s.held {
		err = fmt.Errorf("the site changed:\n%s", holds)
	}
	if err := errors.Join(err, says(said, "535"), s.received(1)); err != nil {
		return err
	}
	fmt.Fprint(s.out, "\nThe site's settings are unchanged: mail is on, with the password that works.\n")
	return nil
}

// says checks that a text contains these words.
func says(text, want string) error {
	if !strings.Contains(text, want) {
		return fmt.Errorf("nothing says %q", want)
	}
	return nil
}

// received checks how many messages the mail server has accepted so far.
func (s *story) received(want int) error {
	if got := len(s.set.mail.Messages()); got != want {
		return fmt.Errorf("the mail server accepted %d messages, not %d", got, want)
	}
	return nil
}
