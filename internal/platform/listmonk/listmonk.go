// Package listmonk manages the mail of a listmonk, 4.0 or later, through its settings API: one of its SMTP servers, and the address
// that it sends from. listmonk can test candidates, but has no revisions. A write replaces all of its settings and restarts it.
package listmonk

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const (
	configPath   = "/api/config"
	settingsPath = "/api/settings"
	testPath     = settingsPath + "/smtp/test"
	// restartAfter is when listmonk has certainly begun its restart after a write: it waits half a second first, and is then
	// unavailable for about 0.2 s. A request during that time is retried like any other refused connection.
	restartAfter = time.Second
)

type client struct {
	api *adminapi.Client
	// pause is the wait after every write.
	pause time.Duration
}

// Open returns the listmonk at c.URL. It sends no request. account must have the name of an API user, and its token as the password.
// The error is an *[adminapi.ConfigError].
func Open(pool *adminapi.Pool, c adminapi.Config, account adminapi.Account) (site.Site, error) {
	return open(pool, c, account, restartAfter)
}

func open(pool *adminapi.Pool, c adminapi.Config, account adminapi.Account, pause time.Duration) (site.Site, error) {
	var err error
	c.Credentials, err = account.Basic("For listmonk, set username to the name of an API user, and password to its token.")
	if err != nil {
		return nil, err
	}
	api, err := pool.Client(c)
	if err != nil {
		return nil, err
	}
	return &client{api, pause}, nil
}

// Capabilities implements [site.Capable]. A server can be switched off unless it is the last: see [client.Save].
func (*client) Capabilities() site.Capabilities {
	return site.Capabilities{
		TestNeedsPassword:   true,
		Unguarded:           true,
		HidesPasswords:      true,
		ForgetsVerification: true,
		Settings:            site.OriginalSettings(),
		UnsupportedValues: []site.UnsupportedValue{
			{Field: "from_address", Value: "", Reason: "listmonk sends from one address, and tests with it."},
			{Field: "grant", Reason: "listmonk can log in to mail servers only with a password."},
		},
	}
}

// Read implements [site.Site].
func (c *client) Read(ctx context.Context) (site.State, error) {
	found, err := c.get(ctx)
	if err != nil {
		return site.State{}, err
	}
	return found.state()
}

func (c *client) get(ctx context.Context) (*wireSettings, error) {
	var answer struct {
		Data *wireSettings `json:"data"`
	}
	_, err := c.api.Do(ctx, adminapi.Request{Method: http.MethodGet, Path: settingsPath, Repeat: adminapi.Always}, &answer)
	if err != nil {
		return nil, siteError(err, site.Unreachable)
	}
	if answer.Data == nil || answer.Data.RootURL == "" {
		return nil, notListmonk("its settings lack app.root_url")
	}
	return answer.Data, nil
}

// recognise reads the settings, and returns an error if they belong to a different site than want.
func (c *client) recognise(ctx context.Context, want string) (*wireSettings, error) {
	found, err := c.get(ctx)
	if err == nil && want != "" && found.RootURL != want {
		err = wrongSite(want, found.RootURL)
	}
	return found, err
}

// Test implements [site.Site]. listmonk sends the message before it responds, and cannot recognise a retry. Versions that cannot tell a
// pass from a failure are not used for tests.
func (c *client) Test(ctx context.Context, t site.TestRequest) (site.TestResult, error) {
	if t.Candidate == nil {
		return site.TestResult{}, &site.Error{Kind: site.Unsupported, Field: "password", Message: "listmonk cannot test with its stored password"}
	}
	if err := checkRecipient(t.Recipient); err != nil {
		return site.TestResult{}, err
	}
	found, err := c.recognise(ctx, t.SiteID)
	if err != nil {
		return site.TestResult{}, err
	}
	own, err := found.own()
	if err != nil {
		return site.TestResult{}, err
	}
	if err := c.canTest(ctx); err != nil {
		return site.TestResult{}, err
	}
	id := newMessageID(t.Candidate.Settings.FromAddress)
	_, err = c.api.Do(ctx, adminapi.Request{
		Method: http.MethodPost,
		Path:   testPath,
		Body:   found.toWireTest(own, t, id),
		Repeat: adminapi.IfUnsent,
	}, nil)
	result := site.TestResult{Status: site.Passed, Stage: site.StageData}
	if err != nil {
		if result, err = verdict(err); err != nil {
			return site.TestResult{}, err
		}
	}
	result.Recipient, result.MessageID, result.TestedAt = t.Recipient, id, time.Now()
	return result, nil
}

// Save implements [site.Site]. It refuses to switch off the last enabled server, because listmonk requires one.
func (c *client) Save(ctx context.Context, s site.SaveRequest) (site.State, error) {
	if err := checkPassword(s.Password); err != nil {
		return site.State{}, err
	}
	found, err := c.recognise(ctx, s.SiteID)
	if err != nil {
		return site.State{}, err
	}
	own, err := found.own()
	if err != nil {
		return site.State{}, err
	}
	if !s.Enabled && found.isLast(own) {
		return site.State{}, lastServer()
	}
	return c.put(ctx, found, found.toWire(own, s))
}

// Clear implements [site.Site]. It turns the server into the sample of a new listmonk, switched off, and keeps the sender, which the
// other servers use too. It refuses to clear the last enabled server.
func (c *client) Clear(ctx context.Context, r site.ClearRequest) error {
	found, err := c.recognise(ctx, r.SiteID)
	if err != nil {
		return err
	}
	own, err := found.own()
	switch {
	case err != nil || own < 0:
		return err
	case found.isLast(own):
		return lastServer()
	}
	_, err = c.put(ctx, found, found.toWire(own, found.cleared()))
	return err
}

// put writes over the settings in before, waits for the restart, and returns the new state. listmonk's configuration tells whether it
// has restarted; the response to the write tells too, but may be lost.
func (c *client) put(ctx context.Context, before *wireSettings, w wireChange) (site.State, error) {
	var isJSON json.RawMessage
	_, err := c.api.Do(ctx, adminapi.Request{
		Method: http.MethodPut,
		Path:   settingsPath,
		Body:   w.all,
		Repeat: adminapi.IfUndone,
		Done: func(ctx context.Context) (bool, error) {
			now, err := c.get(ctx)
			switch {
			case err != nil:
				return false, err
			case w.isKeptBy(now):
				return true, nil
			case !reflect.DeepEqual(now.all, before.all):
				return false, changedMeanwhile()
			}
			return false, nil
		},
	}, &isJSON)
	if err != nil {
		return site.State{}, siteError(err, site.NoAnswer)
	}
	if err := adminapi.Sleep(ctx, c.pause); err != nil {
		return site.State{}, notAwaited(err)
	}
	running, err := c.config(ctx)
	switch {
	case err != nil:
		return site.State{}, err
	case running.NeedsRestart:
		return site.State{}, needsRestart()
	}
	return c.Read(ctx)
}
