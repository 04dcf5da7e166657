// Package access decides who may administer a site: it checks API tokens, and logins, which open sessions.
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

// Maximum lengths of credentials in characters, as in openapi.yaml.
const (
	maxUsername = 255
	maxPassword = 1024
)

// Maximum failed logins in one [limit.Window]: for a username from one address, for a username from all addresses, and from one
// address for all usernames. The second limit applies only to addresses with a failed login, so that guesses from many addresses do
// not lock out the account's owner.
const (
	maxPerGuesser  = 10
	maxPerUsername = 100
	maxPerAddress  = 200
)

// Guard checks the tokens and logins of the sites in a store.
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

// AddToken creates an API token of the site. name identifies its owner as a writer.
func AddToken(s *store.Site, name string) (secret.Text, error) {
	return addToken(s, "at_", store.Token{Name: name})
}

func addToken(s *store.Site, prefix string, t store.Token) (secret.Text, error) {
	token := secret.New(prefix + random())
	return token, s.PutToken(sum(token), t)
}

// Name returns the name of a token of the site, or an error of code Unauthorized.
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

// Login opens a session if username and password are correct. An attempt is counted before the password is checked, so that
// concurrent attempts count too; an accepted login is not counted. Credentials of an impossible length are an error of code Invalid,
// and are not counted.
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

// count counts an attempt and returns a function that uncounts it. An attempt over a limit is not counted.
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

// login returns the login with that username. If there is none, it returns one that no password matches and that takes as long to check.
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

// SetToken creates an API token of the site and removes existing ones with the same name.
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

// SetLogin gives the username a new random password, creating the login if necessary, and ends its sessions.
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
	_, _ = rand.Read(b) // never returns an error: it crashes the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// sum returns the hash under which a token is stored. A plain hash is enough for 256 random bits.
func sum(token secret.Text) []byte { return digest(token.Reveal()) }

func digest(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}
