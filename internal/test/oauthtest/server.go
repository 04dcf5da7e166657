// Package oauthtest is a real OAuth 2.0 token endpoint for tests and the demo: it knows applications and their secrets, signs JSON Web
// Tokens, and tells a mail server whether a token is valid for a mailbox.
package oauthtest

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Scope is the only scope that the endpoint issues tokens for.
const Scope = "https://mail.example.test/.default"

// lifetime is the default lifetime of a token, the minimum of Microsoft's.
const lifetime = time.Hour

// App is an application that may request tokens.
type App struct {
	Secret secret.Text
	// Mailboxes are the mailboxes whose mail the application may send.
	Mailboxes []string
	// Rotates makes each refresh token valid only once: the response contains the next one.
	Rotates bool
	// Lifetime is the lifetime of its tokens; 0 stands for an hour.
	Lifetime time.Duration
	// Key verifies a service account's signatures; nil for any other application.
	Key *rsa.PublicKey
}

// Request is a request to the endpoint.
type Request struct {
	Grant, ClientID, Scope          string
	Secret, RefreshToken, Assertion secret.Text
}

// Server is a running token endpoint.
type Server struct {
	key      *ecdsa.PrivateKey
	listener net.Listener
	http     *http.Server
	served   chan struct{}

	mu       sync.Mutex
	apps     map[string]App
	answer   http.HandlerFunc
	requests []Request
	tokens   []secret.Text
	// refreshTokens are all refresh tokens issued so far.
	refreshTokens []secret.Text
	// consents are people's consents, by the refresh tokens that are valid now.
	consents map[string]consent
}

// consent allows an application to send the mail of one mailbox.
type consent struct{ clientID, mailbox string }

// New starts an endpoint on a free port of 127.0.0.1; the caller closes it.
func New() (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return NewOn(l)
}

// NewOn is [New] for a listener, which Close closes.
func NewOn(l net.Listener) (*Server, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &Server{key: key, listener: l, served: make(chan struct{}), apps: map[string]App{}, consents: map[string]consent{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", s.token)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // ends with the listener
	}()
	return s, nil
}

// Close stops the endpoint and closes its connections.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.served
	return err
}

// URL returns the URL of the endpoint.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() + "/token" }

// SetApp adds an application, or changes its secret and its mailboxes.
func (s *Server) SetApp(clientID string, app App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[clientID] = app
}

// Consent simulates a person who signs in and allows an application to send a mailbox's mail. It returns the refresh token.
func (s *Server) Consent(clientID, mailbox string) secret.Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remember(consent{clientID, mailbox})
}

// Revoke withdraws all consents for an application: its refresh tokens become invalid.
func (s *Server) Revoke(clientID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.consents, func(_ string, c consent) bool { return c.clientID == clientID })
}

// remember creates a refresh token. The caller must hold the lock.
func (s *Server) remember(c consent) secret.Text {
	token := "rt-" + rand.Text() + "~canary"
	s.consents[token] = c
	s.refreshTokens = append(s.refreshTokens, secret.New(token))
	return secret.New(token)
}

// Answer makes f answer every request; nil restores the endpoint's own answers.
func (s *Server) Answer(f http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

// Requests returns the requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Tokens returns the access tokens issued so far.
func (s *Server) Tokens() []secret.Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tokens)
}

// RefreshTokens returns the refresh tokens issued so far.
func (s *Server) RefreshTokens() []secret.Text {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.refreshTokens)
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	asked := Request{
		Grant: r.PostFormValue("grant_type"), ClientID: r.PostFormValue("client_id"), Scope: r.PostFormValue("scope"),
		Secret: secret.New(r.PostFormValue("client_secret")), RefreshToken: secret.New(r.PostFormValue("refresh_token")),
		Assertion: secret.New(r.PostFormValue("assertion")),
	}
	s.mu.Lock()
	s.requests = append(s.requests, asked)
	answer := s.answer
	s.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, r)
	case asked.Grant == "client_credentials" && s.knows(w, asked):
		s.grant(w, claims{ClientID: asked.ClientID, Scope: asked.Scope}, secret.Text{})
	case asked.Grant == "refresh_token" && s.knows(w, asked):
		s.refresh(w, asked)
	case asked.Grant == jwtBearer:
		s.grantSigned(w, asked)
	case asked.Grant != "client_credentials" && asked.Grant != "refresh_token":
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", "")
	}
}

// knows reports whether the request has a known application, its secret and the scope; otherwise it refuses the request.
func (s *Server) knows(w http.ResponseWriter, asked Request) bool {
	s.mu.Lock()
	app, known := s.apps[asked.ClientID]
	s.mu.Unlock()
	switch {
	case !known:
		refuse(w, http.StatusBadRequest, "unauthorized_client", "AADSTS700016: Application with identifier was not found in the directory.")
	case !app.Secret.Equal(asked.Secret):
		refuse(w, http.StatusUnauthorized, "invalid_client", "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.")
	case asked.Scope != Scope:
		refuse(w, http.StatusBadRequest, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid.")
	default:
		return true
	}
	return false
}

// refresh issues a token for a refresh token. A rotating refresh token is valid only once.
func (s *Server) refresh(w http.ResponseWriter, asked Request) {
	s.mu.Lock()
	allowed, works := s.consents[asked.RefreshToken.Reveal()]
	works = works && allowed.clientID == asked.ClientID
	var next secret.Text
	if works && s.apps[asked.ClientID].Rotates {
		delete(s.consents, asked.RefreshToken.Reveal())
		next = s.remember(allowed)
	}
	s.mu.Unlock()
	if !works {
		refuse(w, http.StatusBadRequest, "invalid_grant", "AADSTS70008: The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.")
		return
	}
	s.grant(w, claims{ClientID: asked.ClientID, Scope: asked.Scope, Subject: allowed.mailbox}, next)
}

// refuse responds like Microsoft's endpoint.
func refuse(w http.ResponseWriter, status int, code, description string) {
	const trace = " Trace ID: 00000000-0000-4000-8000-000000000001 Correlation ID: 00000000-0000-4000-8000-000000000002 Timestamp: 2026-11-30 12:00:00Z"
	reply(w, status, map[string]any{"error": code, "error_description": description + trace})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// claims are the claims of a token.
type claims struct {
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	// Subject is the only mailbox that the token is for; empty stands for all mailboxes of the application.
	Subject string `json:"sub,omitempty"`
	Expires int64  `json:"exp"`
	ID      string `json:"jti"`
}

// grant responds with an access token and, unless next is empty, with the refresh token that replaces the one used.
func (s *Server) grant(w http.ResponseWriter, c claims, next secret.Text) {
	s.mu.Lock()
	lasts := cmp.Or(s.apps[c.ClientID].Lifetime, lifetime)
	s.mu.Unlock()
	c.Expires, c.ID = time.Now().Add(lasts).Unix(), rand.Text()
	token, err := s.sign(c)
	if err != nil {
		http.Error(w, "cannot sign", http.StatusInternalServerError)
		return
	}
	s.mu.Lock()
	s.tokens = append(s.tokens, secret.New(token))
	s.mu.Unlock()
	body := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(lasts.Seconds())}
	if !next.IsEmpty() {
		body["refresh_token"] = next.Reveal()
	}
	reply(w, http.StatusOK, body)
}

var b64 = base64.RawURLEncoding

// sign returns a JSON Web Token signed with ES256 (RFC 7515 section 3.1, RFC 7518 section 3.4).
func (s *Server) sign(c claims) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	signed := b64.EncodeToString([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + b64.EncodeToString(payload)
	digest := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return signed + "." + b64.EncodeToString(signature), nil
}

// Check returns nil if the endpoint signed the token, the token has not expired, and its application may send the user's mail. Mail
// servers call it.
func (s *Server) Check(user string, token secret.Text) error {
	parts := strings.Split(token.Reveal(), ".")
	if len(parts) != 3 {
		return errors.New("not a JSON Web Token")
	}
	signature, err := b64.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return errors.New("no signature")
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(&s.key.PublicKey, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return errors.New("signed by someone else")
	}
	payload, err := b64.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return err
	}
	s.mu.Lock()
	app := s.apps[c.ClientID]
	s.mu.Unlock()
	switch {
	case !time.Now().Before(time.Unix(c.Expires, 0)):
		return errors.New("the token has expired")
	case c.Scope != Scope:
		return fmt.Errorf("the token is for %s", c.Scope)
	case !slices.Contains(app.Mailboxes, user) || c.Subject != "" && c.Subject != user:
		return errors.New("the application may not send the mail of this mailbox")
	}
	return nil
}

// TB is the part of [testing.TB] that this package needs. It keeps package testing out of the demo.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start starts an endpoint. It is closed with the test.
func Start(t TB) *Server {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatalf("start token endpoint: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
