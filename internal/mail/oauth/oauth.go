// Package oauth fetches the access token for a mail login from a token endpoint (RFC 6749). The endpoint may be hostile: what is read
// from it is bounded, redirects are not followed, and its texts are untrusted.
package oauth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/loopback"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const (
	// maxAnswer is the largest answer that is read, in bytes.
	maxAnswer = 64 << 10
	// maxToken keeps the base64 of a token inside the longest line of AUTH, 12,288 octets (RFC 4954 section 4).
	maxToken = 8 << 10
	// maxURL is the longest address of a token endpoint.
	maxURL = 2048
)

// Client fetches tokens. The zero Client uses the system's resolver and roots. It uses no proxy, so the address that Control sees is the
// one that the secret is sent to.
type Client struct {
	// Control is called with each address before it is dialled, as in [net.Dialer]. If it returns an error, nothing is sent there.
	Control func(network, address string, c syscall.RawConn) error
	// Resolver looks up the host; nil means the system's.
	Resolver *net.Resolver
	// DialContext opens connections instead of a [net.Dialer] with Control and Resolver; nil for the network of this machine.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs are the authorities trusted to sign the endpoint's certificate; nil means the system's.
	RootCAs *x509.CertPool
	// Now is the clock for the validity of certificates; nil means time.Now.
	Now func() time.Time
}

// Request asks for one token.
type Request struct {
	TokenURL string
	Grant    site.Grant
	ClientID string
	// Scopes are separated by spaces (RFC 6749 section 3.3); empty asks for none.
	Scopes string
	// Secret is that of the grant, as in [site.Candidate].
	Secret secret.Text
	// Subject is the mailbox that a service account signs for; only for [site.JWTBearer].
	Subject string
	// Replaced stores the refresh token that the endpoint issued in place of the one in Secret, which may no longer be valid. Fetch
	// returns the access token only after Replaced has returned nil. Required for [site.RefreshToken].
	Replaced func(secret.Text) error
}

// Error is the response of a token endpoint that returned no token. Its texts are untrusted.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code is the error of RFC 6749 section 5.2, such as "invalid_client"; empty if the response has none.
	Code string
	// Description explains the error to people; may be empty.
	Description string
}

// Error implements [error].
func (e *Error) Error() string {
	text := fmt.Sprintf("token endpoint answered %d", e.Status)
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.Description != "" {
		text += ": " + e.Description
	}
	return aToken.ReplaceAllString(text, secret.Text{}.String())
}

// aToken matches a JSON Web Token, such as the one sent to the endpoint, which is a secret until it expires.
var aToken = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]*`)

// CheckTokenURL returns an error if a secret must not be sent to address: it has to be https, except on this machine.
func CheckTokenURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || len(address) > maxURL || !isVisible(address):
		return fmt.Errorf("must be an https URL of at most %d visible ASCII characters", maxURL)
	case u.User != nil:
		return errors.New("must not hold a username or password")
	case u.Fragment != "" || strings.HasSuffix(address, "#"):
		return errors.New("must not have a fragment (RFC 6749 section 3.2)")
	case u.Scheme == "http" && loopback.Is(u.Hostname()), u.Scheme == "https":
		return nil
	}
	return errors.New("must begin with https://: the client secret is sent there; http:// is for a loopback address only")
}

// Fetch requests one token from the token endpoint and returns it. If the endpoint responds without a token, the error is an [*Error].
func (c Client) Fetch(ctx context.Context, r Request) (secret.Text, error) {
	if err := CheckTokenURL(r.TokenURL); err != nil {
		return secret.Text{}, fmt.Errorf("token_url: %w", err)
	}
	form, err := r.form(c.now())
	if err != nil {
		return secret.Text{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return secret.Text{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	client := http.Client{
		Transport: c.transport(),
		// A redirect would carry the secret on.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return secret.Text{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	a, err := read(resp)
	if err != nil {
		return secret.Text{}, c.noteClock(err, r.Grant, resp)
	}
	used, _ := r.Secret.Split()
	if next := a.RefreshToken.Text; r.Grant == site.RefreshToken && !next.IsEmpty() && !next.Equal(used) {
		if err := r.Replaced(next); err != nil {
			return secret.Text{}, fmt.Errorf("the refresh token was replaced, and its successor could not be stored: %w", err)
		}
	}
	return a.AccessToken.Text, nil
}

// form returns the parameters of the request. Secrets go in the body, not in a header: a client that guesses which of the two a server
// wants sends the secret twice.
func (r Request) form(now time.Time) (url.Values, error) {
	granted, clientSecret := r.Secret.Split()
	form := url.Values{}
	switch r.Grant {
	case site.ClientCredentials:
		form.Set("client_secret", granted.Reveal())
	case site.RefreshToken:
		if r.Replaced == nil {
			return nil, errors.New("grant: a refresh token can be used only where the one that replaces it is stored")
		}
		form.Set("refresh_token", granted.Reveal())
		if !clientSecret.IsEmpty() {
			form.Set("client_secret", clientSecret.Reveal())
		}
	case site.JWTBearer:
		assertion, err := r.assertion(granted, now)
		if err != nil {
			return nil, err
		}
		return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion.Reveal()}}, nil
	default:
		return nil, fmt.Errorf("grant: must be one of %q", site.Grants())
	}
	form.Set("grant_type", string(r.Grant))
	form.Set("client_id", r.ClientID)
	if r.Scopes != "" {
		form.Set("scope", r.Scopes)
	}
	return form, nil
}

func (c Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c Client) transport() *http.Transport {
	dial := c.DialContext
	if dial == nil {
		dial = (&net.Dialer{Control: c.Control, Resolver: c.Resolver}).DialContext
	}
	return &http.Transport{
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12, Time: c.Now},
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxAnswer,
	}
}

// answer is the response of a token endpoint: a token (RFC 6749 section 5.1) or an error (section 5.2).
type answer struct {
	AccessToken      tokenText `json:"access_token"`
	RefreshToken     tokenText `json:"refresh_token"`
	TokenType        string    `json:"token_type"`
	Error            string    `json:"error"`
	ErrorDescription string    `json:"error_description"`
}

// tokenText is a token in a response.
type tokenText struct{ secret.Text }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *tokenText) UnmarshalText(text []byte) error {
	t.Text = secret.New(string(text))
	return nil
}

func read(resp *http.Response) (answer, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return answer{}, fmt.Errorf("answer of the token endpoint: %w", err)
	}
	refused := &Error{Status: resp.StatusCode}
	var a answer
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case len(body) > maxAnswer:
		refused.Description = fmt.Sprintf("more than %d bytes", maxAnswer)
	case resp.StatusCode/100 == 3:
		refused.Description = "a redirect, which is not followed"
	case json.Unmarshal(body, &a) != nil:
		refused.Description = "not the JSON of a token endpoint"
		if mediaType != "" {
			refused.Description += ", but " + mediaType
		}
	case a.Error != "":
		refused.Code, refused.Description = a.Error, brief(a.ErrorDescription)
	case resp.StatusCode != http.StatusOK:
	case a.TokenType != "" && !strings.EqualFold(a.TokenType, "bearer"):
		refused.Description = "a token of another type than Bearer"
	case !isToken(a.AccessToken.Reveal()):
		refused.Description = "no access token that can be used"
	case !a.RefreshToken.IsEmpty() && !isToken(a.RefreshToken.Reveal()):
		refused.Description = "no refresh token that can be used"
	default:
		return a, nil
	}
	return answer{}, refused
}

// isToken reports whether s can be used in a login: visible ASCII (RFC 6750 section 2.1 allows even less) that fits on a line.
func isToken(s string) bool { return s != "" && len(s) <= maxToken && isVisible(s) }

// isVisible reports whether s consists of visible ASCII characters.
func isVisible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// brief drops Microsoft's trace ID and timestamp, and keeps the correlation ID, which its support asks for.
func brief(description string) string {
	description = strings.Join(strings.Fields(description), " ")
	before, rest, found := strings.Cut(description, " Trace ID: ")
	if !found {
		return description
	}
	if _, id, ok := strings.Cut(rest, "Correlation ID: "); ok {
		id, _, _ = strings.Cut(id, " ")
		before += " (Correlation ID " + id + ")"
	}
	return before
}
