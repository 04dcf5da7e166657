package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

//go:embed inbox.tf
var inboxConfiguration string

// recipient is the mailbox that receives the test messages, inboxPassword its password.
const recipient = "ops@agency.example"

var inboxPassword = secret.New("cedar-window-marble-23")

// delivery is the folder into which the receiver puts a message, and its Authentication-Results.
type delivery struct{ folder, results string }

// inboxStory is about a message that is accepted, but goes to Junk.
func inboxStory() plot {
	return plot{configuration: inboxConfiguration, sections: []section{
		{"What you write: the test message must reach an inbox and pass DMARC", (*story).configuration},
		{"The message is accepted but goes to Junk: nothing is saved", (*story).applyToJunk},
		{"With a DKIM record, it reaches the inbox: mail is enabled", (*story).applyToInbox},
		{"The site's own report: mail is on", (*story).settings},
	}}
}

func (s *story) applyToJunk(ctx context.Context) error {
	s.set.delivers.Store(&delivery{"Junk", "spf=softfail smtp.mailfrom=client.example; dkim=none; dmarc=fail (p=quarantine) header.from=client.example"})
	said, err := s.run(ctx, s.set.password, 1, "apply", "-auto-approve")
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		return fmt.Errorf("the apply ended with %w, not with an error of its own", err)
	}
	holds, err := s.set.holds(ctx)
	return errors.Join(err, says(said, "was accepted, but went to"), says(said, "_domainkey.client.example"), says(holds, `"enabled": false`), s.received(1))
}

func (s *story) applyToInbox(ctx context.Context) error {
	s.set.delivers.Store(&delivery{"INBOX", "spf=softfail smtp.mailfrom=client.example; dkim=pass header.d=client.example; dmarc=pass header.from=client.example"})
	said, err := s.run(ctx, s.set.password, 1, "apply", "-auto-approve")
	return errors.Join(err, says(said, "1 added, 0 changed, 0 destroyed"), says(said, `"dmarc" = "pass"`), s.received(2))
}

// deliver puts a message that the mail server accepted into the mailbox, like a receiver.
func (s *set) deliver(m smtptest.Message) {
	by := s.delivers.Load()
	header := "Authentication-Results: mx.agency.example; " + by.results + "\r\n"
	// This fails only if the folder is missing, which the story would notice.
	_ = s.inbox.Deliver(by.folder, append([]byte(header), m.Data...))
}
