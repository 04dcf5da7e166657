// Package core holds the rules of a site admin contract server, free of HTTP: what may be saved, what may be enabled,
// and when a test message may be sent. [problem.Of] converts its errors to responses.
package core

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
)

// Config configures a Core. All fields are required.
type Config struct {
	Store *store.Store
	Keys  seal.Keys
	Send  Send
	// TestWait is how long [Site.PutTest] waits for the end of a test.
	TestWait time.Duration
	// PassAge is the maximum age of a passed test that can enable mail.
	PassAge time.Duration
	// TestEvery is the time after which a site may send another test message, TestBurst how many it may send in a burst.
	TestEvery time.Duration
	TestBurst int
	// Guesses is how many wrong passwords a site compares with the stored one in one [limit.Window].
	Guesses int
	Now     func() time.Time
	Logger  *slog.Logger
}

// Core holds the sites of one data file.
type Core struct {
	Config
	runs sync.WaitGroup
	// ctx ends when running tests must be abandoned.
	ctx     context.Context
	giveUp  context.CancelFunc
	givenUp atomic.Int64
	sending *sending

	mu       sync.RWMutex
	sites    map[string]*Site
	stopping bool
}

var siteName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// New returns the sites of the store. It refuses a key that the data file was not written with, and disables mail at every site that
// lacks a verification of exactly its settings and password.
func New(cfg Config) (*Core, error) {
	c := &Core{Config: cfg, sites: map[string]*Site{}, sending: newSending(cfg.TestEvery, cfg.TestBurst)}
	c.ctx, c.giveUp = context.WithCancel(context.Background())
	if err := c.Store.Update(c.inspect); err != nil {
		return nil, err
	}
	if err := c.Store.Scrub(); err != nil {
		return nil, err
	}
	return c, nil
}

// AddSite creates an empty site. What first stores is stored in the same transaction.
func (c *Core) AddSite(name string, first func(*store.Site) error) (*Site, error) {
	if !siteName.MatchString(name) {
		return nil, fmt.Errorf("%q is not a valid name of a site: use up to 63 lower-case letters, digits and hyphens", name)
	}
	id := uuid.NewString()
	err := c.Store.Update(func(tx *store.Tx) error {
		s, err := tx.Create(name, id)
		if err != nil {
			return fmt.Errorf("site %s: %w", name, err)
		}
		return first(s)
	})
	if err != nil {
		return nil, err
	}
	return c.add(name, id), nil
}

// Site returns the site with that name, or an error of code NotFound.
func (c *Core) Site(name string) (*Site, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if s, ok := c.sites[name]; ok {
		return s, nil
	}
	return nil, problem.New(problem.NotFound, "There is no such site.")
}

// Close prevents further tests and waits for running ones. If ctx ends first, they are abandoned, and their results may be in doubt.
func (c *Core) Close(ctx context.Context) error {
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
	defer c.giveUp()
	defer context.AfterFunc(ctx, c.giveUp)()
	c.runs.Wait()
	if n := c.givenUp.Load(); n > 0 {
		return fmt.Errorf("running tests that were abandoned: %d", n)
	}
	return nil
}

// enter counts a test as running, unless the server is stopping.
func (c *Core) enter() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.stopping {
		return store.ErrClosed
	}
	c.runs.Add(1)
	return nil
}

func (c *Core) add(name, id string) *Site {
	s := &Site{
		core: c, id: id, name: name, live: map[string]*run{},
		log: c.Logger.With("site", name),
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sites[name] = s
	return s
}
