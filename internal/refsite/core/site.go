// Package core holds the rules of a site admin contract server, free of HTTP: what may be saved, what may be enabled,
// and what a test message may do.
package core

import (
	"context"
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Site is one site of the server.
type Site struct{}

// Write is the request for one commit.
type Write struct {
	site.Save
	// ID is the identifier that the writer gave this write: repeated with the same content it changes nothing.
	ID string
}

// Read returns what the site holds.
func (s *Site) Read(context.Context) (site.State, error) {
	return site.State{}, errors.ErrUnsupported
}

// Commit saves settings, password and switch in one step; by names the writer, as shown in UpdatedBy.
func (s *Site) Commit(ctx context.Context, by string, w Write) (site.State, error) {
	return site.State{}, errors.ErrUnsupported
}

// Clear removes settings and password, guarded by the revision.
func (s *Site) Clear(ctx context.Context, by, revision string) (site.State, error) {
	return site.State{}, errors.ErrUnsupported
}
