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

// ModifyPlan completes the plan: what the preset gives, what will be known only after a test or a save, and what cannot
// be applied. It runs at plan and again at apply, and must come to the same result.
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

// resolveAdopted fills in what an adopting configuration leaves out, from the site; false, with an error, where that cannot be done.
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

// planDestroy makes sure that the site can still be left as on_destroy says.
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

// planReplacing makes sure that the site of state can be left for the other one that e leads to.
func (r *smtpSettingsResource) planReplacing(ctx context.Context, e *entry, state settingsModel, prior lastApplied, found string, diags *diag.Diagnostics) {
	old := state.Site.ValueString()
	if _, ok := r.sites.entries[old]; ok {
		r.planLeaving(ctx, state, prior, diags)
		return
	}
	diags.AddAttributeError(path.Root("site"), summaries[site.WrongSite], fmt.Sprintf(
		"%s: the site with id %q answers there. The resource manages the one with id %q, whose key %q is no longer in the provider's sites. If the key was renamed, "+
			"check the url. If one site replaces the other, keep the entry %q until that has been applied.", e.label, found, state.ID.ValueString(), old, old))
}

// planCreate plans a resource that is new or takes the place of one: then its site is left before, and what it holds now does not
// matter.
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
			e.addSiteError(&resp.Diagnostics, "reading it, to see whether it is the site that went by another key,", atSite, err)
			return
		}
		if now.SiteID != state.ID.ValueString() {
			if r.sites.refreshed.Load() == 0 {
				// A plan has refreshed this resource: this is the apply of one that did not know the key yet.
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

// forgetComputed makes everything unknown that only the site knows.
func (m *settingsModel) forgetComputed(config settingsModel, passwordSet types.Bool) {
	m.ID = types.StringUnknown()
	m.forgetWritten(config, passwordSet)
}

// forgetWritten makes unknown what a test and a save will change: so the plan shows that they will happen. Whether the
// site then has a password is known, unless it depends on one that it has already: passwordSet.
func (m *settingsModel) forgetWritten(config settingsModel, passwordSet types.Bool) {
	m.UpdatedAt = types.StringUnknown()
	m.Verification = types.ObjectUnknown(verificationTypes)
	switch {
	case m.Username.IsUnknown():
		m.PasswordSet = types.BoolUnknown()
	case m.Username.ValueString() == "":
		// Whether a password that the site has already goes with the username is for the site to say.
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

// resolveEndpoint fills in what the preset gives and the configuration leaves out.
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
		return // ValidateConfig said so, or will when the value is known.
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

// resolveSender takes the username for the sender where the configuration names none.
func (m *settingsModel) resolveSender(config settingsModel, diags *diag.Diagnostics) {
	switch {
	case !config.FromAddress.IsNull(), config.adopts() && m.FromAddress.ValueString() != "":
	case m.Username.IsUnknown():
		m.FromAddress = types.StringUnknown()
	case submit.CheckAddress(m.Username.ValueString()) == nil:
		m.FromAddress = m.Username
	default:
		diags.AddAttributeError(path.Root("from_address"), "Sender is missing",
			"Set from_address: it cannot be taken from the username, which is not an email address.")
	}
}

// keepSpelling plans no change for a host or an address that is only spelled in another way. What is not known yet is not
// spelled at all.
func (m *settingsModel) keepSpelling(state settingsModel) {
	if !m.Host.IsUnknown() && sameHost(m.Host.ValueString(), state.Host.ValueString()) {
		m.Host = state.Host
	}
	if !m.FromAddress.IsUnknown() && sameAddress(m.FromAddress.ValueString(), state.FromAddress.ValueString()) {
		m.FromAddress = state.FromAddress
	}
}

// describe tells resources for the same site apart. At some services the username is a token.
func (m settingsModel) describe() string {
	return fmt.Sprintf("host %s and from_address %s", m.Host, m.FromAddress)
}

// sameHost reports whether two host names differ in spelling alone: letter case, a final dot, or Unicode against
// Punycode (RFC 5891 section 4).
func sameHost(a, b string) bool { return canonicalHost(a) == canonicalHost(b) }

func canonicalHost(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return host
}

// sameAddress is sameHost for the domains of addresses; the local parts are the business of their servers (RFC 5321
// section 2.4) and must be equal.
func sameAddress(a, b string) bool {
	i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
	if i < 0 || j < 0 {
		return a == b
	}
	return a[:i] == b[:j] && sameHost(a[i+1:], b[j+1:])
}
