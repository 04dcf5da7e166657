package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// config is one line of the standard input.
type config struct {
	// Audience is the audience of every access token.
	Audience string
	// Scope is the only scope that can be requested.
	Scope string
	// Seconds is the lifetime of access tokens. If it is negative, they have already expired when they are issued.
	Seconds int
	Apps    map[string]app
	// RefreshTokens maps each refresh token to what its owner allowed. Each works once.
	RefreshTokens map[string]consent
}

// app is an application or a service account.
type app struct {
	Secret string
	// PublicKey verifies the assertions of a service account: SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) in DER.
	PublicKey []byte
	// Mailboxes are the mailboxes that a service account may act for.
	Mailboxes []string
}

type consent struct{ ClientID, Mailbox string }

// storage holds the applications, refresh tokens and the signing key. The methods of [op.Storage] that it lacks serve logins in a browser,
// which do not happen here.
type storage struct {
	op.Storage
	key *rsa.PrivateKey

	mu     sync.Mutex
	config config
}

func newStorage() (*storage, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	return &storage{key: key, config: config{RefreshTokens: map[string]consent{}}}, err
}

func (s *storage) configure(c config) error {
	for _, a := range c.Apps {
		if _, err := x509.ParsePKIXPublicKey(a.PublicKey); a.PublicKey != nil && err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.config.RefreshTokens
	maps.Copy(known, c.RefreshTokens)
	s.config = c
	s.config.RefreshTokens = known
	return nil
}

func (s *storage) now() config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

func (s *storage) delegated(account, mailbox string) bool {
	return slices.Contains(s.now().Apps[account].Mailboxes, mailbox)
}

func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if _, known := s.now().Apps[id]; !known {
		return nil, oidc.ErrInvalidClient().WithDescription("unknown application")
	}
	return client{id: id}, nil
}

func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	a, known := s.now().Apps[id]
	if !known || a.Secret == "" || subtle.ConstantTimeCompare([]byte(a.Secret), []byte(secret)) != 1 {
		return errors.New("wrong client secret")
	}
	return nil
}

func (s *storage) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	if err := s.AuthorizeClientIDSecret(ctx, id, secret); err != nil {
		return nil, err
	}
	return client{id: id}, nil
}

func (s *storage) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	c := s.now()
	if !slices.Equal(scopes, []string{c.Scope}) {
		return nil, oidc.ErrInvalidScope()
	}
	return &request{subject: id, audience: c.Audience, scopes: scopes}, nil
}

func (s *storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (id string, ends time.Time, err error) {
	if signed, ok := r.(*oidc.JWTTokenRequest); ok {
		signed.Audience = oidc.Audience{s.now().Audience} // it was the audience of the assertion
	}
	return rand.Text(), s.ends(), nil
}

// CreateAccessAndRefreshTokens invalidates the refresh token that was used, and issues its successor.
func (s *storage) CreateAccessAndRefreshTokens(_ context.Context, _ op.TokenRequest, used string) (id, next string, ends time.Time, err error) {
	ends = s.ends()
	s.mu.Lock()
	defer s.mu.Unlock()
	allowed, works := s.config.RefreshTokens[used]
	if !works {
		return "", "", time.Time{}, oidc.ErrInvalidGrant()
	}
	next = "rt-" + rand.Text()
	delete(s.config.RefreshTokens, used)
	s.config.RefreshTokens[next] = allowed
	return rand.Text(), next, ends, nil
}

func (s *storage) ends() time.Time {
	return time.Now().Add(time.Duration(s.now().Seconds) * time.Second)
}

func (s *storage) TokenRequestByRefreshToken(_ context.Context, token string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	allowed, works := s.config.RefreshTokens[token]
	if !works {
		return nil, op.ErrInvalidRefreshToken
	}
	return &refreshRequest{request{allowed.Mailbox, s.config.Audience, []string{s.config.Scope}}, allowed.ClientID}, nil
}

// GetKeyByIDAndClientID ignores the key ID: sites do not send one, and an account has one key.
func (s *storage) GetKeyByIDAndClientID(_ context.Context, id, account string) (*jose.JSONWebKey, error) {
	key, err := x509.ParsePKIXPublicKey(s.now().Apps[account].PublicKey)
	return &jose.JSONWebKey{KeyID: id, Key: key, Use: oidc.KeyUseSignature}, err
}

func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return []string{s.now().Scope}, nil
}

func (s *storage) JWTProfileTokenType(context.Context, op.TokenRequest) (op.AccessTokenType, error) {
	return op.AccessTokenTypeJWT, nil
}

func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

func (s *storage) SigningKey(context.Context) (op.SigningKey, error) {
	return signingKey{s.key}, nil
}

func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

func (s *storage) KeySet(context.Context) ([]op.Key, error) {
	return []op.Key{signingKey{s.key.Public()}}, nil
}

func (s *storage) Health(context.Context) error { return nil }

// signingKey is the private key of the provider, or its public key.
type signingKey struct{ key any }

func (signingKey) ID() string                                  { return "tokens" }
func (signingKey) Algorithm() jose.SignatureAlgorithm          { return jose.RS256 }
func (signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (signingKey) Use() string                                 { return oidc.KeyUseSignature }
func (k signingKey) Key() any                                  { return k.key }

// request is a token request of an application for itself.
type request struct {
	subject, audience string
	scopes            []string
}

func (r *request) GetAudience() []string { return []string{r.audience} }
func (r *request) GetScopes() []string   { return r.scopes }
func (r *request) GetSubject() string    { return r.subject }

// refreshRequest is a token request with a refresh token.
type refreshRequest struct {
	request
	clientID string
}

func (r *refreshRequest) GetAMR() []string                 { return nil }
func (r *refreshRequest) GetAuthTime() time.Time           { return time.Time{} }
func (r *refreshRequest) GetClientID() string              { return r.clientID }
func (r *refreshRequest) SetCurrentScopes(scopes []string) { r.scopes = scopes }

// client is an application, as the library sees it.
type client struct {
	op.Client
	id string
}

func (c client) GetID() string                      { return c.id }
func (client) AuthMethod() oidc.AuthMethod          { return oidc.AuthMethodPost }
func (client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (client) IDTokenLifetime() time.Duration       { return time.Hour }
func (client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (client) ClockSkew() time.Duration             { return 0 }
func (client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeClientCredentials, oidc.GrantTypeRefreshToken}
}

// RestrictAdditionalIdTokenScopes has the name that [op.Client] requires.
//
//nolint:revive,staticcheck // the name is not ours
func (client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
