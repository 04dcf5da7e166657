package pocketbase_test

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/pocketbase/pocketbasetest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestConformance(t *testing.T) {
	mail := smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailer: password}})
	good, bad := sitetest.Candidates(mail.Host(), mail.Port(), site.STARTTLS, mailer, password)
	sitetest.Run(t, sitetest.Target{
		Open: func(t *testing.T) site.Site {
			t.Helper()
			server := pocketbasetest.Start(t, pocketbasetest.Config{CAPEM: mail.CAPEM()})
			return openGenuine(t, server, adminapi.Account{Username: server.Username, Password: server.Password})
		},
		Good:      good,
		Bad:       bad,
		Recipient: recipient,
		Inbox:     func() int { return mail.Counters().Messages },
	})
}
