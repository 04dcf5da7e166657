package oauthtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// jwtBearer is the grant of service accounts on the wire (RFC 7523 section 2.1).
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// serviceKey is the key of all service accounts in a process, because generating one takes a moment.
var serviceKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Account returns a service account that may send the mail of the mailboxes, and its private key (PEM), as from Google.
func Account(mailboxes ...string) (App, secret.Text, error) {
	key, err := serviceKey()
	if err != nil {
		return App{}, secret.Text{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return App{}, secret.Text{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return App{Mailboxes: mailboxes, Key: &key.PublicKey}, secret.New(string(text)), nil
}

// grantSigned checks an assertion signed by a service account, and refuses in Google's words.
func (s *Server) grantSigned(w http.ResponseWriter, asked Request) {
	var c struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Scope    string `json:"scope"`
		Audience string `json:"aud"`
		Issued   int64  `json:"iat"`
		Expires  int64  `json:"exp"`
	}
	parts := strings.Split(asked.Assertion.Reveal(), ".")
	if len(parts) != 3 {
		refuse(w, http.StatusBadRequest, "invalid_request", "Bad Request")
		return
	}
	payload, _ := b64.DecodeString(parts[1])
	signature, _ := b64.DecodeString(parts[2])
	_ = json.Unmarshal(payload, &c) // invalid JSON leaves the issuer empty
	s.mu.Lock()
	app := s.apps[c.Issuer]
	s.mu.Unlock()
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	now, issued, expires := time.Now(), time.Unix(c.Issued, 0), time.Unix(c.Expires, 0)
	switch {
	case app.Key == nil:
		refuse(w, http.StatusBadRequest, "invalid_grant", "Invalid grant: account not found")
	case rsa.VerifyPKCS1v15(app.Key, crypto.SHA256, digest[:], signature) != nil:
		refuse(w, http.StatusBadRequest, "invalid_grant", "Invalid JWT Signature.")
	case c.Audience != s.URL():
		refuse(w, http.StatusBadRequest, "invalid_grant", "Invalid JWT: Failed audience check. The right audience is "+s.URL())
	case issued.After(now) || expires.Before(now) || expires.Sub(issued) > time.Hour:
		refuse(w, http.StatusBadRequest, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.")
	case !slices.Contains(app.Mailboxes, c.Subject) || c.Scope != Scope:
		refuse(w, http.StatusUnauthorized, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.")
	default:
		s.grant(w, claims{ClientID: c.Issuer, Scope: c.Scope, Subject: c.Subject}, secret.Text{})
	}
}
