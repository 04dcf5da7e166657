package smtptest

import (
	"errors"
	"strings"

	"github.com/emersion/go-sasl"
)

const xoauth2 = "XOAUTH2"

// TokenRefusal is the JSON with which the server refuses a token, in Google's words.
const TokenRefusal = `{"status":"400","schemes":"Bearer","scope":"https://mail.example.test/"}`

// tokenServer implements XOAUTH2 as at Google and Microsoft, or OAUTHBEARER (RFC 7628). go-sasl has only the latter, and ends it
// differently.
type tokenServer struct {
	mechanism string
	check     func(user, token string) error
	// refused is the reason of a refusal that was sent to the client.
	refused error
}

// NewTokenServer returns a SASL server for XOAUTH2 or OAUTHBEARER, also for other protocols.
func NewTokenServer(mechanism string, check func(user, token string) error) sasl.Server {
	return &tokenServer{mechanism: mechanism, check: check}
}

// Next implements [sasl.Server].
func (t *tokenServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case t.refused != nil:
		// Ignore the client's response: what it must be differs between the two mechanisms.
		return nil, true, t.refused
	case response == nil:
		return []byte{}, false, nil
	}
	user, token, ok := parseToken(t.mechanism, string(response))
	if !ok {
		return nil, true, errors.New("malformed response")
	}
	t.refused = t.check(user, token)
	if t.refused == nil {
		return nil, true, nil
	}
	return []byte(TokenRefusal), false, nil // the final refusal follows the client's response
}

// parseToken returns the user and the token in a client's response.
func parseToken(mechanism, response string) (user, token string, ok bool) {
	parts := strings.Split(response, "\x01")
	if len(parts) != 4 || parts[2] != "" || parts[3] != "" {
		return "", "", false
	}
	if mechanism == sasl.OAuthBearer {
		user, ok = strings.CutPrefix(parts[0], "n,a=")
		user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(strings.TrimSuffix(user, ","))
	} else {
		user, ok = strings.CutPrefix(parts[0], "user=")
	}
	token, isBearer := strings.CutPrefix(parts[1], "auth=Bearer ")
	return user, token, ok && isBearer
}
