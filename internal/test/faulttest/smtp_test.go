package faulttest_test

import (
	"context"
	"net"
	"strconv"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/faulttest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestSMTPOnTheNetworkOfTheMachine: without a fault, the proxy changes nothing; a fault lasts until Heal.
func TestSMTPOnTheNetworkOfTheMachine(t *testing.T) {
	server := smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{"app@example.com": secret.New("right")}})
	proxy, err := faulttest.NewSMTP(faulttest.SMTPConfig{
		Host: "127.0.0.1", RootCAs: server.RootCAs(),
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(server.Host(), strconv.Itoa(server.Port())))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	sender := &submit.Sender{RootCAs: proxy.RootCAs()}
	send := func() site.TestResult {
		return sender.Send(t.Context(), site.Candidate{
			Settings: site.Settings{
				Host: proxy.Host(), Port: proxy.Port(), Encryption: site.STARTTLS, Username: "app@example.com", FromAddress: "app@example.com",
			},
			Password: secret.New("right"),
		}, "ops@example.com")
	}
	if got := send(); got.Status != site.Passed || len(server.Messages()) != 1 || !server.Messages()[0].TLS {
		t.Errorf("got %+v, %d messages", got, len(server.Messages()))
	}
	for _, f := range faulttest.SMTPFaults() {
		if f.Stage == site.StageData && f.Name == "Lost250" {
			proxy.Break(f)
		}
	}
	if got := send(); got.Status != site.InDoubt || len(server.Messages()) != 2 {
		t.Errorf("got %+v, %d messages", got, len(server.Messages()))
	}
	proxy.Heal()
	if got := send(); got.Status != site.Passed || len(server.Messages()) != 3 {
		t.Errorf("got %+v, %d messages", got, len(server.Messages()))
	}
}
