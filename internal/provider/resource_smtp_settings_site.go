package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// stillConfigured returns the site that m was applied to, nil when it cannot be asked now: then m stays as it is. A key
// that is gone may have been renamed, which the plan decides, because only there the new key is known.
func (r *smtpSettingsResource) stillConfigured(m settingsModel, diags *diag.Diagnostics) *entry {
	if r.sites == nil || r.sites.unknown {
		return nil
	}
	if e, ok := r.sites.entries[m.Site.ValueString()]; ok {
		return e
	}
	diags.AddAttributeWarning(path.Root("site"), "Site is not configured and keeps its last known state",
		fmt.Sprintf("%q is not a key of the provider's sites%s.", m.Site.ValueString(), r.sites.near(m.Site.ValueString())))
	return nil
}

// sameSite reports whether a renamed key leads to the site that is managed.
func (r *smtpSettingsResource) sameSite(ctx context.Context, e *entry, pinned site.State, diags *diag.Diagnostics) bool {
	now, err := e.site.Read(ctx)
	if err != nil {
		addSiteError(diags, e.label, "reading it", nowhere, err)
		return false
	}
	if now.SiteID != pinned.SiteID {
		addWrongSite(diags, e.label, pinned.SiteID, now.SiteID)
		return false
	}
	return true
}
