package oauth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// A signed request is valid from a minute ago, because this clock may be ahead, and for less than the hour that Google allows
// (https://developers.google.com/identity/protocols/oauth2/service-account).
const (
	signedAgo = time.Minute
	signedFor = 10 * time.Minute
)

// assertion signs that the client acts for the subject: a JSON Web Token with RS256 (RFC 7523 section 3, RFC 7515 appendix A.2).
func (r Request) assertion(privateKey secret.Text, now time.Time) (secret.Text, error) {
	key, err := parseKey(privateKey)
	if err != nil {
		return secret.Text{}, fmt.Errorf("private key: %w", err)
	}
	claims, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Scope    string `json:"scope,omitempty"`
		Audience string `json:"aud"`
		Issued   int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}{r.ClientID, r.Subject, r.Scopes, r.TokenURL, now.Add(-signedAgo).Unix(), now.Add(signedFor).Unix()})
	if err != nil {
		return secret.Text{}, err
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		return secret.Text{}, errors.New("private key: cannot sign")
	}
	return secret.New(text + "." + base64.RawURLEncoding.EncodeToString(signature)), nil
}

// CheckPrivateKey returns an error if key is not a private key for [site.JWTBearer]. The error does not contain the key.
func CheckPrivateKey(key secret.Text) error {
	_, err := parseKey(key)
	return err
}

const (
	keyBegins = "-----BEGIN PRIVATE KEY-----"
	keyEnds   = "-----END PRIVATE KEY-----"
)

// parseKey parses PKCS #8 in PEM (RFC 7468 section 10), Google's format. Unlike package pem, it accepts a key without line breaks, which
// form fields drop, and with line breaks written as \n, as in Google's JSON file.
func parseKey(privateKey secret.Text) (*rsa.PrivateKey, error) {
	refused := errors.New("must be an RSA key in PEM, from " + keyBegins + " to " + keyEnds + ": the member private_key of Google's JSON file")
	text := strings.TrimSpace(strings.ReplaceAll(privateKey.Reveal(), `\n`, "\n"))
	text, begins := strings.CutPrefix(text, keyBegins)
	text, ends := strings.CutSuffix(text, keyEnds)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if !begins || !ends || err != nil {
		return nil, refused
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok || key.N.BitLen() < 2048 {
		return nil, refused
	}
	return key, nil
}

// noteClock adds to a refused signature by how much this machine's clock differs from the endpoint's, if that may be the cause.
func (c Client) noteClock(err error, grant site.Grant, resp *http.Response) error {
	refused, ok := errors.AsType[*Error](err)
	theirs, unreadable := http.ParseTime(resp.Header.Get("Date"))
	if !ok || grant != site.JWTBearer || unreadable != nil {
		return err
	}
	switch ahead := c.now().Sub(theirs).Round(time.Second); {
	case ahead > signedAgo:
		refused.Description += fmt.Sprintf(" (the clock that signed is %s ahead of the endpoint's)", ahead)
	case ahead < -signedFor/2:
		refused.Description += fmt.Sprintf(" (the clock that signed is %s behind the endpoint's)", -ahead)
	}
	return refused
}
