package provider

import (
	"context"
	"maps"
	"reflect"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

type settingsModel struct {
	settingValues

	ID                types.String   `tfsdk:"id"`
	Site              types.String   `tfsdk:"site"`
	Preset            types.String   `tfsdk:"preset"`
	Region            types.String   `tfsdk:"region"`
	Password          types.String   `tfsdk:"password"`
	PasswordWO        types.String   `tfsdk:"password_wo"`
	PasswordWOVersion types.String   `tfsdk:"password_wo_version"`
	OAuth2            types.Object   `tfsdk:"oauth2"`
	Adopt             types.Bool     `tfsdk:"adopt"`
	Enabled           types.Bool     `tfsdk:"enabled"`
	Test              types.Object   `tfsdk:"test"`
	OverwriteExisting types.Bool     `tfsdk:"overwrite_existing"`
	OnDestroy         types.String   `tfsdk:"on_destroy"`
	Timeouts          timeouts.Value `tfsdk:"timeouts"`
	UpdatedAt         types.String   `tfsdk:"updated_at"`
	PasswordSet       types.Bool     `tfsdk:"password_set"`
	Verification      types.Object   `tfsdk:"verification"`
	AdoptedFrom       types.String   `tfsdk:"adopted_from"`
}

var testTypes = map[string]attr.Type{
	"recipient": types.StringType, "retry_for": types.StringType, "require": types.StringType, "wait": types.StringType,
}

var timeoutTypes = map[string]attr.Type{
	"create": types.StringType, "read": types.StringType, "update": types.StringType, "delete": types.StringType,
}

var verificationTypes = map[string]attr.Type{
	"tested_at":  types.StringType,
	"recipient":  types.StringType,
	"reply":      types.StringType,
	"message_id": types.StringType,
	"arrival":    types.ObjectType{AttrTypes: arrivalTypes},
}

// toSettings returns the settings, including the preset's defaults for a login with a token.
func (m settingsModel) toSettings() site.Settings {
	s := m.settingValues.toSettings()
	if m.usesOAuth2() {
		preset, _ := presets.ByID(m.Preset.ValueString())
		m.oauth2().addTo(&s, preset)
	}
	return s
}

// settingsKnown reports whether every setting and enabled are known.
func (m settingsModel) settingsKnown() bool {
	return m.known() && m.oauth2Known() && !m.Enabled.IsUnknown()
}

// password returns the configured secret of the login; with oauth2, the secret of its grant. Call it on the configuration: plan and
// state lack write-only values.
func (m settingsModel) password() types.String {
	switch {
	case m.OAuth2.IsUnknown():
		return types.StringUnknown()
	case m.usesOAuth2():
		return m.oauth2().password()
	case !m.PasswordWO.IsNull():
		return m.PasswordWO
	}
	return m.Password
}

// setsPassword reports whether m plans a different password from the one in state. A zero state has no password.
func (m settingsModel) setsPassword(config, state settingsModel) bool {
	if config.password().IsNull() {
		return false
	}
	return !m.PasswordWOVersion.Equal(state.PasswordWOVersion) || !m.Password.Equal(state.Password) ||
		m.usesOAuth2() != state.usesOAuth2() || !maps.Equal(m.oauth2().versions(), state.oauth2().versions())
}

// readTimeout returns the timeout of a refresh. States of older versions may hold timeouts that are too short to do anything.
func (m settingsModel) readTimeout(ctx context.Context) (time.Duration, diag.Diagnostics) {
	timeout, diags := m.Timeouts.Read(ctx, defaultReadTimeout)
	if timeout < minTimeout {
		timeout = defaultReadTimeout
	}
	return timeout, diags
}

// forgetPassword clears the arguments that set the password, because the site's password is not the applied one; so the plan sets it
// again.
func (m *settingsModel) forgetPassword() {
	m.Password = types.StringNull()
	m.PasswordWOVersion = types.StringNull()
	m.forgetOAuth2Secret()
}

// toChange returns the change from prior to the plan m, with the configured password, which counts as new.
func (m settingsModel) toChange(config settingsModel, prior site.State, defaultRecipient types.String) site.Change {
	return site.Change{
		Prior: prior,
		Candidate: site.Candidate{
			Settings: m.toSettings(),
			Password: secret.New(config.password().ValueString()),
			Adopt:    m.Adopt.ValueBool() && config.password().IsNull() && prior.Settings.IsZero(),
		},
		SetPassword: m.setsPassword(config, settingsModel{}),
		Enabled:     m.Enabled.ValueBool(),
		Recipient:   m.recipient(defaultRecipient).ValueString(),
		RetryFor:    m.retryFor(),
		Require:     m.require(),
		Wait:        m.wait(),
	}
}

// toUpdate returns the change from state to the plan m. prior is the site's state according to state.
func (m settingsModel) toUpdate(config, state settingsModel, prior site.State, defaultRecipient types.String) site.Change {
	c := m.toChange(config, prior, defaultRecipient)
	c.SetPassword = m.setsPassword(config, state)
	c.PriorPassword = secret.New(state.Password.ValueString())
	return c
}

// recipient returns the recipient of the test message, which may be null or unknown.
func (m settingsModel) recipient(byDefault types.String) types.String {
	own, _ := m.Test.Attributes()["recipient"].(types.String)
	if m.Test.IsUnknown() {
		own = types.StringUnknown()
	}
	return orDefault(own, byDefault)
}

func (m settingsModel) retryFor() time.Duration {
	value, _ := m.Test.Attributes()["retry_for"].(types.String)
	return parseDuration(value)
}

// require returns how far the test message must get; while that is unknown, accepted.
func (m settingsModel) require() site.Requirement {
	value, _ := m.Test.Attributes()["require"].(types.String)
	return requirement(value)
}

func (m settingsModel) wait() time.Duration {
	value, _ := m.Test.Attributes()["wait"].(types.String)
	return waitFor(m.require(), value)
}

// fromState fills in the site's state. Arguments that the site does not store are unchanged.
func (m *settingsModel) fromState(s site.State) {
	m.ID = types.StringValue(s.SiteID)
	m.OAuth2 = m.oauth2From(s.Settings)
	m.fromSettings(s.Settings)
	m.Enabled = types.BoolValue(s.Enabled)
	m.UpdatedAt = timestamp(s.UpdatedAt)
	m.PasswordSet = types.BoolValue(s.PasswordSet)
	m.Verification = verificationValue(s.Verification)
	m.PasswordWO = types.StringNull()
	m.OverwriteExisting = orDefault(m.OverwriteExisting, types.BoolValue(false))
	m.OnDestroy = orDefault(m.OnDestroy, types.StringValue(string(site.OnDestroyDisable)))
}

// applied returns the plan m after an apply that left the site in state s. A null verification stays null, as planned, even if the
// site still has one of an earlier pass; the next refresh shows it.
func (m settingsModel) applied(s site.State) settingsModel {
	unverified := m.Verification.IsNull()
	m.fromState(s)
	if unverified {
		m.Verification = types.ObjectNull(verificationTypes)
	}
	return m
}

// differing names the attributes in which result differs from the plan m. Terraform would report them as a bug in the provider.
func (m settingsModel) differing(result settingsModel) []string {
	var names []string
	planned, returned := reflect.ValueOf(m), reflect.ValueOf(result)
	for _, f := range modelFields(planned.Type()) {
		value, _ := reflect.TypeAssert[attr.Value](planned.FieldByIndex(f.index))
		got, _ := reflect.TypeAssert[attr.Value](returned.FieldByIndex(f.index))
		if !value.IsUnknown() && !value.Equal(got) {
			names = append(names, f.name)
		}
	}
	return names
}

// complete gives the null values of a new model the types that Terraform requires.
func (m settingsModel) complete() settingsModel {
	m.Test = types.ObjectNull(testTypes)
	m.Timeouts = timeouts.Value{Object: types.ObjectNull(timeoutTypes)}
	return m
}

// toState returns the state of the site as far as Terraform knows it.
func (m settingsModel) toState(a lastApplied) site.State {
	s := site.State{
		SiteID:      m.ID.ValueString(),
		Settings:    m.toSettings(),
		Unknown:     a.Unknown,
		Enabled:     m.Enabled.ValueBool(),
		Revision:    a.Revision,
		PasswordSet: m.PasswordSet.ValueBool(),
		PasswordID:  a.PasswordID,
		InForce:     a.InForce,
	}
	// A time that cannot be parsed was not written by this provider, and is ignored.
	s.UpdatedAt, _ = time.Parse(time.RFC3339, m.UpdatedAt.ValueString())
	if !m.Verification.IsNull() {
		s.Verification = &site.Verification{
			TestedAt:  parseTimestamp(m.Verification, "tested_at"),
			Recipient: stringAttribute(m.Verification, "recipient"),
			Reply:     stringAttribute(m.Verification, "reply"),
			MessageID: stringAttribute(m.Verification, "message_id"),
		}
		s.Verification = a.Arrival.recall(s.Verification)
	}
	return s
}

// optional converts a site's value of an optional argument. A site returns "" for null, so "" keeps whichever of the two is configured.
func optional(value string, configured types.String) types.String {
	if value == "" && configured.ValueString() == "" && !configured.IsUnknown() {
		return configured
	}
	if value == "" {
		return types.StringNull()
	}
	return types.StringValue(value)
}

func timestamp(t time.Time) types.String {
	if t.IsZero() {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}

func verificationValue(v *site.Verification) types.Object {
	if v == nil {
		return types.ObjectNull(verificationTypes)
	}
	return types.ObjectValueMust(verificationTypes, map[string]attr.Value{
		"tested_at":  timestamp(v.TestedAt),
		"recipient":  types.StringValue(v.Recipient),
		"reply":      types.StringValue(v.Reply),
		"message_id": types.StringValue(v.MessageID),
		"arrival":    arrivalValue(v.Arrival),
	})
}

// identityModel identifies the site of a resource: its key in the provider's sites, and the ID that it gave itself.
type identityModel struct {
	Site   types.String `tfsdk:"site"`
	SiteID types.String `tfsdk:"site_id"`
}

// identify writes the identity of m.
func (m settingsModel) identify(ctx context.Context, identity *tfsdk.ResourceIdentity) diag.Diagnostics {
	return set(ctx, identity, identity.Raw.Type(), identityModel{Site: m.Site, SiteID: m.ID})
}

// store writes m to the state, and its identity.
func (m settingsModel) store(ctx context.Context, state *tfsdk.State, identity *tfsdk.ResourceIdentity) diag.Diagnostics {
	return append(set(ctx, state, state.Raw.Type(), m), m.identify(ctx, identity)...)
}

// imported reports whether m is being imported and was never read.
func (m settingsModel) imported() bool { return m.ID.IsNull() }

// pinnedID returns the ID of the only site that may receive the mail password: the ID last seen or, in an import by identity, the ID
// asked for. It is empty in an import by key.
func (m settingsModel) pinnedID(ctx context.Context, identity *tfsdk.ResourceIdentity) (string, diag.Diagnostics) {
	if !m.imported() || identity.Raw.IsNull() {
		return m.ID.ValueString(), nil
	}
	var asked identityModel
	diags := get(ctx, identity, &asked)
	return asked.SiteID.ValueString(), diags
}

// inResource is the locator for an smtp_settings resource.
func (m settingsModel) inResource(field string) (path.Path, bool) {
	if at, ok := m.oauth2().locate(field); ok && m.usesOAuth2() {
		return at, true
	}
	switch {
	case field == "password" && !m.PasswordWO.IsNull():
		return path.Root("password_wo"), true
	case field == "recipient" || field == "require":
		return path.Root("test").AtName(field), true
	}
	return path.Root(field), field != ""
}
