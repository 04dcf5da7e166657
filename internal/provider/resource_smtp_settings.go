package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"

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

// Timeouts of the operations, where the timeouts block says nothing. A test may take a minute, and retry_for is added.
const (
	defaultWriteTimeout = 5 * time.Minute
	defaultReadTimeout  = 2 * time.Minute
)

type smtpSettingsResource struct {
	sites     *sites
	procedure site.Procedure
}

func newSMTPSettingsResource() resource.Resource {
	return &smtpSettingsResource{procedure: site.Procedure{Diagnose: diagnosis.Of}}
}

func (r *smtpSettingsResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_settings"
	// A key of sites can be renamed, and a site rebuilt.
	resp.ResourceBehavior.MutableIdentity = true
}

func (r *smtpSettingsResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.sites, _ = req.ProviderData.(*sites)
}

func (r *smtpSettingsResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var config, plan settingsModel
	resp.Diagnostics.Append(get(ctx, req.Config, &config)...)
	resp.Diagnostics.Append(get(ctx, req.Plan, &plan)...)
	e := r.sites.reachable(plan.Site, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := plan.Timeouts.Create(ctx, defaultWriteTimeout+plan.retryFor())
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	prior, err := e.readOnce(ctx)
	if err != nil {
		addSiteError(&resp.Diagnostics, e.label, "reading it", nowhere, err)
		return
	}
	if plan.refusesOverwrite(prior, e, &resp.Diagnostics) {
		return
	}
	change := plan.toChange(config, prior, e.testRecipient)
	change.SetPassword = !change.Candidate.Password.IsEmpty()
	now, err := r.procedureAt(e, &resp.Diagnostics).Apply(ctx, e.site, change)
	if err != nil {
		// No state: Terraform would mark the resource as tainted, and the next apply would destroy what works.
		addApplyError(ctx, &resp.Diagnostics, e, change, config.inResource, now, err)
		return
	}
	e.claim.apply()
	logAccepted(ctx, e.label, change, now)
	plan.fromState(now)
	resp.Diagnostics.Append(plan.store(ctx, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(applied{}.after(now, e.can).set(ctx, resp.Private)...)
}

func (r *smtpSettingsResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var model settingsModel
	resp.Diagnostics.Append(get(ctx, req.State, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	var e *entry
	if model.imported() {
		e = r.sites.reachable(model.Site, &resp.Diagnostics)
	} else {
		// Terraform that knows no identities brings none along, and wants one also where the state stays as it is.
		resp.Diagnostics.Append(model.identify(ctx, resp.Identity)...)
		e = r.stillConfigured(model, &resp.Diagnostics)
	}
	if e == nil || e.site == nil {
		return
	}
	timeout, diags := model.Timeouts.Read(ctx, defaultReadTimeout)
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	now, err := r.sites.refresh(ctx, e)
	if err != nil {
		addReadError(&resp.Diagnostics, e, model.imported(), err)
		return
	}
	applied, diags := getApplied(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	pinned, diags := model.pinnedID(ctx, req.Identity)
	resp.Diagnostics.Append(diags...)
	if pinned != "" && pinned != now.SiteID && !e.repin {
		addWrongSite(&resp.Diagnostics, e.label, pinned, now.SiteID)
		return
	}
	observed := applied.observe(now, model.imported())
	model.fromState(applied.recall(now, e.can))
	if applied.PasswordID != "" && applied.PasswordID != now.PasswordID {
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
	e := r.sites.reachable(plan.Site, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, diags := plan.Timeouts.Update(ctx, defaultWriteTimeout+plan.retryFor())
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	prior := state.toState(applied)
	renamed := !plan.Site.Equal(state.Site)
	if renamed && !r.sameSite(ctx, e, prior, &resp.Diagnostics) {
		return
	}
	change := plan.toUpdate(config, state, prior, e.testRecipient)
	now, err := r.procedureAt(e, &resp.Diagnostics).Apply(ctx, e.site, change)
	if err != nil {
		addApplyError(ctx, &resp.Diagnostics, e, change, config.inResource, now, err)
		if now != prior {
			// The site was written to all the same: say what it holds, and nothing of the plan.
			state.fromState(now)
			resp.Diagnostics.Append(applied.partly(now, e.can).set(ctx, resp.Private)...)
		}
		// The site goes by its new key all the same: by the old one nothing is read any more.
		state.Site = plan.Site
		resp.Diagnostics.Append(state.store(ctx, &resp.State, resp.Identity)...)
		return
	}
	e.claim.apply()
	logAccepted(ctx, e.label, change, now)
	plan.fromState(now)
	resp.Diagnostics.Append(plan.store(ctx, &resp.State, resp.Identity)...)
	resp.Diagnostics.Append(applied.after(now, e.can).set(ctx, resp.Private)...)
}

func (r *smtpSettingsResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state settingsModel
	resp.Diagnostics.Append(get(ctx, req.State, &state)...)
	applied, diags := getApplied(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	how := site.OnDestroy(state.OnDestroy.ValueString())
	if how == site.Keep || resp.Diagnostics.HasError() {
		return
	}
	e := r.sites.reachable(state.Site, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if e.claim.isApplied() {
		resp.Diagnostics.AddWarning("Site is left as it is", e.label+": another smtp_settings resource was applied to it in this run, and manages it from now on.")
		return
	}
	timeout, diags := state.Timeouts.Delete(ctx, defaultWriteTimeout)
	resp.Diagnostics.Append(diags...)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	e.take()
	if err := r.procedure.Destroy(ctx, e.site, state.toState(applied), how); err != nil {
		addSiteError(&resp.Diagnostics, e.label, "leaving it (on_destroy = \""+string(how)+"\")", nowhere, err)
	}
}
