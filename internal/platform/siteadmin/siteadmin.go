// Package siteadmin is the client of the site admin contract, which openapi.yaml in this folder defines.
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
	// basePath is the path of the API; the other paths are below it.
	basePath    = "/admin/api/v1"
	sessionPath = "/session"
	smtpPath    = "/smtp"
	// apiVersion is the version of the contract that this package implements.
	apiVersion = 1
	// authOAuth2 is the name of logins with a token in auth_methods.
	authOAuth2 = "oauth2"
)

type client struct {
	api *adminapi.Client
	// isWordPress is true for a WordPress with our plugin, in any version.
	isWordPress bool
	// siteID is the ID found by the last successful read; nil before that.
	siteID atomic.Pointer[string]
	// grants are the grants that the site reported; nil before the first read.
	grants atomic.Pointer[[]site.Grant]
	// replaced maps each revision that this client has overwritten to the new one. A site that returns an overwritten one is cached.
	replaced sync.Map
}

// Open returns the site at c.URL. It sends no request. The error is an *[adminapi.ConfigError]. A site with a newer version of the
// contract cannot even be read, because its settings might have a different meaning.
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

// OpenWordPress is [Open] for a WordPress with the plugin in internal/platform/wordpress. Every request carries the plugin's token, or
// a username and an Application Password. With all three, username and password are those of the web server.
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

// checkLogin refuses to send settings for a login that the site does not support.
func (c *client) checkLogin(ctx context.Context, s site.Settings) error {
	if s.Grant == "" {
		return nil
	}
	grants, err := c.Grants(ctx)
	switch {
	case err != nil || slices.Contains(grants, s.Grant):
		return err
	case len(grants) == 0:
		return &site.Error{Kind: site.Unsupported, Field: "grant", Message: "the site can log in only with a password (its auth_methods lacks oauth2); nothing was sent to it"}
	}
	return &site.Error{Kind: site.Unsupported, Field: "grant", Message: fmt.Sprintf("the site does not support the grant %s (its grants lacks it); nothing was sent to it", s.Grant)}
}

// getSame is get after something was sent to the site. If a different site answers now, that site may have received it.
func (c *client) getSame(ctx context.Context, siteID, sent string, found *wireSMTP) error {
	err := c.get(ctx, found)
	if err == nil && found.SiteID != siteID {
		err = wrongSite(siteID, found.SiteID, "it may have received "+sent)
	}
	return err
}

// recognise makes sure, before anything sensitive is sent, that the right site answers with a known version, and returns its ID. A
// caller that passes a pinned siteID has read the site before, usually in the refresh, so no extra request is needed: the request
// includes the siteID, and a different site refuses it.
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
	// Older sites ignore Site-ID, so rely on a read, here or earlier by the caller.
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
		// An earlier attempt of this request may have changed the revision.
		if done, _ := cleared(ctx); done {
			return nil
		}
	}
	if err != nil {
		return sentError(err, sent)
	}
	return nil
}

// deleteHeader returns a header with the revision and, if it is valid in a header, the site's ID.
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
