package provider

import (
	"context"
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

// toSettings are the settings, with what the preset gives for a login with a token.
func (m settingsModel) toSettings() site.Settings {
	s := m.settingValues.toSettings()
	if m.usesOAuth2() {
		preset, _ := presets.ByID(m.Preset.ValueString())
		m.oauth2().addTo(&s, preset)
	}
	return s
}

// settingsKnown reports whether every setting and the switch are known.
func (m settingsModel) settingsKnown() bool {
	return m.known() && m.oauth2Known() && !m.Enabled.IsUnknown()
}

// password is the login's secret that the configuration gives, with oauth2 that of its grant; write-only values are in the
// configuration alone.
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

// setsPassword reports whether m plans a new password over that of state, whose zero value has none.
func (m settingsModel) setsPassword(config, state settingsModel) bool {
	if config.password().IsNull() {
		return false
	}
	return !m.PasswordWOVersion.Equal(state.PasswordWOVersion) || !m.Password.Equal(state.Password) ||
		m.usesOAuth2() != state.usesOAuth2() || m.oauth2().versions() != state.oauth2().versions()
}

// readTimeout is how long a refresh may take. A state of before they were validated may hold times in which nothing can be done.
func (m settingsModel) readTimeout(ctx context.Context) (time.Duration, diag.Diagnostics) {
	timeout, diags := m.Timeouts.Read(ctx, defaultReadTimeout)
	if timeout < minTimeout {
		timeout = defaultReadTimeout
	}
	return timeout, diags
}

// forgetPassword says that the site's password is not the one that was applied: whatever set it here is planned again.
func (m *settingsModel) forgetPassword() {
	m.Password = types.StringNull()
	m.PasswordWOVersion = types.StringNull()
	m.forgetOAuth2Secret()
}

// toChange makes the change from prior to what m plans, with the password of the configuration, which is new to a site that has no state.
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

// toUpdate makes the change from state, which prior is of, to what m plans.
func (m settingsModel) toUpdate(config, state settingsModel, prior site.State, defaultRecipient types.String) site.Change {
	c := m.toChange(config, prior, defaultRecipient)
	c.SetPassword = m.setsPassword(config, state)
	c.PriorPassword = secret.New(state.Password.ValueString())
	return c
}

// recipient is who gets the test message; it may be null or unknown.
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

// require is how far the test message must come; accepted as long as that is unknown.
func (m settingsModel) require() site.Requirement {
	value, _ := m.Test.Attributes()["require"].(types.String)
	return requirement(value)
}

func (m settingsModel) wait() time.Duration {
	value, _ := m.Test.Attributes()["wait"].(types.String)
	return waitFor(m.require(), value)
}

// fromState takes over what the site holds; arguments that are not the site's stay as they are.
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

// applied is m, as it was planned, after an apply that left s at the site. Where mail was planned to be off and unverified, a pass of
// long ago that the site still knows shows at the next refresh.
func (m settingsModel) applied(s site.State) settingsModel {
	unverified := m.Verification.IsNull()
	m.fromState(s)
	if unverified {
		m.Verification = types.ObjectNull(verificationTypes)
	}
	return m
}

// differing names the attributes that m plans and result has otherwise, which Terraform would call a bug of the provider.
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

// complete gives a model that was not read from a state the types that Terraform wants of its null values.
func (m settingsModel) complete() settingsModel {
	m.Test = types.ObjectNull(testTypes)
	m.Timeouts = timeouts.Value{Object: types.ObjectNull(timeoutTypes)}
	return m
}

// toState is what the site held as far as Terraform knows.
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
	// What cannot be parsed was not written here and is as good as none.
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

// optional is a site's value for an argument that may be left out: the site has no other way to say null than "".
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

// identityModel says which site a resource is: by the key under which it is reached, and by the id that it has.
type identityModel struct {
	Site   types.String `tfsdk:"site"`
	SiteID types.String `tfsdk:"site_id"`
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

// inResource locates in an smtp_settings resource.
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
