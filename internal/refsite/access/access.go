// Package access decides who may administer a site: API tokens, and logins that give sessions.
package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/limit"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// sessionLife is how long a session lasts.
const sessionLife = time.Hour

// The longest credentials in characters; openapi.yaml has the same.
const (
	maxUsername = 255
	maxPassword = 1024
)

// The failed logins that are taken in one [limit.Window]: for a username of a site from one address, for that username from
// everywhere, and from one address for whatever username. The second counts only against addresses that have failed, so that
// guesses from many addresses do not lock out the account's owner.
const (
	maxPerGuesser  = 10
	maxPerUsername = 100
	maxPerAddress  = 200
)

// Guard checks tokens and logins of the sites in a store.
type Guard struct {
	store     *store.Store
	now       func() time.Time
	log       *slog.Logger
	hasher    hasher
	guessers  *limit.Failures
	usernames *limit.Failures
	addresses *limit.Failures
}

// Session is a login that was accepted.
type Session struct {
	Token     secret.Text
	ExpiresAt time.Time
}

// NewGuard returns a Guard that reads the time from now.
func NewGuard(s *store.Store, now func() time.Time, log *slog.Logger) *Guard {
	return &Guard{
		store: s, now: now, log: log, hasher: newHasher(),
		guessers:  limit.NewFailures(maxPerGuesser),
		usernames: limit.NewFailures(maxPerUsername),
		addresses: limit.NewFailures(maxPerAddress),
	}
}

// AddToken gives the site an API token; name is who writes with it.
func AddToken(s *store.Site, name string) (secret.Text, error) {
	return addToken(s, "at_", store.Token{Name: name})
}

func addToken(s *store.Site, prefix string, t store.Token) (secret.Text, error) {
	token := secret.New(prefix + random())
	return token, s.PutToken(sum(token), t)
}

// Name returns who writes with the token at the site, or an error of code Unauthorized.
func (g *Guard) Name(siteID string, token secret.Text) (string, error) {
	t, err := g.token(siteID, token)
	return t.Name, err
}

func (g *Guard) token(siteID string, token secret.Text) (store.Token, error) {
	var t store.Token
	err := g.store.ViewSite(siteID, func(s *store.Site) (err error) {
		t, err = s.Token(sum(token))
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && t.Expired(g.now()):
		return store.Token{}, problem.New(problem.Unauthorized, "The token is not accepted by this site, or has expired.")
	case err != nil:
		return store.Token{}, err
	}
	return t, nil
}

// Login opens a session for a username and password that are right. An attempt counts before the password is looked at,
// so that attempts at the same time are counted too; a login that is accepted does not count. Credentials that nobody can
// have are an error of code Invalid, and nothing of them is kept.
func (g *Guard) Login(ctx context.Context, siteID string, from netip.Addr, username string, password secret.Text) (Session, error) {
	if err := errors.Join(between("username", username, maxUsername), between("password", password.Reveal(), maxPassword)); err != nil {
		return Session{}, err
	}
	forget, err := g.count(siteID, from, username)
	if err != nil {
		return Session{}, err
	}
	login, err := g.login(siteID, username)
	if err != nil {
		return Session{}, err
	}
	ok, err := g.hasher.matches(ctx, login, password)
	if err != nil {
		return Session{}, err
	}
	if !ok {
		g.log.Warn("login refused", "site_id", siteID, "from", from)
		return Session{}, problem.New(problem.Unauthorized, "The username or the password is wrong.")
	}
	forget()
	return g.open(siteID, username)
}

func between(field, value string, longest int) error {
	if n := utf8.RuneCountInString(value); n < 1 || n > longest {
		return problem.OfField(field, "%s must have from 1 to %d characters.", field, longest)
	}
	return nil
}

// count counts an attempt and returns what takes it back. One that is refused counts nowhere.
func (g *Guard) count(siteID string, from netip.Addr, username string) (forget func(), err error) {
	now := g.now()
	address, user := limit.Network(from), siteID+" "+username
	isFirst := !g.addresses.Has(address, now)
	var counted []func()
	forget = func() {
		for _, takeBack := range counted {
			takeBack()
		}
	}
	for _, l := range []struct {
		failures *limit.Failures
		key      string
		spared   bool
	}{
		{g.addresses, address, false},
		{g.guessers, address + " " + user, false},
		{g.usernames, user, isFirst},
	} {
		switch wait := l.failures.Add(l.key, now); {
		case wait == 0:
			counted = append(counted, func() { l.failures.TakeBack(l.key) })
		case !l.spared:
			forget()
			return nil, tooMany(wait)
		}
	}
	return forget, nil
}

func tooMany(wait time.Duration) error {
	return &problem.Error{Code: problem.RateLimited, RetryAfter: wait, Detail: "Too many attempts to log in."}
}

// login returns the login with that username; where there is none, one that no password opens and that costs the same.
func (g *Guard) login(siteID, username string) (store.Login, error) {
	var login store.Login
	err := g.store.ViewSite(siteID, func(s *store.Site) (err error) {
		login, err = s.Login(username)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nobody, nil
	}
	return login, err
}

func (g *Guard) open(siteID, username string) (Session, error) {
	now := g.now().UTC()
	session := Session{ExpiresAt: now.Add(sessionLife).Truncate(time.Second)}
	err := g.store.UpdateSite(siteID, func(s *store.Site) (err error) {
		if err := s.DropTokens(func(t store.Token) bool { return t.Expired(now) }); err != nil {
			return err
		}
		session.Token, err = addToken(s, "st_", store.Token{Name: username, Session: true, ExpiresAt: session.ExpiresAt})
		return err
	})
	return session, err
}

// SetToken gives the site a new API token and removes those of the same name.
func (g *Guard) SetToken(siteID, name string) (token secret.Text, err error) {
	err = g.store.UpdateSite(siteID, func(s *store.Site) (err error) {
		if err := s.DropTokens(func(t store.Token) bool { return !t.Session && t.Name == name }); err != nil {
			return err
		}
		token, err = AddToken(s, name)
		return err
	})
	return token, err
}

// SetLogin gives the site's username a new random password, creates the login when there is none, and ends the sessions
// that it had.
func (g *Guard) SetLogin(ctx context.Context, siteID, username string) (secret.Text, error) {
	password := secret.New(random())
	login, err := g.hasher.hash(ctx, password)
	if err != nil {
		return secret.Text{}, err
	}
	return password, g.store.UpdateSite(siteID, func(s *store.Site) error {
		if err := s.DropTokens(func(t store.Token) bool { return t.Session && t.Name == username }); err != nil {
			return err
		}
		return s.PutLogin(username, login)
	})
}

// random returns 256 random bits as text.
func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: it ends the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// sum is what a token is stored by. A plain hash will do for 256 random bits.
func sum(token secret.Text) []byte { return digest(token.Reveal()) }

func digest(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}
