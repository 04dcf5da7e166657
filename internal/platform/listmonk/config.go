package listmonk

import (
	"context"
	"net/http"
	"regexp"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// wireConfig is what a listmonk says of itself to every account.
type wireConfig struct {
	// Version is as the release is tagged, such as v6.2.0; a listmonk that somebody built may have none.
	Version string `json:"version"`
	// NeedsRestart: settings were saved, and those before them are still in use.
	NeedsRestart bool `json:"needs_restart"`
}

func (c *client) config(ctx context.Context) (*wireConfig, error) {
	var answer struct {
		Data *wireConfig `json:"data"`
	}
	_, err := c.api.Do(ctx, adminapi.Request{Method: http.MethodGet, Path: configPath, Repeat: adminapi.Always}, &answer)
	if err != nil {
		return nil, siteError(err, site.Unreachable)
	}
	if answer.Data == nil {
		return nil, notListmonk("it says nothing about its version")
	}
	return answer.Data, nil
}

// alwaysPasses matches the versions that also answer a test with a success when the mail server cannot be reached
// (https://github.com/knadh/listmonk/issues/2503).
var alwaysPasses = regexp.MustCompile(`^v?5\.0\.[0-2](\D|$)`)

// canTest returns an error unless a test that passes says something.
func (c *client) canTest(ctx context.Context) error {
	running, err := c.config(ctx)
	if err == nil && alwaysPasses.MatchString(running.Version) {
		err = noVerdict(running.Version)
	}
	return err
}
