package provider_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// TestReadDeadlines: every read of a site that has no timeout of a resource ends after two minutes, whatever the request timeout.
func TestReadDeadlines(t *testing.T) {
	for name, c := range map[string]struct {
		read func(p protocol) ([]*tfprotov6.Diagnostic, error)
		says string
	}{
		"PlanOfACreation": {read: func(p protocol) ([]*tfprotov6.Diagnostic, error) {
			schema := p.schema.ResourceSchemas["smtp_settings"]
			config := p.value(schema, map[string]any{
				"host": "smtp.example.com", "port": 25, "encryption": "none", "from_address": mailbox, "enabled": true, "overwrite_existing": false, "on_destroy": "disable",
			})
			nothing, err := tfprotov6.NewDynamicValue(schema.ValueType(), null(schema))
			if err != nil {
				return nil, err
			}
			resp, err := p.PlanResourceChange(p.t.Context(), &tfprotov6.PlanResourceChangeRequest{
				TypeName: "smtp_settings", PriorState: &nothing, ProposedNewState: config, Config: config,
			})
			return resp.Diagnostics, err
		}, says: "Site cannot be read yet"},
		"SettingsDataSource": {read: func(p protocol) ([]*tfprotov6.Diagnostic, error) {
			resp, err := p.ReadDataSource(p.t.Context(), &tfprotov6.ReadDataSourceRequest{
				TypeName: "smtp_settings", Config: p.value(p.schema.DataSourceSchemas["smtp_settings"], nil),
			})
			return resp.Diagnostics, err
		}, says: "Site cannot be reached"},
		"PresetsDataSource": {read: func(p protocol) ([]*tfprotov6.Diagnostic, error) {
			resp, err := p.ReadDataSource(p.t.Context(), &tfprotov6.ReadDataSourceRequest{
				TypeName: "smtp_presets", Config: p.value(p.schema.DataSourceSchemas["smtp_presets"], map[string]any{"site": "default"}),
			})
			return resp.Diagnostics, err
		}, says: "Site cannot be reached"},
		"List": {read: func(p protocol) ([]*tfprotov6.Diagnostic, error) {
			stream, err := p.ListResource(p.t.Context(), &tfprotov6.ListResourceRequest{
				TypeName: "smtp_settings", Config: p.value(p.schema.ListResourceSchemas["smtp_settings"], nil), Limit: 100,
			})
			if err != nil {
				return nil, err
			}
			var said []*tfprotov6.Diagnostic
			for result := range stream.Results {
				said = append(said, result.Diagnostics...)
			}
			return said, nil
		}, says: "Site cannot be listed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProtocol(t, func(context.Context, string, string) (net.Conn, error) {
					silent, _ := net.Pipe()
					return silent, nil
				})
				p.configure(map[string]any{"url": "http://127.0.0.1:1", "token": "t", "test_recipient": recipient, "request_timeout": "1h"})
				start := time.Now()
				said, err := c.read(p)
				if took := time.Since(start); err != nil || took != 2*time.Minute {
					t.Errorf("took %s, %v", took, err)
				}
				if len(said) != 1 || said[0].Summary != c.says || !strings.Contains(said[0].Detail, "deadline") {
					for _, d := range said {
						t.Errorf("got error %s: %s", d.Summary, d.Detail)
					}
				}
			})
		})
	}
}
