package inbox

import (
	"context"
	"errors"
	"net/http"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// login logs in with a password or a token, whichever is configured.
func (s *session) login(ctx context.Context, c Config) error {
	if c.Token == nil {
		if err := s.loginWithPassword(c); err != nil {
			return &stepError{site.InboxLogin, "logging in to the test inbox", err}
		}
		return nil
	}
	token, err := c.Token(ctx)
	if err != nil {
		return &stepError{site.InboxLogin, "fetching the access token of the test inbox", err}
	}
	if err := s.loginWithToken(c.Username, token); err != nil {
		return &stepError{site.InboxLogin, "logging in to the test inbox with an access token", err}
	}
	return nil
}

func (s *session) loginWithPassword(c Config) error {
	caps := s.client.Caps()
	switch {
	case !caps.Has(imap.CapLoginDisabled):
		return s.client.Login(c.Username, c.Password.Reveal()).Wait()
	case caps.Has(imap.AuthCap(sasl.Plain)):
		return s.client.Authenticate(sasl.NewPlainClient("", c.Username, c.Password.Reveal()))
	}
	return &refusedError{"the server takes no password (LOGINDISABLED)"}
}

// loginWithToken prefers XOAUTH2, which Microsoft and Google support, to OAUTHBEARER.
func (s *session) loginWithToken(username string, token secret.Text) error {
	caps := s.client.Caps()
	switch {
	case caps.Has(imap.AuthCap(xoauth2)):
		return s.client.Authenticate(&tokenLogin{username, token})
	case caps.Has(imap.AuthCap(sasl.OAuthBearer)):
		return s.client.Authenticate(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: username, Token: token.Reveal()}))
	}
	return &refusedError{"the server offers no login with a token (AUTH=XOAUTH2)"}
}

const xoauth2 = "XOAUTH2"

// tokenLogin implements XOAUTH2, which go-sasl no longer supports.
type tokenLogin struct {
	username string
	token    secret.Text
}

// Start implements [sasl.Client].
func (t *tokenLogin) Start() (mechanism string, response []byte, err error) {
	return xoauth2, []byte("user=" + t.username + "\x01auth=Bearer " + t.token.Reveal() + "\x01\x01"), nil
}

// Next implements [sasl.Client]. A challenge says why the token was refused.
func (t *tokenLogin) Next(challenge []byte) ([]byte, error) {
	return nil, &refusedError{"the server refused the access token: " + string(challenge)}
}

// refusedError is a refusal that is not the response to a command.
type refusedError struct{ why string }

func (r *refusedError) Error() string { return r.why }

// isRefusal reports whether the server refused the login, so that a retry would fail too. Any other error may be a network failure.
func isRefusal(err error) bool {
	_, byServer := errors.AsType[*refusedError](err)
	_, bearer := errors.AsType[*sasl.OAuthBearerError](err)
	endpoint, byEndpoint := errors.AsType[*oauth.Error](err)
	return byServer || bearer || byEndpoint && endpoint.Status < http.StatusInternalServerError && endpoint.Status != http.StatusTooManyRequests
}
