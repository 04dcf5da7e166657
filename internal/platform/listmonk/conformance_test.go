package listmonk_test

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/listmonk/listmonktest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// The last enabled server cannot be switched off, so a second one is enabled together with ours.
func TestConformance(t *testing.T) {
	mail := smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailer: password}})
	good, bad := sitetest.Candidates(mail.Host(), mail.Port(), site.STARTTLS, mailer, password)
	sitetest.Run(t, sitetest.Target{
		Open: func(t *testing.T) site.Site {
			t.Helper()
			server := listmonktest.Start(t, listmonktest.Config{RootCAs: mail.RootCAs()})
			server.Join()
			return openReplay(t, server)
		},
		Good:      good,
		Bad:       bad,
		Recipient: recipient,
		Inbox:     func() int { return mail.Counters().Messages },
	})
}
