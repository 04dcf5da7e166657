package submit

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// login hands the connection over to go-smtp and logs in once where the candidate has a username. go-smtp asks neither
// whether the mechanism is offered nor whether TLS is on, so both is decided here.
func (a *attempt) login(ctx context.Context, c site.Candidate) error {
	a.client, a.wire = newClient(a.talk, a.offers)
	if c.Settings.Username == "" {
		return nil
	}
	return a.stage(ctx, site.StageAuth, func(context.Context) error {
		if err := checkPrivacy(a.talk.conn); err != nil {
			return err
		}
		credentials, err := chooseMechanism(a.offers.mechanisms(), c.Settings.Username, c.Password)
		if err != nil {
			return err
		}
		return a.client.Auth(credentials)
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

// chooseMechanism prefers PLAIN, which is the standard one (RFC 4954 section 4), to LOGIN.
func chooseMechanism(offered []string, username string, password secret.Text) (sasl.Client, error) {
	needToken := func(name string) bool { return name == "XOAUTH2" || name == "OAUTHBEARER" }
	switch {
	case slices.Contains(offered, sasl.Plain):
		return plainClient(username, password), nil
	case slices.Contains(offered, sasl.Login):
		return &answers{mechanism: sasl.Login, next: []string{username, password.Reveal()}}, nil
	case len(offered) == 0:
		return nil, errors.New("server doesn't support AUTH")
	case !slices.ContainsFunc(offered, func(name string) bool { return !needToken(name) }):
		return nil, fmt.Errorf("server offers only logins with a token, not with a password: %s", strings.Join(offered, " "))
	default:
		return nil, fmt.Errorf("server offers neither PLAIN nor LOGIN, only %s", strings.Join(offered, " "))
	}
}

// maxCommand is the longest command line with its CRLF (RFC 5321 section 4.5.3.1.4).
const maxCommand = 512

// plainClient sends its response with the command unless that makes the line too long (RFC 4954 section 4).
func plainClient(username string, password secret.Text) sasl.Client {
	response := plainResponse(username, password)
	if len("AUTH PLAIN \r\n")+base64.StdEncoding.EncodedLen(len(response)) > maxCommand {
		return &answers{mechanism: sasl.Plain, next: []string{response}}
	}
	return &answers{mechanism: sasl.Plain, initial: []byte(response)}
}

// plainResponse is the message of PLAIN (RFC 4616 section 2).
func plainResponse(username string, password secret.Text) string {
	return "\x00" + username + "\x00" + password.Reveal()
}

// answers is a login that answers by order, whatever the server asks: servers ask LOGIN's two questions in many
// spellings, and draft-murchison-sasl-login section 2 says to ignore them.
type answers struct {
	mechanism string
	initial   []byte
	next      []string
}

// Start implements [sasl.Client].
func (a *answers) Start() (mechanism string, initial []byte, err error) {
	return a.mechanism, a.initial, nil
}

// Next implements [sasl.Client].
func (a *answers) Next([]byte) ([]byte, error) {
	if len(a.next) == 0 {
		return nil, sasl.ErrUnexpectedServerChallenge
	}
	answer := a.next[0]
	a.next = a.next[1:]
	return []byte(answer), nil
}
