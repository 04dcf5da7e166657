package provider_test

import (
	"context"
	"net"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/sitemail/terraform-provider-smtp/internal/provider"
)

// protocol is the provider behind its wire protocol, for features that the installed CLI may be too old for.
type protocol struct {
	wholeServer
	t      *testing.T
	schema *tfprotov6.GetProviderSchemaResponse
}

type wholeServer interface {
	tfprotov6.ProviderServer
	tfprotov6.ListResourceServer
	tfprotov6.ActionServer
}

// startProtocol configures a provider for the sites of tb.
func startProtocol(t *testing.T, tb *testbed) protocol {
	t.Helper()
	return startProtocolWith(t, tb, nil)
}

// startProtocolWith is startProtocol with a test inbox.
func startProtocolWith(t *testing.T, tb *testbed, inbox map[string]any) protocol {
	t.Helper()
	p := newProtocol(t, nil)
	sites, _ := p.attribute(p.schema.Provider, "sites").(tftypes.Map)
	entry, _ := sites.ElementType.(tftypes.Object)
	entries := map[string]tftypes.Value{}
	for name, token := range tb.tokens {
		entries[name] = filled(entry, map[string]any{"url": tb.http.URL + "/" + name, "token": token})
	}
	config := map[string]any{"sites": tftypes.NewValue(sites, entries), "test_recipient": recipient}
	if inbox != nil {
		object, _ := p.attribute(p.schema.Provider, "test_inbox").(tftypes.Object)
		config["test_inbox"] = filled(object, inbox)
	}
	p.configure(config)
	return p
}

// newProtocol returns an unconfigured provider that connects to its sites through dial; nil stands for the network of this machine.
func newProtocol(t *testing.T, dial func(ctx context.Context, network, address string) (net.Conn, error)) protocol {
	t.Helper()
	server, ok := provider.NewServer(dial, "test")().(wholeServer)
	if !ok {
		t.Fatal("the provider does not serve list resources or actions")
	}
	schema, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return protocol{wholeServer: server, t: t, schema: schema}
}

func (p protocol) configure(config map[string]any) {
	p.t.Helper()
	resp, err := p.ConfigureProvider(p.t.Context(), &tfprotov6.ConfigureProviderRequest{Config: p.value(p.schema.Provider, config)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.requireNoError(resp.Diagnostics)
}

// value returns a configuration of the schema with these arguments; all others are null.
func (p protocol) value(schema *tfprotov6.Schema, arguments map[string]any) *tfprotov6.DynamicValue {
	p.t.Helper()
	object, _ := schema.ValueType().(tftypes.Object)
	value, err := tfprotov6.NewDynamicValue(object, filled(object, arguments))
	if err != nil {
		p.t.Fatal(err)
	}
	return &value
}

func (p protocol) attribute(schema *tfprotov6.Schema, name string) tftypes.Type {
	object, _ := schema.ValueType().(tftypes.Object)
	return object.AttributeTypes[name]
}

func (p protocol) requireNoError(diagnostics []*tfprotov6.Diagnostic) {
	p.t.Helper()
	for _, d := range diagnostics {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			p.t.Fatalf("%s: %s", d.Summary, d.Detail)
		}
	}
}

// filled returns an object with these attributes; all others are null.
func filled(object tftypes.Object, attributes map[string]any) tftypes.Value {
	values := map[string]tftypes.Value{}
	for name, kind := range object.AttributeTypes {
		given, ok := attributes[name]
		nested, isObject := kind.(tftypes.Object)
		members, isGiven := given.(map[string]any)
		value, whole := given.(tftypes.Value)
		switch {
		case whole:
			values[name] = value
		case isObject && isGiven:
			values[name] = filled(nested, members)
		case ok:
			values[name] = tftypes.NewValue(kind, given)
		default:
			values[name] = tftypes.NewValue(kind, nil)
		}
	}
	return tftypes.NewValue(object, values)
}

// null is the state of a resource that does not exist.
func null(schema *tfprotov6.Schema) tftypes.Value { return tftypes.NewValue(schema.ValueType(), nil) }
