// Package core holds the rules of a site admin contract server, free of HTTP: what may be saved, what may be enabled,
// and when a test message may be sent. Its errors become answers by [problem.Of].
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

// Config says what a Core works with. All of it is required.
type Config struct {
	Store *store.Store
	Keys  seal.Keys
	Send  Send
	// TestWait is how long [Site.PutTest] waits for the end of a test.
	TestWait time.Duration
	// PassAge is how old a passed test may be that enables mail.
	PassAge time.Duration
	// TestEvery is the time in which a site may send one more test message, TestBurst how many it may send at once.
	TestEvery time.Duration
	TestBurst int
	// Guesses is how many wrong passwords a site compares with its own in a [limit.Window].
	Guesses int
	Now     func() time.Time
	Logger  *slog.Logger
}

// Core is the sites of one data file.
type Core struct {
	Config
	runs sync.WaitGroup
	// ctx ends when running tests are to be given up.
	ctx     context.Context
	giveUp  context.CancelFunc
	givenUp atomic.Int64
	sending *sending

	mu       sync.RWMutex
	sites    map[string]*Site
	stopping bool
}

var siteName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// New returns the sites of the store. It refuses a key that the data file was not written with, and it disables every
// site that is enabled without the verification of exactly what it holds.
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

// AddSite creates a site that holds nothing; what first stores with it is stored in the same step.
func (c *Core) AddSite(name string, first func(*store.Site) error) (*Site, error) {
	if !siteName.MatchString(name) {
		return nil, fmt.Errorf("%q is no name of a site: use up to 63 lower-case letters, digits and hyphens", name)
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

// Close lets no further test start and waits for those that run. When ctx ends before them they are given up, and what
// became of their messages may be in doubt.
func (c *Core) Close(ctx context.Context) error {
	c.mu.Lock()
	c.stopping = true
	c.mu.Unlock()
	defer c.giveUp()
	defer context.AfterFunc(ctx, c.giveUp)()
	c.runs.Wait()
	if n := c.givenUp.Load(); n > 0 {
		return fmt.Errorf("tests that were running were given up: %d", n)
	}
	return nil
}

// enter counts a test as running, unless the sites are being stopped.
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
