// Package refsite is the reference site: a small server that implements the site admin contract for many sites in one
// process, each under a /<name> prefix. It really sends its test messages.
package refsite

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
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
	// RootCAs are what certificates of submission servers must chain to; nil means those of the system.
	RootCAs *x509.CertPool
	// TestWait is how long a call waits for its test before it is answered with "running"; 2 s by default.
	TestWait time.Duration
	// Now is the clock; time.Now by default.
	Now func() time.Time
	// Logger gets the structured log; slog.Default() by default. No record holds a secret.
	Logger *slog.Logger
}

// Credentials are what a new site's first administrator needs. They are shown once and stored hashed.
type Credentials struct {
	SiteID string
	// Token is an API token of the site.
	Token secret.Text
}

// Server serves the sites of one data file.
type Server struct{}

// New opens the data file, disables every site whose settings are enabled without a matching verification, and returns
// a server that is ready to serve.
func New(cfg Config) (*Server, error) { return nil, errors.ErrUnsupported }

// Handler serves the contract below /<site>/admin/api/v1.
func (s *Server) Handler() http.Handler { return http.NotFoundHandler() }

// AddSite creates a site with an API token named "terraform".
func (s *Server) AddSite(name string) (Credentials, error) {
	return Credentials{}, errors.ErrUnsupported
}

// AddLogin creates a login of the site with a random password, or gives an existing one a new password.
func (s *Server) AddLogin(site, username string) (secret.Text, error) {
	return secret.Text{}, errors.ErrUnsupported
}

// Site returns the site of that name, for editing it as its admin page does.
func (s *Server) Site(name string) (*core.Site, error) { return nil, errors.ErrUnsupported }

// Close waits for running tests until ctx ends and closes the data file.
func (s *Server) Close(ctx context.Context) error { return errors.ErrUnsupported }
