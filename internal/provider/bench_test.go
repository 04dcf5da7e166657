package provider_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/sitemail/terraform-provider-smtp/internal/provider"
)

// configuredFor returns the provider behind its protocol, and a configuration of that many sites at url.
func configuredFor(b *testing.B, url string, n int) (tfprotov6.ProviderServer, *tfprotov6.GetProviderSchemaResponse, *tfprotov6.DynamicValue) {
	b.Helper()
	server := provider.NewServer(nil, "bench")()
	schema, err := server.GetProviderSchema(b.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		b.Fatal(err)
	}
	object, _ := schema.Provider.ValueType().(tftypes.Object)
	sites, _ := object.AttributeTypes["sites"].(tftypes.Map)
	entry, _ := sites.ElementType.(tftypes.Object)
	entries := map[string]tftypes.Value{}
	for i := range n {
		entries[fmt.Sprintf("site-%04d", i)] = filled(entry, map[string]any{"url": fmt.Sprintf("%s/%d", url, i), "token": "t"})
	}
	config := encoded(b, object, filled(object, map[string]any{"sites": tftypes.NewValue(sites, entries), "test_recipient": recipient}))
	return server, schema, config
}

func encoded(b *testing.B, kind tftypes.Type, value tftypes.Value) *tfprotov6.DynamicValue {
	b.Helper()
	dynamic, err := tfprotov6.NewDynamicValue(kind, value)
	if err != nil {
		b.Fatal(err)
	}
	return &dynamic
}

func fine(b *testing.B, diagnostics []*tfprotov6.Diagnostic, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range diagnostics {
		b.Fatalf("%s: %s", d.Summary, d.Detail)
	}
}

// BenchmarkConfigure measures configuring the provider for many sites.
func BenchmarkConfigure(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		server, _, config := configuredFor(b, "https://client.example", n)
		b.Run(fmt.Sprintf("Validate/%d", n), func(b *testing.B) {
			for b.Loop() {
				resp, err := server.ValidateProviderConfig(b.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: config})
				fine(b, resp.Diagnostics, err)
			}
		})
		b.Run(fmt.Sprintf("Configure/%d", n), func(b *testing.B) {
			for b.Loop() {
				resp, err := server.ConfigureProvider(b.Context(), &tfprotov6.ConfigureProviderRequest{Config: config})
				fine(b, resp.Diagnostics, err)
			}
		})
	}
}

// BenchmarkSettings measures a plan without changes for one site that answers instantly.
func BenchmarkSettings(b *testing.B) {
	const answer = `{"site_id":"s","api_version":1,"settings":{"host":"smtp.example.com","port":587,"encryption":"starttls",` +
		`"username":"mailer@example.com","from_address":"mailer@example.com","from_name":"Client","helo_name":""},"enabled":true,"revision":"7",` +
		`"updated_at":"2026-11-26T00:00:00Z","last_write_id":"w","password_set":true,"password_id":"p",` +
		`"verification":{"tested_at":"2026-11-26T00:00:00Z","recipient":"ops@example.test","reply":"250 2.0.0 Ok","message_id":"m@example.com"}}`
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(answer))
	}))
	b.Cleanup(site.Close)
	server, schema, config := configuredFor(b, site.URL, 1)
	configured, err := server.ConfigureProvider(b.Context(), &tfprotov6.ConfigureProviderRequest{Config: config})
	fine(b, configured.Diagnostics, err)
	object, _ := schema.ResourceSchemas["smtp_settings"].ValueType().(tftypes.Object)
	value := encoded(b, object, filled(object, map[string]any{
		"site": "site-0000", "host": "smtp.example.com", "port": 587, "encryption": "starttls", "username": "mailer@example.com",
		"password_wo": "p", "password_wo_version": "1", "from_name": "Client",
	}))
	imported, err := server.ImportResourceState(b.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: "smtp_settings", ID: "site-0000"})
	fine(b, imported.Diagnostics, err)
	read := func(b *testing.B) *tfprotov6.ReadResourceResponse {
		b.Helper()
		resp, err := server.ReadResource(b.Context(), &tfprotov6.ReadResourceRequest{
			TypeName: "smtp_settings", CurrentState: imported.ImportedResources[0].State, Private: imported.ImportedResources[0].Private,
		})
		fine(b, resp.Diagnostics, err)
		return resp
	}
	b.Run("Read", func(b *testing.B) {
		for b.Loop() {
			read(b)
		}
	})
	b.Run("Validate", func(b *testing.B) {
		for b.Loop() {
			resp, err := server.ValidateResourceConfig(b.Context(), &tfprotov6.ValidateResourceConfigRequest{
				TypeName: "smtp_settings", Config: value,
				ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
			})
			fine(b, resp.Diagnostics, err)
		}
	})
	prior := read(b)
	b.Run("Plan", func(b *testing.B) {
		for b.Loop() {
			// Each plan uses a new provider, as with the CLI.
			configured, err := server.ConfigureProvider(b.Context(), &tfprotov6.ConfigureProviderRequest{Config: config})
			fine(b, configured.Diagnostics, err)
			resp, err := server.PlanResourceChange(b.Context(), &tfprotov6.PlanResourceChangeRequest{
				TypeName: "smtp_settings", PriorState: prior.NewState, ProposedNewState: prior.NewState, Config: value, PriorPrivate: prior.Private,
			})
			fine(b, resp.Diagnostics, err)
		}
	})
}
