// Package siteadmin is the client's end of the site admin contract, which openapi.yaml beside this file states.
package siteadmin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const (
	// basePath is where a site serves the contract; the other paths are below that.
	basePath    = "/admin/api/v1"
	sessionPath = "/session"
	smtpPath    = "/smtp"
	// apiVersion is the version of the contract that this package speaks.
	apiVersion = 1
	// authOAuth2 is the name of logins with a token in auth_methods.
	authOAuth2 = "oauth2"
)

type client struct {
	api *adminapi.Client
	// isWordPress: the site is a WordPress with our plugin, of whatever version.
	isWordPress bool
	// siteID is what the last successful read found; nil before.
	siteID atomic.Pointer[string]
	// grants are those with which it said that it obtains tokens; nil before.
	grants atomic.Pointer[[]site.Grant]
	// replaced holds the revisions over which this client has written, and what it wrote: no site shows them again.
	replaced sync.Map
}

// Open returns the site at c.URL and calls nothing yet; c.Credentials are made of account. The error is an
// *[adminapi.ConfigError]. A site that speaks a newer version of the contract cannot even be read: its settings might
// mean something else, and everything begins with a read.
func Open(pool *adminapi.Pool, c adminapi.Config, account adminapi.Account) (site.Site, error) {
	var err error
	if c.Credentials, err = account.Session(login(account)); err != nil {
		return nil, err
	}
	opened, err := open(pool, c, basePath)
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// WordPressPlugin is the newest version of the plugin of internal/platform/wordpress, which calls itself wordPressPlugin.
const (
	WordPressPlugin      = "0.2.0"
	wordPressPlugin      = "site-smtp"
	firstWordPressPlugin = "0.1"
)

// ownHeader is the header in which the plugin takes its token where Authorization is for the web server in front of it.
const ownHeader = "X-Site-SMTP-Token"

// OpenWordPress is [Open] for a WordPress with the plugin of internal/platform/wordpress, which takes with every request its own
// token, or a user and one of their Application Passwords. With all three, username and password are those of the web server.
func OpenWordPress(pool *adminapi.Pool, c adminapi.Config, account adminapi.Account) (site.Site, error) {
	login, token := account.Parts()
	if err := token.Validate(); err != nil {
		return nil, err
	}
	var err error
	if c.Credentials, err = login.Basic(""); err != nil {
		return nil, err
	}
	switch {
	case token.Token.IsEmpty():
	case c.Credentials == nil:
		c.Credentials = adminapi.Bearer(token.Token)
	default:
		c.Credentials = adminapi.WithToken(c.Credentials, ownHeader, token.Token)
	}
	opened, err := open(pool, c, "/wp-json/site-smtp/v1")
	if err != nil {
		return nil, err
	}
	opened.isWordPress = true
	return opened, nil
}

// open opens the site that serves the contract at base.
func open(pool *adminapi.Pool, c adminapi.Config, base string) (*client, error) {
	c.URL += base
	api, err := pool.Client(c)
	if err != nil {
		return nil, err
	}
	return &client{api: api}, nil
}

// Read implements [site.Site].
func (c *client) Read(ctx context.Context) (site.State, error) {
	var found wireSMTP
	if err := c.get(ctx, &found); err != nil {
		return site.State{}, err
	}
	state := found.fromWire()
	state.Outdated = found.outdated(c.isWordPress)
	return state, nil
}

func (c *client) get(ctx context.Context, found *wireSMTP) error {
	_, err := c.api.Do(ctx, adminapi.Request{Method: http.MethodGet, Path: smtpPath, Repeat: adminapi.Always}, found)
	if err != nil {
		return siteError(err, site.Unreachable)
	}
	if err := found.validate(); err != nil {
		return err
	}
	c.grants.Store(new(found.grants()))
	if newer, ok := c.replaced.Load(found.Revision); ok {
		return cached(found.Revision, newer)
	}
	c.siteID.Store(new(found.SiteID))
	return nil
}

// Grants implements [site.TokenLogins].
func (c *client) Grants(ctx context.Context) ([]site.Grant, error) {
	if c.grants.Load() == nil {
		if _, err := c.Read(ctx); err != nil {
			return nil, err
		}
	}
	return *c.grants.Load(), nil
}

// checkLogin refuses to send settings that the site would not understand.
func (c *client) checkLogin(ctx context.Context, s site.Settings) error {
	if s.Grant == "" {
		return nil
	}
	grants, err := c.Grants(ctx)
	switch {
	case err != nil || slices.Contains(grants, s.Grant):
		return err
	case len(grants) == 0:
		return &site.Error{Kind: site.Unsupported, Field: "grant", Message: "the site logs in with a password only (auth_methods does not name oauth2); nothing was sent to it"}
	}
	return &site.Error{Kind: site.Unsupported, Field: "grant", Message: fmt.Sprintf("the site does not know the grant %s (grants does not name it); nothing was sent to it", s.Grant)}
}

// getSame is get for a site that was sent something, which another one that answers now may have got instead.
func (c *client) getSame(ctx context.Context, siteID, sent string, found *wireSMTP) error {
	err := c.get(ctx, found)
	if err == nil && found.SiteID != siteID {
		err = wrongSite(siteID, found.SiteID, "it may have been sent "+sent)
	}
	return err
}

// recognise makes sure, before anything is sent that matters, that a site of a known version answers here, and returns its
// id. A caller that names the siteID which it has pinned has read the site before, mostly in the refresh that its plan began
// with: for it there is no call more, the request names the site too, and another site refuses it.
func (c *client) recognise(ctx context.Context, siteID string) (string, error) {
	found := c.siteID.Load()
	switch {
	case found == nil && siteID == "":
		read, err := c.Read(ctx)
		return read.SiteID, err
	case found != nil && siteID != "" && *found != siteID:
		return "", wrongSite(siteID, *found, "nothing was sent to it")
	case siteID == "":
		return *found, nil
	}
	return siteID, nil
}

// Save implements [site.Site].
func (c *client) Save(ctx context.Context, s site.SaveRequest) (site.State, error) {
	siteID, err := c.recognise(ctx, s.SiteID)
	if err != nil {
		return site.State{}, err
	}
	if err := c.checkLogin(ctx, s.Settings); err != nil {
		return site.State{}, err
	}
	write := toWireWrite(s, site.NewWriteID(s.Writer))
	var found wireSMTP
	_, err = c.api.Do(ctx, adminapi.Request{
		Method: http.MethodPut,
		Path:   smtpPath,
		Header: ifMatch(s.Revision),
		Body:   write,
		Check:  func() error { return found.answers(write, siteID) },
		Repeat: adminapi.IfUndone,
		Done: func(ctx context.Context) (bool, error) {
			err := c.getSame(ctx, siteID, write.holds(), &found)
			return found.LastWriteID == write.WriteID, err
		},
	}, &found)
	if err != nil {
		return site.State{}, sentError(err, write.holds())
	}
	if found.Revision != s.Revision {
		c.replaced.Store(s.Revision, found.Revision)
	}
	return found.fromWire(), nil
}

// Clear implements [site.Site].
func (c *client) Clear(ctx context.Context, r site.ClearRequest) error {
	// Older sites do not look at Site-ID: the site was read, here or by the caller.
	siteID, err := c.recognise(ctx, "")
	if err == nil && r.SiteID != "" && siteID != r.SiteID {
		err = wrongSite(r.SiteID, siteID, "nothing was sent to it")
	}
	if err != nil {
		return err
	}
	const sent = "the request to clear its settings"
	var found wireSMTP
	cleared := func(ctx context.Context) (bool, error) {
		err := c.getSame(ctx, siteID, sent, &found)
		return err == nil && found.isClear(), err
	}
	_, err = c.api.Do(ctx, adminapi.Request{
		Method: http.MethodDelete,
		Path:   smtpPath,
		Header: deleteHeader(r.Revision, siteID),
		Check:  func() error { return found.answersClear(siteID, sent) },
		Repeat: adminapi.IfUndone,
		Done:   cleared,
	}, &found)
	if e, ok := errors.AsType[*adminapi.Error](err); ok && e.Code == codeStale && e.Attempts > 1 {
		// An earlier attempt may be what moved the revision on.
		if done, _ := cleared(ctx); done {
			return nil
		}
	}
	if err != nil {
		return sentError(err, sent)
	}
	return nil
}

// deleteHeader names the revision and, where it can stand in a header, the site.
func deleteHeader(revision, siteID string) http.Header {
	h := ifMatch(revision)
	if isTag(siteID) {
		h.Set("Site-ID", siteID)
	}
	return h
}

// ifMatch quotes a revision as an entity tag (RFC 9110 section 8.8.3).
func ifMatch(revision string) http.Header {
	return http.Header{"If-Match": {`"` + revision + `"`}}
}
