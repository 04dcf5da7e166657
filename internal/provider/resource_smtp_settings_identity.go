package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// identityModel says which site a resource is: by the key under which it is reached, and by the id that it has.
type identityModel struct {
	Site   types.String `tfsdk:"site"`
	SiteID types.String `tfsdk:"site_id"`
}

func (r *smtpSettingsResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{
		Attributes: map[string]identityschema.Attribute{
			"site":    identityschema.StringAttribute{RequiredForImport: true, Description: "Key of the site in the provider's sites, \"default\" for the only one."},
			"site_id": identityschema.StringAttribute{OptionalForImport: true, Description: "The id that the site gave itself. When given, no other site is imported."},
		},
	}
}

// ImportState takes the site's key, or an identity. The read that follows finds everything else.
func (r *smtpSettingsResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughWithIdentity(ctx, path.Root("site"), path.Root("site"), req, resp)
}

// identify records which site m is.
func (m settingsModel) identify(ctx context.Context, identity *tfsdk.ResourceIdentity) diag.Diagnostics {
	return set(ctx, identity, identity.Raw.Type(), identityModel{Site: m.Site, SiteID: m.ID})
}

// store writes m to a state, and which site it is beside it.
func (m settingsModel) store(ctx context.Context, state *tfsdk.State, identity *tfsdk.ResourceIdentity) diag.Diagnostics {
	return append(set(ctx, state, state.Raw.Type(), m), m.identify(ctx, identity)...)
}

// imported reports whether m is a resource that is being imported: nothing was ever read of it.
func (m settingsModel) imported() bool { return m.ID.IsNull() }

// pinnedID is the id of the site that m is, no other of which gets its mail password: as last seen or, for one that is
// being imported by its identity, as asked for. It is empty for one that is being imported by its key.
func (m settingsModel) pinnedID(ctx context.Context, identity *tfsdk.ResourceIdentity) (string, diag.Diagnostics) {
	if !m.imported() || identity.Raw.IsNull() {
		return m.ID.ValueString(), nil
	}
	var asked identityModel
	diags := get(ctx, identity, &asked)
	return asked.SiteID.ValueString(), diags
}
