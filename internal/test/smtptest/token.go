package smtptest

import (
	"errors"
	"strings"

	"github.com/emersion/go-sasl"
)

const xoauth2 = "XOAUTH2"

// TokenRefusal is the JSON with which the server says that it refused a token, as Google words it.
const TokenRefusal = `{"status":"400","schemes":"Bearer","scope":"https://mail.example.test/"}`

// tokenServer is XOAUTH2 as Google and Microsoft speak it, or OAUTHBEARER (RFC 7628); go-sasl has only the latter, and ends
// it differently.
type tokenServer struct {
	mechanism string
	check     func(user, token string) error
	// refused is why, once the client was told.
	refused error
}

// NewTokenServer returns a login with a token by XOAUTH2 or OAUTHBEARER, for servers of other protocols too.
func NewTokenServer(mechanism string, check func(user, token string) error) sasl.Server {
	return &tokenServer{mechanism: mechanism, check: check}
}

// Next implements [sasl.Server].
func (t *tokenServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case t.refused != nil:
		// Whatever the client answers; what it must answer differs between the two.
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
	return []byte(TokenRefusal), false, nil // the refusal follows the client's answer to this
}

// parseToken takes the user and the token out of a client's response.
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
