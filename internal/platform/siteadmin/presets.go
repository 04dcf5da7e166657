package siteadmin

import (
	"context"
	"net/http"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

type wirePreset struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Host       string          `json:"host"`
	Port       int             `json:"port"`
	Encryption site.Encryption `json:"encryption"`
}

// Presets implements [site.PresetLister].
func (c *client) Presets(ctx context.Context) ([]site.Preset, error) {
	var found struct {
		Presets []wirePreset `json:"presets"`
	}
	_, err := c.api.Do(ctx, adminapi.Request{Method: http.MethodGet, Path: smtpPath + "/presets", Repeat: adminapi.Always}, &found)
	if err != nil {
		return nil, siteError(err, site.Unreachable)
	}
	presets := make([]site.Preset, len(found.Presets))
	for i, p := range found.Presets {
		presets[i] = site.Preset(p)
	}
	return presets, nil
}
