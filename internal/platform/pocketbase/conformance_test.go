package pocketbase_test

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/pocketbasetest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/smtptest"
)

func TestConformance(t *testing.T) {
	mail := smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailer: password}})
	good := site.Candidate{Password: password, Settings: site.Settings{
		Host: mail.Host(), Port: mail.Port(), Encryption: site.STARTTLS, Username: mailer,
		FromAddress: mailer, FromName: "Client A", HELOName: "client-a.example.com",
	}}
	sitetest.Run(t, sitetest.Target{
		Open: func(t *testing.T) site.Site {
			t.Helper()
			server := pocketbasetest.Start(t, pocketbasetest.Config{CAPEM: mail.CAPEM()})
			return openGenuine(t, server, adminapi.Account{Username: server.Username, Password: server.Password})
		},
		Good:      good,
		Bad:       site.Candidate{Settings: good.Settings, Password: secret.New("not the password")},
		Recipient: recipient,
		Inbox:     func() int { return mail.Counters().Messages },
	})
}
