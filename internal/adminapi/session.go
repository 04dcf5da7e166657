package adminapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// renewBefore is how long before its expiry a session is no longer used, so that it does not expire in transit.
const renewBefore = 30 * time.Second

// Grant is the result of a login.
type Grant struct {
	// Authorization is the whole value of the header, such as "Bearer …".
	Authorization secret.Text
	// Expires may be zero; then only a 401 shows that the session has ended.
	Expires time.Time
}

// LoginFunc logs in with a client that sends no credentials.
type LoginFunc func(ctx context.Context, anonymous *Client) (Grant, error)

type session struct {
	login LoginFunc
	// turn is a mutex that stops waiting when the caller's context ends. It guards the fields below.
	turn    *semaphore.Weighted
	grant   Grant
	refused error
}

// Session logs in before the first request, once for all of them, and again when the session ends or is no longer accepted.
// A login that the site refuses is not retried, because the next attempt could lock the account.
func Session(login LoginFunc) Credentials {
	return &session{login: login, turn: semaphore.NewWeighted(1)}
}

func (s *session) authorization(ctx context.Context, anonymous *Client, rejected secret.Text) (secret.Text, error) {
	if err := s.turn.Acquire(ctx, 1); err != nil {
		return secret.Text{}, waitError(err)
	}
	defer s.turn.Release(1)
	if s.refused != nil {
		return secret.Text{}, &Error{Kind: NotLoggedIn, Err: s.refused}
	}
	if s.isCurrent() && !s.grant.Authorization.Equal(rejected) {
		return s.grant.Authorization, nil
	}
	grant, err := s.login(ctx, anonymous)
	if err != nil {
		if refusesLogin(err) {
			s.refused = err
		}
		return secret.Text{}, &Error{Kind: NotLoggedIn, Err: err}
	}
	if time.Until(grant.Expires) <= renewBefore {
		// The clocks differ, or sessions are very short: use it as long as the site accepts it.
		grant.Expires = time.Time{}
	}
	s.grant = grant
	return grant.Authorization, nil
}

func (s *session) isCurrent() bool {
	return !s.grant.Authorization.IsEmpty() && (s.grant.Expires.IsZero() || time.Until(s.grant.Expires) > renewBefore)
}

func refusesLogin(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == Refused && e.Status < http.StatusInternalServerError && e.Status != http.StatusTooManyRequests
}
