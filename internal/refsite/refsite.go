// Package refsite is the reference site: a small server that implements the site admin contract for many sites in one
// process, each under a /<name> prefix. It really sends its test messages.
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

// Config says how a server runs. DataFile and Keys are required; the zero value of every other field is a default.
type Config struct {
	// DataFile is the path of the database, created with mode 0600 when it does not exist.
	DataFile string
	// Keys seal the stored passwords.
	Keys seal.Keys
	// AllowNetworks lists networks that test messages may be sent to although they are not public, such as
	// 127.0.0.0/8 or that of an internal relay.
	AllowNetworks []netip.Prefix
	// DialContext opens the connections of test messages instead of the network of this machine, for a network in memory:
	// AllowNetworks is not asked then.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs are what certificates of submission servers must chain to; nil means those of the system.
	RootCAs *x509.CertPool
	// TestWait is how long a call waits for its test before it is answered with "running"; 5 s by default.
	TestWait time.Duration
	// PassAge is how old a passed test may be that enables mail; 1 h by default, as the contract says.
	PassAge time.Duration
	// TestEvery is the time in which a site may send one more test message, 10 s by default; TestBurst how many it may
	// send at once, 20 by default.
	// Ten times as many may go to one recipient, from all sites, and a hundred times as many in all.
	TestEvery time.Duration
	TestBurst int
	// Guesses is how many wrong passwords a site compares with its own in ten minutes, 20 by default.
	Guesses int
	// BehindProxy says that a proxy, which nobody can go around, names the client in the last element of X-Forwarded-For.
	BehindProxy bool
	// Hosts are the names, without ports, that the server answers to besides IP addresses and localhost: a name that a
	// stranger pointed here (DNS rebinding) gets neither page nor API.
	Hosts []string
	// Now is the clock; time.Now by default.
	Now func() time.Time
	// Logger gets the structured log; slog.Default() by default. No record holds a secret.
	Logger *slog.Logger
}

// firstToken is the name of the API token that a site is created with.
const firstToken = "terraform"

// Credentials are what a new site's first administrator needs. They are shown once and stored hashed.
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

// New opens the data file, disables every site that is enabled without a matching verification, and returns a server
// that is ready to serve.
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
		// Whoever may test must not learn how the network of this server is built.
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
		return secret.Text{}, fmt.Errorf("username %q contains characters that are not shown", username)
	}
	return s.guard.SetLogin(ctx, of.ID(), username)
}

// Site returns the site of that name, for editing it as its admin page does.
func (s *Server) Site(name string) (*core.Site, error) { return s.core.Site(name) }

// Close lets no further test start, waits for those that run until ctx ends, and closes the data file.
func (s *Server) Close(ctx context.Context) error {
	return errors.Join(s.core.Close(ctx), s.store.Close())
}
