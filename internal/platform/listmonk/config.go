package listmonk

import (
	"context"
	"net/http"
	"regexp"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// wireConfig is what listmonk tells every account about itself.
type wireConfig struct {
	// Version is the tag of the release, such as v6.2.0; it may be empty in a custom build.
	Version string `json:"version"`
	// NeedsRestart is true if settings were saved, but the previous settings are still in use.
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
		return nil, notListmonk("it does not report its version")
	}
	return answer.Data, nil
}

// alwaysPasses matches the versions that report success even if the mail server cannot be reached
// (https://github.com/knadh/listmonk/issues/2503).
var alwaysPasses = regexp.MustCompile(`^v?5\.0\.[0-2](\D|$)`)

// canTest returns an error if a passed test would prove nothing in this version.
func (c *client) canTest(ctx context.Context) error {
	running, err := c.config(ctx)
	if err == nil && alwaysPasses.MatchString(running.Version) {
		err = noVerdict(running.Version)
	}
	return err
}
