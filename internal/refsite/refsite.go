// Package refsite is the reference site: a small server that implements the site admin contract for many sites, each under a /<name>
// prefix. It really sends its test messages.
package refsite

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/access"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/api"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/dialrule"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/page"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Config configures a server. DataFile and Keys are required; a zero value of any other field selects its default.
type Config struct {
	// DataFile is the path of the database, which is created with mode 0600 if it does not exist.
	DataFile string
	// Keys seal the stored passwords.
	Keys seal.Keys
	// AllowNetworks lists private networks whose mail servers test messages may be sent to, such as 127.0.0.0/8 or the network of an
	// internal relay.
	AllowNetworks []netip.Prefix
	// DialContext, if set, opens the connections of test messages, for example to an in-memory network. AllowNetworks then has no effect.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs are the authorities to trust for mail servers; nil stands for the system's.
	RootCAs *x509.CertPool
	// TestWait is how long a request waits for its test before the response is "running"; default 5 s.
	TestWait time.Duration
	// PassAge is the maximum age of a passed test that can enable mail; default 1 h, as in the contract.
	PassAge time.Duration
	// TestEvery is the time after which a site may send another test message, default 10 s; TestBurst is how many it may send in a
	// burst, default 20. One recipient may receive ten times as many from all sites; all sites together may send a hundred times as many.
	TestEvery time.Duration
	TestBurst int
	// Guesses is how many wrong passwords a site compares with the stored one in ten minutes; default 20.
	Guesses int
	// BehindProxy is true if all requests come through a proxy that appends the client's address to X-Forwarded-For.
	BehindProxy bool
	// Hosts are the names, without ports, that the server answers to besides IP addresses and localhost. Requests for any other name
	// are refused, as protection against DNS rebinding.
	Hosts []string
	// Now is the clock; default [time.Now].
	Now func() time.Time
	// Logger receives the structured log; default [slog.Default]. No record contains a secret.
	Logger *slog.Logger
}

// firstToken is the name of a new site's API token.
const firstToken = "terraform"

// Credentials are the credentials of a new site. They are shown once and stored only as hashes.
type Credentials struct {
	SiteID string
	// Token is an API token of the site.
	Token secret.Text
}

// Server serves the sites of one data file.
type Server struct {
	store   *store.Store
	core    *core.Core
	guard   *access.Guard
	handler http.Handler
	log     *slog.Logger
}

// New opens the data file, disables mail at every site that lacks a matching verification, and returns a server that is ready to
// serve.
func New(cfg Config) (*Server, error) {
	if cfg.Keys.Current() == 0 {
		return nil, errors.New("there is no sealing key")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	data, err := store.Open(cfg.DataFile, cfg.Logger)
	if err != nil {
		return nil, err
	}
	sites, err := core.New(core.Config{
		Store:     data,
		Keys:      cfg.Keys,
		Send:      send(cfg),
		TestWait:  cmp.Or(cfg.TestWait, 5*time.Second),
		PassAge:   cmp.Or(cfg.PassAge, time.Hour),
		TestEvery: cmp.Or(cfg.TestEvery, 10*time.Second),
		TestBurst: cmp.Or(cfg.TestBurst, 20),
		Guesses:   cmp.Or(cfg.Guesses, 20),
		Now:       cfg.Now,
		Logger:    cfg.Logger,
	})
	if err != nil {
		return nil, errors.Join(err, data.Close())
	}
	s := &Server{store: data, core: sites, guard: access.NewGuard(data, cfg.Now, cfg.Logger), log: cfg.Logger}
	admin := &page.Page{Sites: sites, Guard: s.guard, Log: cfg.Logger, BehindProxy: cfg.BehindProxy, Hosts: cfg.Hosts, Now: cfg.Now}
	s.handler = (&api.API{
		Sites: sites, Guard: s.guard, Log: cfg.Logger, BehindProxy: cfg.BehindProxy, Hosts: cfg.Hosts, Page: admin.Handler(),
	}).Handler()
	return s, nil
}

func send(cfg Config) core.Send {
	return func(ctx context.Context, c site.Candidate, recipient string, refresh core.Refresh) site.TestResult {
		sender := sender(cfg)
		sender.Refresh = refresh
		return sender.Send(ctx, c, recipient)
	}
}

func sender(cfg Config) *submit.Sender {
	return &submit.Sender{
		Control:     dialrule.Rules{Allow: cfg.AllowNetworks}.Control,
		DialContext: cfg.DialContext,
		RootCAs:     cfg.RootCAs,
		Now:         cfg.Now,
		// A user who may send tests must not learn about the internal network of this server.
		HideAddresses: true,
	}
}

// Handler serves the admin page at /<site>/admin and the contract below /<site>/admin/api/v1.
func (s *Server) Handler() http.Handler { return s.handler }

// AddSite creates a site with an API token named "terraform". The name is up to 63 lower-case letters, digits and hyphens.
func (s *Server) AddSite(name string) (Credentials, error) {
	var c Credentials
	added, err := s.core.AddSite(name, func(stored *store.Site) (err error) {
		c.Token, err = access.AddToken(stored, firstToken)
		return err
	})
	if err != nil {
		return Credentials{}, err
	}
	c.SiteID = added.ID()
	return c, nil
}

// ResetToken gives the site a new API token named "terraform" and removes the old one.
func (s *Server) ResetToken(name string) (secret.Text, error) {
	of, err := s.core.Site(name)
	if err != nil {
		return secret.Text{}, err
	}
	return s.guard.SetToken(of.ID(), firstToken)
}

// AddLogin creates a login of the site with a random password, or gives an existing one a new password and ends its
// sessions.
func (s *Server) AddLogin(ctx context.Context, name, username string) (secret.Text, error) {
	of, err := s.core.Site(name)
	if err != nil {
		return secret.Text{}, err
	}
	if core.HasHidden(username) {
		return secret.Text{}, fmt.Errorf("username %q contains invisible characters", username)
	}
	return s.guard.SetLogin(ctx, of.ID(), username)
}

// Site returns the site with that name, for reading and editing it directly.
func (s *Server) Site(name string) (*core.Site, error) { return s.core.Site(name) }

// Close prevents further tests, waits for running ones until ctx ends, and closes the data file.
func (s *Server) Close(ctx context.Context) error {
	return errors.Join(s.core.Close(ctx), s.store.Close())
}
