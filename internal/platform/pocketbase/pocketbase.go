// Package pocketbase manages the mail of a PocketBase, 0.23 or later, through its settings API. PocketBase can test only
// what it has saved and enabled, and has neither revisions nor an ID of its own; what else is special about it stands
// where it matters.
package pocketbase

import (
	"context"
	"net/http"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const (
	superusersPath = "/api/collections/_superusers"
	settingsPath   = "/api/settings"
	testPath       = settingsPath + "/test/email"
)

type client struct{ api *adminapi.Client }

// Open returns the PocketBase at c.URL and calls nothing yet; c.Credentials are made of account: a superuser, or a token of
// one. The error is an *[adminapi.ConfigError].
func Open(pool *adminapi.Pool, c adminapi.Config, account adminapi.Account) (site.Site, error) {
	var err error
	if c.Credentials, err = account.Session(login(account)); err != nil {
		return nil, err
	}
	api, err := pool.Client(c)
	if err != nil {
		return nil, err
	}
	return &client{api}, nil
}

// Capabilities implements [site.Capable]. Of an encryption PocketBase knows implicit TLS, and else uses STARTTLS where the
// server offers it. It never logs in without TLS except to localhost, so that with a login this comes to required
// STARTTLS, and without one to none.
func (*client) Capabilities() site.Capabilities {
	return site.Capabilities{
		Testing:             site.TestsEnabled,
		Unguarded:           true,
		HidesPasswords:      true,
		ForgetsVerification: true,
		Settings:            site.OriginalSettings(),
		UnsupportedValues: []site.UnsupportedValue{
			{
				Field: "encryption", Value: site.STARTTLS, When: func(s site.Settings) bool { return s.Username == "" },
				Reason: `without a username, PocketBase sends in clear text where the server offers no STARTTLS. Set encryption to "tls", or to "none" if that is all right.`,
			},
			{
				Field: "encryption", Value: site.NoEncryption, When: func(s site.Settings) bool { return s.Username != "" },
				Reason: `PocketBase logs in only over an encrypted connection. Set encryption to "starttls" or "tls".`,
			},
			{Field: "grant", Reason: "PocketBase logs in to mail servers with a password only."},
			{Field: "from_name", Value: "", Reason: "PocketBase wants a name for the sender."},
			{Field: "from_address", Value: "", Reason: "PocketBase wants an address for the sender."},
		},
	}
}

// Read implements [site.Site].
func (c *client) Read(ctx context.Context) (site.State, error) {
	id, err := c.siteID(ctx)
	if err != nil {
		return site.State{}, err
	}
	found, err := c.settings(ctx)
	if err != nil {
		return site.State{}, err
	}
	return found.fromWire(id), nil
}

// siteID is when the collection of superusers was made, which is when PocketBase was installed: to the millisecond, the
// same for every account, and the same in each copy of one data folder.
func (c *client) siteID(ctx context.Context) (string, error) {
	var superusers struct {
		Created string `json:"created"`
	}
	_, err := c.api.Do(ctx, adminapi.Request{Method: http.MethodGet, Path: superusersPath, Repeat: adminapi.Always}, &superusers)
	if err != nil {
		return "", siteError(err, site.Unreachable)
	}
	if superusers.Created == "" {
		return "", notPocketBase("its collection of superusers has no date")
	}
	return "installed " + superusers.Created, nil
}

func (c *client) settings(ctx context.Context) (wireSettings, error) {
	var found wireSettings
	_, err := c.api.Do(ctx, adminapi.Request{Method: http.MethodGet, Path: settingsPath, Repeat: adminapi.Always}, &found)
	if err != nil {
		return found, siteError(err, site.Unreachable)
	}
	return found, found.validate()
}

// recognise returns the ID of the site that answers, and an error unless it is the one that is expected.
func (c *client) recognise(ctx context.Context, want string) (string, error) {
	found, err := c.siteID(ctx)
	if err == nil && want != "" && found != want {
		err = wrongSite(want, found)
	}
	return found, err
}

// Test implements [site.Site]. With mail off, PocketBase would hand the message to a sendmail of its machine, which says
// nothing about the settings.
func (c *client) Test(ctx context.Context, t site.TestRequest) (site.TestResult, error) {
	if t.Candidate != nil {
		return site.TestResult{}, &site.Error{Kind: site.Unsupported, Message: "PocketBase can test only what it has saved"}
	}
	if _, err := c.recognise(ctx, t.SiteID); err != nil {
		return site.TestResult{}, err
	}
	found, err := c.settings(ctx)
	if err != nil {
		return site.TestResult{}, err
	}
	if !found.SMTP.Enabled {
		return site.TestResult{}, &site.Error{Kind: site.Unsupported, Message: "PocketBase can test its settings only while mail is on, and it is off"}
	}
	// The answer comes when the submission server's has, and nothing tells one test from another.
	_, err = c.api.Do(ctx, adminapi.Request{
		Method: http.MethodPost, Path: testPath, Body: wireTest{t.Recipient, "verification"}, Repeat: adminapi.IfUnsent,
	}, nil)
	result := site.TestResult{Status: site.Passed, Stage: site.StageData}
	if err != nil {
		if result, err = verdict(err); err != nil {
			return site.TestResult{}, err
		}
	}
	result.Recipient, result.TestedAt = t.Recipient, time.Now()
	return result, nil
}

// Save implements [site.Site].
func (c *client) Save(ctx context.Context, s site.SaveRequest) (site.State, error) {
	id, err := c.recognise(ctx, s.SiteID)
	if err != nil {
		return site.State{}, err
	}
	if s.Settings.Username == "" {
		if err := c.canForgetPassword(ctx, "username"); err != nil {
			return site.State{}, err
		}
	}
	return c.patch(ctx, id, toWire(s))
}

// Clear implements [site.Site]. It puts back what a new PocketBase has, which cannot be without a sender.
func (c *client) Clear(ctx context.Context, r site.ClearRequest) error {
	id, err := c.recognise(ctx, r.SiteID)
	if err != nil {
		return err
	}
	if err := c.canForgetPassword(ctx, ""); err != nil {
		return err
	}
	_, err = c.patch(ctx, id, wireChange{SMTP: wirePassword{wireSMTP: factory.SMTP, Password: new(adminapi.Secret)}, Meta: factory.Meta})
	return err
}

// canForgetPassword refuses, at field, what needs a password to be forgotten that PocketBase would go on to use: before
// 0.36.9 its process keeps one that was cleared, and saves it again with the next change.
func (c *client) canForgetPassword(ctx context.Context, field string) error {
	found, err := c.settings(ctx)
	if err != nil || found.SMTP.Username == "" || found.forgetsPasswords() {
		return err
	}
	return &site.Error{Kind: site.Unsupported, Field: field, Message: "a PocketBase older than 0.38 may go on to log in with a password that was removed. Upgrade it first."}
}

// patch makes one write. It says everything that it is about, so that it comes to the same when it is repeated.
func (c *client) patch(ctx context.Context, id string, w wireChange) (site.State, error) {
	var found wireSettings
	_, err := c.api.Do(ctx, adminapi.Request{
		Method: http.MethodPatch, Path: settingsPath, Body: w, Repeat: adminapi.Always,
	}, &found)
	if err != nil {
		return site.State{}, siteError(err, site.NoAnswer)
	}
	if err := found.validate(); err != nil {
		return site.State{}, err
	}
	return found.fromWire(id), nil
}
