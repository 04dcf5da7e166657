package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

//go:embed oauth2.tf
var tokenConfiguration string

var rotatedSecret = secret.New("birch-lantern-quarry-58")

// oauth2Story is about a login with a token instead of a password.
func oauth2Story() plot {
	return plot{configuration: tokenConfiguration, tokens: true, sections: []section{
		{"What you write: no password, only an application and its secret", (*story).configuration},
		{"The plan", (*story).plan},
		{"The apply: the site fetches a token, tests it, then saves and enables", (*story).apply},
		{"The message, as the mail server received it", (*story).message},
		{"The site's own report: mail is on, and the secret is not shown", (*story).settings},
		{"A wrong secret: no token, so the site does not even contact the mail server", (*story).applyWrongSecret},
		{"No permission for the mailbox: a valid token, but the login is refused", (*story).applyWithoutPermission},
		{"The secret is rotated: tested with a new token, then saved", (*story).rotate},
	}}
}

func (s *story) applyWrongSecret(ctx context.Context) error {
	logins := s.set.mail.Counters().Logins
	if err := s.applyInVain(ctx, wrongPassword, 2, "401 invalid_client"); err != nil {
		return err
	}
	if got := s.set.mail.Counters().Logins; got != logins {
		return fmt.Errorf("the mail server saw %d logins more", got-logins)
	}
	return nil
}

func (s *story) applyWithoutPermission(ctx context.Context) error {
	if err := s.set.allow(s.set.password); err != nil {
		return err
	}
	return s.applyInVain(ctx, s.set.password, 3, "535")
}

// applyInVain runs an apply that must fail, with words in its output, and must change nothing.
func (s *story) applyInVain(ctx context.Context, password secret.Text, version int, words string) error {
	said, err := s.run(ctx, password, version, "apply", "-auto-approve")
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		return fmt.Errorf("the apply ended with %w, not with an error of its own", err)
	}
	holds, err := s.set.holds(ctx)
	if err == nil && holds != s.held {
		err = fmt.Errorf("the site changed:\n%s", holds)
	}
	return errors.Join(err, says(said, words), s.received(1))
}

func (s *story) rotate(ctx context.Context) error {
	if err := s.set.allow(rotatedSecret, username); err != nil {
		return err
	}
	said, err := s.run(ctx, rotatedSecret, 4, "apply", "-auto-approve")
	return errors.Join(err, says(said, "0 added, 1 changed, 0 destroyed"), s.received(2))
}
