package provider

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var (
	_ resource.ResourceWithConfigure      = &smtpSettingsResource{}
	_ resource.ResourceWithIdentity       = &smtpSettingsResource{}
	_ resource.ResourceWithImportState    = &smtpSettingsResource{}
	_ resource.ResourceWithModifyPlan     = &smtpSettingsResource{}
	_ resource.ResourceWithValidateConfig = &smtpSettingsResource{}
)

// Default timeouts of the operations. A test may take a minute; retry_for is added.
const (
	defaultWriteTimeout = 5 * time.Minute
	defaultReadTimeout  = 2 * time.Minute
	minTimeout          = time.Second
)

type smtpSettingsResource struct {
	sites     *sites
	procedure site.Procedure
}

// withoutSettings is the summary for a site that was never configured.
const withoutSettings = "Site has no mail settings"

// leftAsItIs is the summary if destroying a resource changes nothing, because another resource manages its site.
const leftAsItIs = "Site was left unchanged"

func newSMTPSettingsResource() resource.Resource {
	return &smtpSettingsResource{procedure: site.Procedure{Diagnose: diagnosis.Of}}
}

func (r *smtpSettingsResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_settings"
	// A key of sites can be renamed, and a site can be rebuilt.
	resp.ResourceBehavior.MutableIdentity = true
}

func (r *smtpSettingsResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.sites, _ = req.ProviderData.(*sites)
}

func (r *smtpSettingsResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{
		Attributes: map[string]identityschema.Attribute{
			"site":    identityschema.StringAttribute{RequiredForImport: true, Description: "Key of the site in the provider's sites, or \"default\" if the provider has only one site."},
			"site_id": identityschema.StringAttribute{OptionalForImport: true, Description: "ID that the site gave itself. If set, the import fails if a different site answers."},
		},
	}
}

// ImportState imports by the site's key or by an identity. The read that follows fills in everything else.
func (r *smtpSettingsResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughWithIdentity(ctx, path.Root("site"), path.Root("site"), req, resp)
}

func (r *smtpSettingsResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var config, plan settingsModel
	resp.Diagnostics.Append(get(ctx, req.Config, &config)...)
	resp.Diagnostics.Append(get(ctx, req.Plan, &plan)...)
	e := r.sites.reachable(plan.Site, byConfiguration, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := plan.Timeouts.Create(ctx, defaultWriteTimeout+plan.retryFor()+plan.wait())
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	prior, err := e.readOnce(ctx)
	if err != nil {
		e.addSiteError(&resp.Diagnostics, "reading it", nowhere, err)
		return
	}
	if !plan.settingsKnown() { // the plan could not read the site to adopt
		if !plan.resolveAdopted(config, &prior, e.label, &resp.Diagnostics) {
			return
		}
		plan.resolveSender(config, &resp.Diagnostics)
	}
	var refusal diag.Diagnostics // may be only a warning, which the plan has already shown
	if plan.refusesOverwrite(prior, e, &refusal) {
		resp.Diagnostics.Append(refusal...)
		return
	}
	change := plan.toChange(config, prior, e.testRecipient)
	made := lastApplied{Instance: newInstance()}
	a := r.attempt(e, change)
	now, err := a.procedure(made, &resp.Diagnostics).Apply(ctx, a.site(), change)
	if err != nil {
		// Return no state: Terraform would taint the resource, and the next apply would destroy working settings.
		addApplyError(ctx, &resp.Diagnostics, a, "create", config.inResource, now, err)
		return
	}
	r.sites.claimOf(e, now.SiteID).apply()
	logAccepted(ctx, e.label, change, now)
	result := plan.applied(now)
	if addNotKept(&resp.Diagnostics, e.label, plan.differing(result)) {
		return
	}
	resp.Diagnostics.Append(result.store(ctx, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(made.after(now, e.can).set(ctx, resp.Private)...)
}

func (r *smtpSettingsResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var model settingsModel
	resp.Diagnostics.Append(get(ctx, req.State, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var e *entry
	if model.imported() {
		e = r.sites.reachable(model.Site, byImport, &resp.Diagnostics)
	} else {
		// Older versions of Terraform pass no identity, but newer ones require one even if the state does not change.
		resp.Diagnostics.Append(model.identify(ctx, resp.Identity)...)
		e = r.stillConfigured(ctx, model)
	}
	applied, diags := getApplied(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if e == nil || e.site == nil {
		resp.Diagnostics.Append(applied.unread().set(ctx, resp.Private)...)
		return
	}
	timeout, diags := model.readTimeout(ctx)
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	now, err := r.sites.refresh(ctx, e)
	if err != nil {
		addReadError(&resp.Diagnostics, e, model.imported(), err)
		resp.Diagnostics.Append(applied.unread().set(ctx, resp.Private)...)
		return
	}
	pinned, diags := model.pinnedID(ctx, req.Identity)
	resp.Diagnostics.Append(diags...)
	switch {
	case pinned == "":
	case pinned == now.SiteID:
		e.addIdleRepin(&resp.Diagnostics)
	case model.imported():
		addWrongImport(&resp.Diagnostics, e.label, pinned, now.SiteID)
		return
	case !e.repin:
		addWrongSite(&resp.Diagnostics, e.label, pinned, now.SiteID)
		return
	}
	if !model.imported() && applied.takenOver(now) {
		resp.Diagnostics.AddAttributeWarning(path.Root("site"), "Another smtp_settings resource writes to the site", e.label+": its settings were last written by another "+
			"smtp_settings resource, for example in another state or of another provider block. The two keep overwriting each other. Keep one of them, and remove "+
			"the other from its state without destroying it. A deposed object needs no action: destroying it does not change the site.")
	}
	if model.imported() && now.Settings.IsZero() {
		resp.Diagnostics.AddWarning(withoutSettings, e.label+": there is nothing to import, and a generated configuration would lack host, "+
			"port and encryption. Remove the import and write the resource: applying it creates the settings.")
	}
	addMailWarnings(&resp.Diagnostics, e.label, now)
	r.sites.addOutdated(&resp.Diagnostics)
	observed := applied.observe(now, model.imported())
	imported := model.imported()
	model.fromState(applied.recall(now, e.can))
	if imported {
		model.offerAdoption(now)
		if !model.adopts() {
			e.addOtherMailer(now, model, &resp.Diagnostics)
		}
	}
	if applied.PasswordID != "" && applied.PasswordID != now.PasswordID {
		e.addPasswordDrift(&resp.Diagnostics, model, now)
		model.forgetPassword()
	}
	resp.Diagnostics.Append(model.store(ctx, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(observed.set(ctx, resp.Private)...)
}

func (r *smtpSettingsResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var config, plan, state settingsModel
	resp.Diagnostics.Append(get(ctx, req.Config, &config)...)
	resp.Diagnostics.Append(get(ctx, req.Plan, &plan)...)
	resp.Diagnostics.Append(get(ctx, req.State, &state)...)
	applied, diags := getApplied(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	e := r.sites.reachable(plan.Site, byConfiguration, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := plan.Timeouts.Update(ctx, defaultWriteTimeout+plan.retryFor()+plan.wait())
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	prior := state.toState(applied)
	notRead := applied.Unread || !plan.Site.Equal(state.Site)
	if notRead && !r.sameSite(ctx, e, prior, &resp.Diagnostics) {
		return
	}
	change := plan.toUpdate(config, state, prior, e.testRecipient)
	applied.Instance = cmp.Or(applied.Instance, newInstance())
	a := r.attempt(e, change)
	now, err := a.procedure(applied, &resp.Diagnostics).Apply(ctx, a.site(), change)
	if err != nil {
		addApplyError(ctx, &resp.Diagnostics, a, "update", config.inResource, now, err)
	}
	result := plan.applied(now)
	if err != nil || addNotKept(&resp.Diagnostics, e.label, plan.differing(result)) {
		if now != prior {
			// The site was changed nevertheless: store what it holds now, not what was planned.
			state.fromState(now)
			resp.Diagnostics.Append(applied.partly(now, e.can).set(ctx, resp.Private)...)
		}
		// Store the new key even so: the site can no longer be read under the old key.
		state.Site = plan.Site
		resp.Diagnostics.Append(state.store(ctx, &resp.State, resp.Identity)...)
		return
	}
	r.sites.claimOf(e, now.SiteID).apply()
	logAccepted(ctx, e.label, change, now)
	resp.Diagnostics.Append(result.store(ctx, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(applied.after(now, e.can).set(ctx, resp.Private)...)
}

func (r *smtpSettingsResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state settingsModel
	resp.Diagnostics.Append(get(ctx, req.State, &state)...)
	applied, diags := getApplied(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	how := site.OnDestroy(state.OnDestroy.ValueString())
	if how == site.OnDestroyKeep || resp.Diagnostics.HasError() {
		return
	}
	e := r.sites.reachable(state.Site, byDestroy, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if r.sites.claimOf(e, state.ID.ValueString()).isApplied() {
		resp.Diagnostics.AddWarning(leftAsItIs, e.label+": another smtp_settings resource was applied to it in this run and manages it now.")
		return
	}
	timeout, diags := state.Timeouts.Delete(ctx, defaultWriteTimeout)
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	claim := r.sites.claimOf(e, state.ID.ValueString())
	claim.destroying.Lock()
	defer claim.destroying.Unlock()
	e.take()
	procedure := r.procedure
	procedure.TakenOver = applied.takenOver
	err := procedure.Destroy(ctx, e.site, state.toState(applied), how)
	switch {
	case errors.Is(err, site.ErrTakenOver):
		resp.Diagnostics.AddWarning(leftAsItIs, e.label+": another smtp_settings resource has written its settings since, and manages it now. "+
			"If no such resource exists any more, switch mail off in the site's admin page.")
	case err != nil:
		e.addLeavingError(&resp.Diagnostics, how, err)
	}
}

// stillConfigured returns the site that m was applied to, or nil if it is not configured now; m then stays unchanged. A missing key may
// have been renamed, which only the plan can tell: the plan reports an error if the site has to be reached.
func (r *smtpSettingsResource) stillConfigured(ctx context.Context, m settingsModel) *entry {
	if r.sites == nil || r.sites.unknown {
		return nil
	}
	e, ok := r.sites.entries[m.Site.ValueString()]
	if !ok {
		tflog.Info(ctx, "site is not configured and keeps its last known state", map[string]any{"site": m.Site.ValueString()})
	}
	return e
}

// sameSite reads e, which the refresh could not read, and reports whether it is the managed site.
func (r *smtpSettingsResource) sameSite(ctx context.Context, e *entry, pinned site.State, diags *diag.Diagnostics) bool {
	now, err := e.site.Read(ctx)
	if err != nil {
		e.addSiteError(diags, "reading it", nowhere, err)
		return false
	}
	if now.SiteID != pinned.SiteID {
		addWrongSite(diags, e.label, pinned.SiteID, now.SiteID)
		return false
	}
	return true
}
