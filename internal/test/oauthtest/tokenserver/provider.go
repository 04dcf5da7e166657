package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// provider accepts assertions as Google does: the audience is the token endpoint, and the subject is a mailbox that the service account
// may act for. By default, the library requires the issuer as the audience, and the account itself as the subject.
type provider struct {
	*op.Provider
	issuer  string
	storage *storage
}

// newProvider returns the endpoints of an OpenID provider.
func newProvider(issuer string, s *storage) (http.Handler, error) {
	c := &op.Config{AuthMethodPost: true, GrantTypeRefreshToken: true}
	if _, err := rand.Read(c.CryptoKey[:]); err != nil {
		return nil, err
	}
	p, err := op.NewProvider(c, s, op.StaticIssuer(issuer), op.WithAllowInsecure())
	if err != nil {
		return nil, err
	}
	return op.CreateRouter(provider{p, issuer, s}), nil
}

func (p provider) JWTProfileVerifier(context.Context) *op.JWTProfileVerifier {
	return op.NewJWTProfileVerifier(p.storage, p.issuer+p.TokenEndpoint().Relative(), time.Hour, 0, op.SubjectCheck(func(r *oidc.JWTTokenRequest) error {
		if !p.storage.delegated(r.Issuer, r.Subject) {
			return oidc.ErrUnauthorizedClient().WithDescription("The service account may not act for this mailbox.")
		}
		return nil
	}))
}
