package submit

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// login logs in once where the candidate has a username.
func (a *attempt) login(ctx context.Context, c site.Candidate) error {
	if c.Settings.Username == "" {
		return nil
	}
	return a.stage(ctx, site.StageAuth, func(context.Context) error {
		if err := checkPrivacy(a.dialogue.conn); err != nil {
			return err
		}
		m, err := chooseMechanism(a.offers.mechanisms(), c.Settings.Username, c.Password)
		if err != nil {
			return err
		}
		return a.dialogue.authenticate(m)
	})
}

// checkPrivacy refuses to send a password without TLS, except to the machine itself.
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
	needToken := func(name string) bool { return name == "XOAUTH2" || name == "OAUTHBEARER" }
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

// mechanism is one way to log in, with what it answers.
type mechanism struct {
	name string
	// initial goes with the command; empty for nothing.
	initial string
	// responses answer the server's challenges in order, whatever they ask: servers ask LOGIN's two questions in many
	// spellings, and draft-murchison-sasl-login section 2 says to ignore them.
	responses []string
}

// authenticate does the exchange of AUTH (RFC 4954 section 4). go-smtp would do it too, but waits after each refusal for
// an answer to a cancellation that RFC 4954 does not ask for.
func (d *dialogue) authenticate(m mechanism) error {
	line := "AUTH " + m.name
	if m.initial != "" {
		line += " " + base64.StdEncoding.EncodeToString([]byte(m.initial))
	}
	for {
		code, text, err := d.ask(line)
		switch {
		case err != nil:
			return err
		case code == 235:
			return nil
		case code != 334:
			return &textproto.Error{Code: code, Msg: text}
		case len(m.responses) == 0:
			_ = d.text.PrintfLine("*")
			return sasl.ErrUnexpectedServerChallenge
		}
		line = base64.StdEncoding.EncodeToString([]byte(m.responses[0]))
		m.responses = m.responses[1:]
	}
}
