// Command floor is a provider with our schemas that does nothing: it shows what any provider costs. With BENCH_FLOOR=full it stores as
// much in the state as ours does, which the CLI rewrites for each resource.
package main

import (
	"context"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	ours "github.com/sitemail/terraform-provider-smtp/internal/provider"
)

func main() {
	err := providerserver.Serve(context.Background(), func() provider.Provider { return &floor{ours.New("floor")()} },
		providerserver.ServeOpts{Address: ours.Address})
	if err != nil {
		log.Fatal(err)
	}
}

type floor struct{ ours provider.Provider }

func (f *floor) Metadata(ctx context.Context, req provider.MetadataRequest, resp *provider.MetadataResponse) {
	f.ours.Metadata(ctx, req, resp)
}

func (f *floor) Schema(ctx context.Context, req provider.SchemaRequest, resp *provider.SchemaResponse) {
	f.ours.Schema(ctx, req, resp)
}

func (f *floor) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}

func (f *floor) DataSources(ctx context.Context) []func() datasource.DataSource {
	return f.ours.DataSources(ctx)
}

func (f *floor) Resources(ctx context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &nothing{f.ours.Resources(ctx)[0]()} }}
}

// nothing stores what is planned and sends no requests.
type nothing struct{ ours resource.Resource }

func (n *nothing) Metadata(ctx context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	n.ours.Metadata(ctx, req, resp)
}

func (n *nothing) Schema(ctx context.Context, req resource.SchemaRequest, resp *resource.SchemaResponse) {
	n.ours.Schema(ctx, req, resp)
}

func (n *nothing) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	resp.State.Raw = req.Plan.Raw
	fill(ctx, req.Plan, &resp.State)
	if full() {
		resp.Private.SetKey(ctx, "applied", []byte(private))
	}
}

func (n *nothing) Read(context.Context, resource.ReadRequest, *resource.ReadResponse) {}

func (n *nothing) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	resp.State.Raw = req.Plan.Raw
	fill(ctx, req.Plan, &resp.State)
}

func (n *nothing) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

func full() bool { return os.Getenv("BENCH_FLOOR") == "full" }

// The values that a full floor stores, as long as those of the reference site.
const (
	id      = "7d7b1f0e-2c55-4c0e-9a55-0f6f2c1f7a10"
	private = `{"revision":"2","password_id":"` + id + `","instance":"7Q4MZ2XK"}`
)

// passed is the verification of a test that does not look into an inbox.
func passed(attributes map[string]attr.Type) map[string]attr.Value {
	arrival, _ := attributes["arrival"].(types.ObjectType)
	return map[string]attr.Value{
		"tested_at":  types.StringValue("2026-01-01T00:00:00Z"),
		"recipient":  types.StringValue("ops@example.test"),
		"reply":      types.StringValue("250 2.0.0 OK: queued as T000006"),
		"message_id": types.StringValue("DN555XZ33H8E.357CW42L2A47R@example.com"),
		"arrival":    types.ObjectNull(arrival.AttrTypes),
	}
}

// fill gives every computed attribute a value, because none may be unknown after an apply.
func fill(ctx context.Context, plan tfsdk.Plan, state *tfsdk.State) {
	var verification types.Object
	plan.GetAttribute(ctx, path.Root("verification"), &verification)
	attributes := verification.AttributeTypes(ctx)
	values := map[string]attr.Value{
		"id":           types.StringValue("id"),
		"updated_at":   types.StringValue("2026-01-01T00:00:00Z"),
		"password_set": types.BoolValue(true),
		"from_address": types.StringValue("mailer@example.com"),
		"reply_to":     types.StringNull(),
		"adopted_from": types.StringNull(),
		"verification": types.ObjectNull(attributes),
	}
	if full() {
		values["id"] = types.StringValue(id)
		values["verification"] = types.ObjectValueMust(attributes, passed(attributes))
	}
	for name, value := range values {
		state.SetAttribute(ctx, path.Root(name), value)
	}
}
