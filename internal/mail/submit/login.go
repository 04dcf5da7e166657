package submit

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// fetchToken gets the access token for a candidate that logs in with one, before anything is dialled: no connection to a
// mail server waits for a token endpoint. Each attempt fetches a new token, because a kept one hides that its
// client secret no longer works.
func (a *attempt) fetchToken(ctx context.Context, c site.Candidate) error {
	if c.Settings.Grant == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, budget(site.StageToken))
	defer cancel()
	a.report.Result.Stage = site.StageToken
	if endpoint, err := url.Parse(c.Settings.TokenURL); err == nil {
		a.address = endpoint.Host
	}
	start := a.sender.now()
	fetch := func(current secret.Text, replaced func(secret.Text) error) error {
		a.redactor.Add(current)
		token, err := a.sender.tokens().Fetch(ctx, oauth.Request{
			TokenURL: c.Settings.TokenURL,
			Grant:    c.Settings.Grant,
			ClientID: c.Settings.ClientID,
			Scopes:   c.Settings.Scopes,
			Secret:   current,
			Subject:  c.Settings.Username,
			Replaced: replaced,
		})
		a.token = token
		return err
	}
	var err error
	if c.Settings.Grant == site.RefreshToken && a.sender.Refresh != nil {
		err = a.sender.Refresh(c, fetch)
	} else {
		err = fetch(c.Password, nil)
	}
	spent := a.sender.now().Sub(start)
	if err != nil {
		a.fail(ctx, err, spent)
		return err
	}
	a.redactor.Add(a.token)
	a.pass(site.StageToken, spent)
	return nil
}

// login logs in once if the candidate has a username.
func (a *attempt) login(ctx context.Context, c site.Candidate) error {
	if c.Settings.Username == "" {
		return nil
	}
	return a.stage(ctx, site.StageAuth, func(context.Context) error {
		if err := checkPrivacy(a.dialogue.conn); err != nil {
			return err
		}
		choose, credential := chooseMechanism, c.Password
		if c.Settings.Grant != "" {
			choose, credential = chooseTokenMechanism, a.token
		}
		m, err := choose(a.offers.mechanisms(), c.Settings.Username, credential)
		if err != nil {
			return err
		}
		return a.dialogue.authenticate(m)
	})
}

// checkPrivacy refuses to send a password or a token without TLS, except to the machine itself.
func checkPrivacy(conn net.Conn) error {
	if _, encrypted := conn.(*tls.Conn); encrypted {
		return nil
	}
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("refusing to send the password over an unencrypted connection to %s", conn.RemoteAddr())
}

// The names of mechanisms in which a password can be sent.
const (
	plain = "PLAIN"
	login = "LOGIN"
)

// chooseMechanism prefers PLAIN, which is the standard one (RFC 4954 section 4), to LOGIN.
func chooseMechanism(offered []string, username string, password secret.Text) (mechanism, error) {
	needToken := func(name string) bool { return name == xoauth2 || name == oauthBearer }
	switch {
	case slices.Contains(offered, plain):
		return plainLogin(username, password), nil
	case slices.Contains(offered, login):
		return mechanism{name: login, responses: []string{username, password.Reveal()}}, nil
	case len(offered) == 0:
		return mechanism{}, errors.New("server doesn't support AUTH")
	case !slices.ContainsFunc(offered, func(name string) bool { return !needToken(name) }):
		return mechanism{}, fmt.Errorf("server offers only logins with a token, not with a password: %s", strings.Join(offered, " "))
	default:
		return mechanism{}, fmt.Errorf("server offers neither PLAIN nor LOGIN, only %s", strings.Join(offered, " "))
	}
}

// The names of mechanisms in which a token can be sent.
const (
	xoauth2     = "XOAUTH2"
	oauthBearer = "OAUTHBEARER"
)

// chooseTokenMechanism prefers XOAUTH2, which Microsoft and Google offer, to its standard successor (RFC 7628). The token
// is never sent with the command, because the line would be too long. A server that refuses it says why in a JSON challenge,
// which must be answered before the refusal comes.
func chooseTokenMechanism(offered []string, username string, token secret.Text) (mechanism, error) {
	switch {
	case slices.Contains(offered, xoauth2):
		return mechanism{name: xoauth2, responses: []string{tokenResponse(username, token), ""}}, nil
	case slices.Contains(offered, oauthBearer):
		// RFC 5801 section 4 has the escapes of the name.
		name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(username)
		return mechanism{name: oauthBearer, responses: []string{"n,a=" + name + ",\x01" + bearer(token), "\x01"}}, nil
	case len(offered) == 0:
		return mechanism{}, errors.New("server doesn't support AUTH")
	default:
		return mechanism{}, fmt.Errorf("server offers no login with a token, only %s", strings.Join(offered, " "))
	}
}

func tokenResponse(username string, token secret.Text) string {
	return "user=" + username + "\x01" + bearer(token)
}

func bearer(token secret.Text) string { return "auth=Bearer " + token.Reveal() + "\x01\x01" }

// maxCommand is the longest command line with its CRLF (RFC 5321 section 4.5.3.1.4).
const maxCommand = 512

// plainLogin sends its response with the command unless that makes the line too long (RFC 4954 section 4).
func plainLogin(username string, password secret.Text) mechanism {
	response := plainResponse(username, password)
	if len("AUTH PLAIN \r\n")+base64.StdEncoding.EncodedLen(len(response)) > maxCommand {
		return mechanism{name: plain, responses: []string{response}}
	}
	return mechanism{name: plain, initial: response}
}

// plainResponse is the message of PLAIN (RFC 4616 section 2).
func plainResponse(username string, password secret.Text) string {
	return "\x00" + username + "\x00" + password.Reveal()
}

// mechanism is one way to log in, with its responses.
type mechanism struct {
	name string
	// initial is sent with the command; empty for none.
	initial string
	// responses answer the server's challenges in order, whatever they ask: servers ask LOGIN's two questions in many
	// spellings, and draft-murchison-sasl-login section 2 says to ignore them.
	responses []string
}

// authenticate does the AUTH exchange (RFC 4954 section 4). go-smtp could do it too, but after each refusal it waits for
// a reply to a cancellation that RFC 4954 does not require.
func (d *dialogue) authenticate(m mechanism) error {
	line := "AUTH " + m.name
	if m.initial != "" {
		line += " " + base64.StdEncoding.EncodeToString([]byte(m.initial))
	}
	challenge := ""
	for {
		code, text, err := d.ask(line)
		switch {
		case err != nil:
			return err
		case code == 235:
			return nil
		case code != 334:
			return refusal{&textproto.Error{Code: code, Msg: text}, challenge}
		case len(m.responses) == 0:
			_ = d.text.PrintfLine("*")
			return sasl.ErrUnexpectedServerChallenge
		}
		challenge = text
		line = base64.StdEncoding.EncodeToString([]byte(m.responses[0]))
		m.responses = m.responses[1:]
	}
}

// refusal is a login that the server refused.
type refusal struct {
	reply *textproto.Error
	// challenge is the server's last challenge, in base64; empty for none.
	challenge string
}

// Error implements [error].
func (r refusal) Error() string { return r.reply.Error() }

// Unwrap gives the reply.
func (r refusal) Unwrap() error { return r.reply }

// reason is the JSON in which a server says why it refused a token (RFC 7628 section 3.2.2); empty if it did not say.
func (r refusal) reason() string {
	text, err := base64.StdEncoding.DecodeString(r.challenge)
	if err != nil || !json.Valid(text) || len(text) == 0 || text[0] != '{' {
		return ""
	}
	return string(text)
}
