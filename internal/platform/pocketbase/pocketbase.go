// Package pocketbase manages the mail of a PocketBase, 0.23 or later, through its settings API. PocketBase can test only saved and
// enabled settings, and has neither revisions nor an ID. Its other peculiarities are described where they matter.
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

// Open returns the PocketBase at c.URL. It sends no request. account is a superuser, or a superuser's token. The error is an
// *[adminapi.ConfigError].
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

// Capabilities implements [site.Capable]. PocketBase can use implicit TLS; otherwise it uses STARTTLS if the server offers it. It never
// logs in without TLS, except to localhost. So without implicit TLS, the encryption amounts to required STARTTLS with a login, and to
// none without a login.
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
				Reason: `without a username, PocketBase sends in clear text if the server does not offer STARTTLS. Set encryption to "tls", or to "none" to accept that.`,
			},
			{
				Field: "encryption", Value: site.NoEncryption, When: func(s site.Settings) bool { return s.Username != "" },
				Reason: `PocketBase logs in only over an encrypted connection. Set encryption to "starttls" or "tls".`,
			},
			{Field: "grant", Reason: "PocketBase can log in to mail servers only with a password."},
			{Field: "from_name", Value: "", Reason: "PocketBase requires a sender name."},
			{Field: "from_address", Value: "", Reason: "PocketBase requires a sender address."},
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

// siteID returns when the collection of superusers was created, which is when PocketBase was installed: to the millisecond, the same
// for every account, and the same in every copy of one data folder.
func (c *client) siteID(ctx context.Context) (string, error) {
	var superusers struct {
		Created string `json:"created"`
	}
	_, err := c.api.Do(ctx, adminapi.Request{Method: http.MethodGet, Path: superusersPath, Repeat: adminapi.Always}, &superusers)
	if err != nil {
		return "", siteError(err, site.Unreachable)
	}
	if superusers.Created == "" {
		return "", notPocketBase("its collection of superusers has no creation date")
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

// recognise returns the ID of the site that answers, and an error if it differs from want.
func (c *client) recognise(ctx context.Context, want string) (string, error) {
	found, err := c.siteID(ctx)
	if err == nil && want != "" && found != want {
		err = wrongSite(want, found)
	}
	return found, err
}

// Test implements [site.Site]. It needs mail to be on: otherwise PocketBase would hand the message to the local sendmail, which proves
// nothing about the settings.
func (c *client) Test(ctx context.Context, t site.TestRequest) (site.TestResult, error) {
	if t.Candidate != nil {
		return site.TestResult{}, &site.Error{Kind: site.Unsupported, Message: "PocketBase can test only saved settings"}
	}
	if _, err := c.recognise(ctx, t.SiteID); err != nil {
		return site.TestResult{}, err
	}
	found, err := c.settings(ctx)
	if err != nil {
		return site.TestResult{}, err
	}
	if !found.SMTP.Enabled {
		return site.TestResult{}, &site.Error{Kind: site.Unsupported, Message: "PocketBase can test its settings only while mail is on, but mail is off"}
	}
	// PocketBase responds after the mail server has replied, and cannot recognise a retry.
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

// Clear implements [site.Site]. It restores the settings of a new PocketBase, including its sample sender, because PocketBase requires
// a sender.
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

// canForgetPassword refuses, with an error at field, to remove a password that PocketBase would keep using: before 0.36.9, its process
// keeps a cleared password in memory and saves it again with the next change.
func (c *client) canForgetPassword(ctx context.Context, field string) error {
	found, err := c.settings(ctx)
	if err != nil || found.SMTP.Username == "" || found.forgetsPasswords() {
		return err
	}
	return &site.Error{Kind: site.Unsupported, Field: field, Message: "a PocketBase older than 0.38 may go on to log in with a password that was removed. Upgrade it first."}
}

// patch makes one write. It is idempotent, because w sets every value explicitly.
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
