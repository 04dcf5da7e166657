package inbox_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/inbox"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/imaptest"
)

const token = "ey.token-of-the-inbox.x"

// tokenOnly is a server that takes that token of the mailbox, and no password.
func tokenOnly(mechanism string) imaptest.Config {
	return imaptest.Config{TokensOnly: true, TokenMechanism: mechanism, CheckToken: func(user string, given secret.Text) error {
		if user != recipient || given.Reveal() != token {
			return errors.New("not that token")
		}
		return nil
	}}
}

func TestLoginWithAToken(t *testing.T) {
	for _, mechanism := range []string{"XOAUTH2", sasl.OAuthBearer} {
		t.Run(mechanism, func(t *testing.T) {
			withMailbox(t, tokenOnly(mechanism), func(f *fixture) {
				fetched := 0
				f.config.Password = secret.Text{}
				f.config.Token = func(context.Context) (secret.Text, error) {
					fetched++
					return secret.New(token), nil
				}
				watch, err := newMailbox(f).Watch(f.Context(), sender, recipient)
				if err != nil {
					t.Fatal(err)
				}
				f.deliver("INBOX", message(id))
				if arrival, err := f.find(watch, accepted(id, "Ok")); err != nil || arrival.Place != site.PlaceInbox || fetched != 1 {
					t.Errorf("got %+v, %v, after %d tokens", arrival, err, fetched)
				}
			})
		})
	}
}

func TestLoginWithATokenThatFails(t *testing.T) {
	give := func(given string, err error) func(*inbox.Config) {
		return func(c *inbox.Config) {
			c.Password = secret.Text{}
			c.Token = func(context.Context) (secret.Text, error) { return secret.New(given), err }
			c.Secrets = []secret.Text{secret.New(clientSecret)}
		}
	}
	unreachable := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for name, tt := range map[string]struct {
		server imaptest.Config
		change func(*inbox.Config)
		want   site.Shortfall
		says   string
		// tried is how many logins reach a server: one that was refused is not tried again.
		tried int
	}{
		"Refused":         {tokenOnly("XOAUTH2"), give("ey.wrong.x", nil), site.InboxLogin, "refused the access token", 1},
		"RefusedBearer":   {tokenOnly(sasl.OAuthBearer), give("ey.wrong.x", nil), site.InboxLogin, "OAUTHBEARER", 1},
		"NotOffered":      {imaptest.Config{}, give(token, nil), site.InboxLogin, "no login with a token", 0},
		"PasswordRefused": {tokenOnly("XOAUTH2"), func(*inbox.Config) {}, site.InboxLogin, "LOGIN failed", 1},
		"WrongSecret":     {tokenOnly("XOAUTH2"), give("", &oauth.Error{Status: 401, Code: "invalid_client", Description: "AADSTS7000215: not " + clientSecret}), site.InboxLogin, "[redacted]", 0},
		"EndpointDown":    {tokenOnly("XOAUTH2"), give("", &oauth.Error{Status: 503}), site.InboxConnect, "503", 0},
		"EndpointBusy":    {tokenOnly("XOAUTH2"), give("", &oauth.Error{Status: 429}), site.InboxConnect, "429", 0},
		"EndpointGone":    {tokenOnly("XOAUTH2"), give("", unreachable), site.InboxConnect, "connection refused", 0},
	} {
		t.Run(name, func(t *testing.T) {
			withMailbox(t, tt.server, func(f *fixture) {
				tt.change(&f.config)
				mailbox := newMailbox(f)
				for range 3 {
					_, err := mailbox.Watch(f.Context(), sender, recipient)
					if shortfallOf(err) != tt.want || !strings.Contains(err.Error(), tt.says) {
						t.Errorf("got %s: %v", shortfallOf(err), err)
					}
					if strings.Contains(err.Error(), clientSecret) || strings.Contains(err.Error(), "ey.wrong.x") {
						t.Errorf("the error shows a secret: %v", err)
					}
				}
				if seen := f.server.Seen(); seen.Logins != tt.tried {
					t.Errorf("got %d logins, want %d", seen.Logins, tt.tried)
				}
			})
		})
	}
}

const clientSecret = "client-secret-of-the-inbox"
