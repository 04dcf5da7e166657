package provider

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/net/idna"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// ModifyPlan completes the plan: it resolves the preset, marks what only a test or a save will make known, and refuses what cannot be
// applied. It runs in the plan and again in the apply, and must return the same result.
func (r *smtpSettingsResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	diags := &resp.Diagnostics
	ctx, cancel := context.WithTimeout(ctx, defaultReadTimeout)
	defer cancel()
	if req.Plan.Raw.IsNull() {
		r.planDestroy(ctx, req, diags)
		return
	}
	var config, plan settingsModel
	diags.Append(get(ctx, req.Config, &config)...)
	diags.Append(get(ctx, req.Plan, &plan)...)
	if diags.HasError() {
		return
	}
	e := r.sites.find(config.Site, byConfiguration, diags)
	if e != nil {
		plan.Site = types.StringValue(e.key)
		e.checkOnDestroy(plan, diags)
	}
	plan.resolveEndpoint(config)
	prior, found := getApplied(ctx, req.Private)
	diags.Append(found...)
	if diags.HasError() || !r.resolveAdopted(ctx, e, config, &plan, prior, req, diags) {
		return
	}
	plan.resolveSender(config, diags)
	plan.checkEndpoint(diags)
	if r.sites != nil {
		r.sites.inbox.checkRequirement(plan.require(), path.Root("test").AtName("require"), diags)
	}
	if diags.HasError() {
		return
	}
	self := claimant{instance: prior.Instance, description: plan.describe()}
	if req.State.Raw.IsNull() {
		self.takesOver = plan.OverwriteExisting.ValueBool()
		replaced := prior.Instance != "" && plan.OnDestroy.ValueString() != string(site.OnDestroyKeep)
		r.planCreate(ctx, e, config, &plan, replaced, diags)
	} else {
		r.planUpdate(ctx, e, config, &plan, prior, req, resp)
	}
	if e != nil && len(resp.RequiresReplace) == 0 {
		r.sites.manage(ctx, e, cmp.Or(plan.ID.ValueString(), e.seenID()), self, diags)
	}
	diags.Append(set(ctx, &resp.Plan, resp.Plan.Raw.Type(), plan)...)
}

// resolveAdopted fills in, from the site, what a configuration with adopt omits. If it cannot, it adds an error and returns false.
func (r *smtpSettingsResource) resolveAdopted(ctx context.Context, e *entry, config settingsModel, plan *settingsModel, prior lastApplied, req resource.ModifyPlanRequest, diags *diag.Diagnostics) bool {
	var now *site.State
	plan.AdoptedFrom = types.StringNull()
	switch {
	case !req.State.Raw.IsNull():
		var state settingsModel
		diags.Append(get(ctx, req.State, &state)...)
		plan.AdoptedFrom = state.AdoptedFrom
		now = new(state.toState(prior))
	case config.adopts() && e != nil && !e.unknown:
		if read, ok := e.readForPlan(ctx, diags); ok {
			now = &read
		}
	}
	label := plan.Site.ValueString()
	if e != nil {
		label = e.label
	}
	return !diags.HasError() && plan.resolveAdopted(config, now, label, diags)
}

// planDestroy makes sure that on_destroy can be carried out.
func (r *smtpSettingsResource) planDestroy(ctx context.Context, req resource.ModifyPlanRequest, diags *diag.Diagnostics) {
	var state settingsModel
	diags.Append(get(ctx, req.State, &state)...)
	leaving, found := getApplied(ctx, req.Private)
	diags.Append(found...)
	r.planLeaving(ctx, state, leaving, diags)
}

func (r *smtpSettingsResource) planLeaving(ctx context.Context, state settingsModel, leaving lastApplied, diags *diag.Diagnostics) {
	how := site.OnDestroy(state.OnDestroy.ValueString())
	if how == site.OnDestroyKeep {
		return
	}
	if e := r.sites.find(state.Site, byDestroy, diags); e != nil {
		e.checkOnDestroy(state, diags)
		r.sites.leave(ctx, e, state.ID.ValueString(), leaver{leaving, how}, diags)
	}
}

// planReplacing makes sure that the resource at the site of state can be destroyed. e is the different site that replaces it.
func (r *smtpSettingsResource) planReplacing(ctx context.Context, e *entry, state settingsModel, prior lastApplied, found string, diags *diag.Diagnostics) {
	old := state.Site.ValueString()
	if _, ok := r.sites.entries[old]; ok {
		r.planLeaving(ctx, state, prior, diags)
		return
	}
	diags.AddAttributeError(path.Root("site"), summaries[site.WrongSite], fmt.Sprintf(
		"%s: the site with id %q answers there. The resource manages the site with id %q, whose key %q is no longer in the provider's sites. If the key was renamed, "+
			"check the url. If one site replaces the other, keep the entry %q until that has been applied.", e.label, found, state.ID.ValueString(), old, old))
}

// planCreate plans a new resource. With replaced, it replaces a resource that is destroyed first, so the site's current settings do
// not matter.
func (r *smtpSettingsResource) planCreate(ctx context.Context, e *entry, config settingsModel, plan *settingsModel, replaced bool, diags *diag.Diagnostics) {
	plan.forgetComputed(config, types.BoolUnknown())
	if !plan.Enabled.IsUnknown() && !plan.Enabled.ValueBool() {
		plan.Verification = types.ObjectNull(verificationTypes)
	}
	plan.requireRecipient(e, diags)
	if e == nil || e.unknown || !plan.settingsKnown() {
		return
	}
	prior, ok := e.readForPlan(ctx, diags)
	if !ok {
		return
	}
	if !replaced && plan.refusesOverwrite(prior, e, diags) {
		return
	}
	change := plan.toChange(config, prior, e.testRecipient)
	requirePassword(change, config, diags)
	e.checkAdoption(change, config, diags)
	e.addOtherMailer(prior, config, diags)
	e.checkChange(change, config, diags)
	e.checkTokenLogin(ctx, change, config, diags)
}

func (r *smtpSettingsResource) planUpdate(ctx context.Context, e *entry, config settingsModel, plan *settingsModel, prior lastApplied, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	var state settingsModel
	resp.Diagnostics.Append(get(ctx, req.State, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	plan.keepSpelling(state)
	if !plan.Site.Equal(state.Site) && e != nil && !e.unknown {
		now, err := e.site.Read(ctx)
		if err != nil {
			e.addSiteError(&resp.Diagnostics, "reading it, to see whether it is the same site under a new key,", atSite, err)
			return
		}
		if now.SiteID != state.ID.ValueString() {
			if r.sites.refreshed.Load() == 0 {
				// No refresh in this run: this is the apply of a plan in which the key was unknown.
				addLateReplacement(&resp.Diagnostics, e.label, state.ID.ValueString(), now.SiteID)
				return
			}
			resp.RequiresReplace = append(resp.RequiresReplace, path.Root("site"))
			plan.forgetComputed(config, types.BoolUnknown())
			r.planReplacing(ctx, e, state, prior, now.SiteID, &resp.Diagnostics)
			return
		}
	}
	plan.ID = state.ID
	if !plan.settingsKnown() {
		plan.forgetWritten(config, state.PasswordSet)
		plan.requireRecipient(e, &resp.Diagnostics)
		return
	}
	change := plan.toUpdate(config, state, state.toState(prior), types.StringNull())
	requirePassword(change, config, &resp.Diagnostics)
	if e != nil {
		e.checkAdoption(change, config, &resp.Diagnostics)
		e.checkChange(change, config, &resp.Diagnostics)
		e.checkTokenLogin(ctx, change, config, &resp.Diagnostics)
	}
	if steps := change.Steps(); steps.SendsTest || steps.Writes {
		passwordSet := state.PasswordSet
		if change.Candidate.Adopt {
			passwordSet = types.BoolUnknown()
		}
		plan.forgetWritten(config, passwordSet)
		if !change.Enabled && !change.Prior.Enabled {
			plan.Verification = types.ObjectNull(verificationTypes)
		}
		plan.requireRecipient(e, &resp.Diagnostics)
		return
	}
	plan.UpdatedAt, plan.PasswordSet, plan.Verification = state.UpdatedAt, state.PasswordSet, state.Verification
}

// forgetComputed marks everything that only the site knows as unknown.
func (m *settingsModel) forgetComputed(config settingsModel, passwordSet types.Bool) {
	m.ID = types.StringUnknown()
	m.forgetWritten(config, passwordSet)
}

// forgetWritten marks what a test and a save will change as unknown, so the plan shows that they will happen. passwordSet is whether the
// site has a password now: it decides password_set if the configuration sets none.
func (m *settingsModel) forgetWritten(config settingsModel, passwordSet types.Bool) {
	m.UpdatedAt = types.StringUnknown()
	m.Verification = types.ObjectUnknown(verificationTypes)
	switch {
	case m.Username.IsUnknown():
		m.PasswordSet = types.BoolUnknown()
	case m.Username.ValueString() == "":
		// Only the site can tell whether it deletes an existing password together with the username.
		m.PasswordSet = types.BoolUnknown()
		if !passwordSet.IsUnknown() && !passwordSet.ValueBool() {
			m.PasswordSet = types.BoolValue(false)
		}
	case config.password().IsUnknown():
		m.PasswordSet = types.BoolUnknown()
	case !config.password().IsNull():
		m.PasswordSet = types.BoolValue(true)
	default:
		m.PasswordSet = passwordSet
	}
}

// resolveEndpoint fills in host, port and encryption from the preset, unless they are configured.
func (m *settingsModel) resolveEndpoint(config settingsModel) {
	if config.Preset.IsNull() {
		return
	}
	preset, ok := presets.ByID(config.Preset.ValueString())
	if !ok || config.Region.IsUnknown() || config.Port.IsUnknown() || config.Encryption.IsUnknown() {
		setIfNull(&m.Host, config.Host, types.StringUnknown())
		setIfNull(&m.Port, config.Port, types.Int64Unknown())
		setIfNull(&m.Encryption, config.Encryption, types.StringUnknown())
		return
	}
	endpoint, err := preset.Endpoint(config.Region.ValueString())
	if err != nil {
		return // ValidateConfig reports it as soon as the value is known
	}
	ways := preset.Endpoints()
	fits := func(way presets.Endpoint) bool {
		return (config.Port.IsNull() || int(config.Port.ValueInt64()) == way.Port) &&
			(config.Encryption.IsNull() || site.Encryption(config.Encryption.ValueString()) == way.Encryption)
	}
	if i := slices.IndexFunc(ways, fits); i >= 0 {
		endpoint.Port, endpoint.Encryption = ways[i].Port, ways[i].Encryption
	}
	setIfNull(&m.Host, config.Host, types.StringValue(endpoint.Host))
	setIfNull(&m.Port, config.Port, types.Int64Value(int64(endpoint.Port)))
	setIfNull(&m.Encryption, config.Encryption, types.StringValue(string(endpoint.Encryption)))
}

func setIfNull[T attr.Value](value *T, configured, fallback T) {
	if configured.IsNull() {
		*value = fallback
	}
}

// resolveSender uses the username as the sender if from_address is not configured.
func (m *settingsModel) resolveSender(config settingsModel, diags *diag.Diagnostics) {
	switch {
	case !config.FromAddress.IsNull(), config.adopts() && m.FromAddress.ValueString() != "":
	case m.Username.IsUnknown():
		m.FromAddress = types.StringUnknown()
	case submit.CheckAddress(m.Username.ValueString()) == nil:
		m.FromAddress = m.Username
	default:
		diags.AddAttributeError(path.Root("from_address"), "Sender is missing",
			"Set from_address. It cannot default to the username, which is not an email address.")
	}
}

// keepSpelling keeps the host or address of the state if the plan's differs only in spelling, so that no change is planned.
func (m *settingsModel) keepSpelling(state settingsModel) {
	if !m.Host.IsUnknown() && sameHost(m.Host.ValueString(), state.Host.ValueString()) {
		m.Host = state.Host
	}
	if !m.FromAddress.IsUnknown() && sameAddress(m.FromAddress.ValueString(), state.FromAddress.ValueString()) {
		m.FromAddress = state.FromAddress
	}
}

// describe distinguishes resources for the same site in messages. It omits the username, which is a token at some services.
func (m settingsModel) describe() string {
	return fmt.Sprintf("host %s and from_address %s", m.Host, m.FromAddress)
}

// sameHost reports whether two hostnames differ only in spelling: letter case, a final dot, or Unicode instead of Punycode (RFC 5891
// section 4).
func sameHost(a, b string) bool { return canonicalHost(a) == canonicalHost(b) }

func canonicalHost(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return host
}

// sameAddress compares the domains of two addresses like sameHost. Their local parts must be equal, because only their servers can
// interpret them (RFC 5321 section 2.4).
func sameAddress(a, b string) bool {
	i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	if i < 0 || j < 0 {
		return a == b
	}
	return a[:i] == b[:j] && sameHost(a[i+1:], b[j+1:])
}
