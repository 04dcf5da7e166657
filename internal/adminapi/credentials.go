package adminapi

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Account is what a user configures to log in with: a token, or a username and a password, or nothing. Each platform turns it
// into [Credentials].
type Account struct {
	Token    secret.Text
	Username string
	Password secret.Text
}

// Validate returns a *[ConfigError] unless a is one of these three.
func (a Account) Validate() error {
	switch {
	case !a.Token.IsEmpty() && (a.Username != "" || !a.Password.IsEmpty()):
		return &ConfigError{"token", "Give either a token or a username and a password, not both."}
	case a.Username == "" && !a.Password.IsEmpty():
		return &ConfigError{"username", "A password needs the username that it belongs to."}
	case a.Username != "" && a.Password.IsEmpty():
		return &ConfigError{"password", "A username needs its password."}
	case strings.TrimSpace(a.Token.Reveal()) != a.Token.Reveal():
		return &ConfigError{"token", "It begins or ends with white space, as a token that is read from a file often does; use trimspace(file(…))."}
	case strings.ContainsFunc(a.Token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }):
		return &ConfigError{"token", "It contains a space, a line break or another character that no token has."}
	}
	return nil
}

// Parts are the login and the token of an account whose platform takes them together: one for the web server in front of the site, and
// one for the site itself.
func (a Account) Parts() (login, token Account) {
	return Account{Username: a.Username, Password: a.Password}, Account{Token: a.Token}
}

// Session returns credentials for a token, or for a login with username and password; nil for neither. The error is a
// *[ConfigError].
func (a Account) Session(login LoginFunc) (Credentials, error) {
	err := a.Validate()
	switch {
	case err != nil:
		return nil, err
	case !a.Token.IsEmpty():
		return Bearer(a.Token), nil
	case a.Username != "":
		return Session(login), nil
	}
	return nil, nil
}

// Basic returns credentials for username and password; nil for neither. For a token the error is a *[ConfigError] with noToken as its
// message, which says what the product accepts instead.
func (a Account) Basic(noToken string) (Credentials, error) {
	err := a.Validate()
	switch {
	case err != nil:
		return nil, err
	case !a.Token.IsEmpty():
		return nil, &ConfigError{"token", noToken}
	case a.Username != "":
		return Basic(a.Username, a.Password), nil
	}
	return nil, nil
}

// Credentials give the value of the Authorization header (RFC 9110 section 11.6.2).
type Credentials interface {
	// authorization returns a value other than rejected, if there can be one, or an *[Error]. It makes its own requests with
	// anonymous.
	authorization(ctx context.Context, anonymous *Client, rejected secret.Text) (secret.Text, error)
}

type fixed struct{ value secret.Text }

func (f fixed) authorization(context.Context, *Client, secret.Text) (secret.Text, error) {
	return f.value, nil
}

// Bearer sends a token as it is (RFC 6750 section 2.1).
func Bearer(token secret.Text) Credentials { return fixed{secret.New("Bearer " + token.Reveal())} }

// Basic sends username and password with every request (RFC 7617).
func Basic(username string, password secret.Text) Credentials {
	pair := base64.StdEncoding.EncodeToString([]byte(username + ":" + password.Reveal()))
	return fixed{secret.New("Basic " + pair)}
}

// beside are credentials with a token in a header of its own.
type beside struct {
	Credentials
	header string
	token  secret.Text
}

// WithToken sends a token in that header with every request, for a site whose Authorization header is taken by something in front of
// it, such as the web server's login of a staging site.
func WithToken(credentials Credentials, header string, token secret.Text) Credentials {
	return beside{credentials, header, token}
}

// authorized adds the credentials, and tries once more with new ones if they are no longer accepted.
func authorized(next http.RoundTripper, c *Client) http.RoundTripper {
	if c.credentials == nil {
		return next
	}
	return layer(func(req *http.Request) (*http.Response, error) {
		used, err := c.authorization(req.Context(), secret.Text{})
		if err != nil {
			return nil, err
		}
		resp, err := c.sendAuthorized(next, req, used)
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			return resp, err
		}
		renewed, err := c.authorization(req.Context(), used)
		if err != nil {
			return nil, err
		}
		if renewed.Equal(used) {
			return resp, nil
		}
		return c.sendAuthorized(next, req, renewed)
	})
}

// sendAuthorized sends a copy of req with the credentials, which no response may repeat from then on.
func (c *Client) sendAuthorized(next http.RoundTripper, req *http.Request, value secret.Text) (*http.Response, error) {
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	again.Body = body
	c.secrets.addAuthorization(value)
	again.Header.Set("Authorization", value.Reveal())
	if own, ok := c.credentials.(beside); ok {
		c.secrets.Add(own.token)
		again.Header.Set(own.header, own.token.Reveal())
	}
	return next.RoundTrip(again)
}

func (c *Client) authorization(ctx context.Context, rejected secret.Text) (secret.Text, error) {
	anonymous := *c
	anonymous.credentials = nil
	return c.credentials.authorization(ctx, &anonymous, rejected)
}
