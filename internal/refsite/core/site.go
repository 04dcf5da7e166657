package core

import (
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Site is one site of the server.
type Site struct {
	core *Core
	id   string
	name string
	log  *slog.Logger

	// mu guards live and the test records of the site.
	mu   sync.Mutex
	live map[string]*run
	// refreshing is held while a refresh token of the site is used: one at a time.
	refreshing sync.Mutex
}

// ID returns the site's site_id.
func (s *Site) ID() string { return s.id }

// Name returns the site's name in URLs.
func (s *Site) Name() string { return s.name }

// Read returns the state of the site.
func (s *Site) Read() (site.State, error) {
	var rec store.Record
	err := s.core.Store.ViewSite(s.id, func(stored *store.Site) (err error) {
		rec, err = stored.Record()
		return err
	})
	return s.state(rec), err
}

func (s *Site) state(rec store.Record) site.State {
	state := site.State{
		SiteID:      s.id,
		Settings:    rec.Settings,
		Enabled:     rec.Enabled,
		Revision:    revision(rec),
		UpdatedAt:   rec.UpdatedAt,
		UpdatedBy:   rec.UpdatedBy,
		PasswordSet: rec.Password != nil,
	}
	if rec.LastWrite != nil {
		state.LastWriteID = rec.LastWrite.ID
	}
	if rec.Password != nil {
		state.PasswordID = rec.Password.ID
	}
	if rec.Verification != nil {
		state.Verification = &rec.Verification.Verification
	}
	return state
}

func revision(rec store.Record) string { return strconv.FormatUint(rec.Revision, 10) }

// stamp turns rec into a new revision.
func (s *Site) stamp(rec *store.Record, by string, last *store.LastWrite) {
	rec.Revision++
	rec.UpdatedAt = s.core.Now().UTC().Truncate(time.Millisecond)
	rec.UpdatedBy = by
	rec.LastWrite = last
}
