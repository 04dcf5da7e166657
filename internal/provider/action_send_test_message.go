package provider

import (
	"cmp"
	"context"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var (
	_ action.ActionWithConfigure      = &sendTestAction{}
	_ action.ActionWithValidateConfig = &sendTestAction{}
)

type sendTestAction struct{ sites *sites }

func newSendTestAction() action.Action { return &sendTestAction{} }

type sendTestModel struct {
	settingValues

	Site       types.String `tfsdk:"site"`
	Recipient  types.String `tfsdk:"recipient"`
	Require    types.String `tfsdk:"require"`
	Wait       types.String `tfsdk:"wait"`
	Preset     types.String `tfsdk:"preset"`
	Region     types.String `tfsdk:"region"`
	PasswordWO types.String `tfsdk:"password_wo"`
	OAuth2     types.Object `tfsdk:"oauth2"`
}

func (a *sendTestAction) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_send_test"
}

func (a *sendTestAction) Configure(_ context.Context, req action.ConfigureRequest, _ *action.ConfigureResponse) {
	a.sites, _ = req.ProviderData.(*sites)
}

func (a *sendTestAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"site": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Key of the site in the provider's `sites`. Optional if the provider has only one site.",
		},
		"recipient": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Email address that receives the message. Default: `test_recipient` of the site or the provider.",
			Validators:          []validator.String{mailAddress{}},
		},
		"require": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: requireDescription + "Default: `accepted`.",
			Validators:          []validator.String{stringvalidator.OneOf(names(site.Requirements())...)},
		},
		"wait": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: waitDescription,
			Validators:          []validator.String{duration{atLeast: minWait, atMost: maxWait}},
		},
	}
	maps.Copy(attributes, candidateAttributes())
	resp.Schema = schema.Schema{
		MarkdownDescription: "Sends one test message from a site: with the saved settings or, if settings are given here, with those, without saving " +
			"them. If the test fails, so does the run, with a diagnosis. Neither the site nor the state changes; to enable mail, use `smtp_settings`. PocketBase " +
			"can test only saved settings, while mail is enabled; listmonk can test settings with a login only if they are given here with their password.",
		Attributes: attributes,
	}
}

func candidateAttributes() map[string]schema.Attribute {
	candidate := func(description string, validators ...validator.String) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description + " As in `smtp_settings`.", Validators: validators}
	}
	password := candidate("Password for `username`; write-only. With `apply -invoke`, Terraform 1.16 and later do not pass ephemeral values: use a sensitive variable there.",
		stringvalidator.LengthAtLeast(1), text{check: checkCredential, trimmed: true}, stringvalidator.AlsoRequires(path.MatchRoot("username")))
	password.WriteOnly = true
	attributes := map[string]schema.Attribute{
		"preset":      candidate("ID of the mail service to test.", presetID{}),
		"region":      candidate("Region of the preset.", stringvalidator.AlsoRequires(path.MatchRoot("preset"))),
		"password_wo": password,
		"oauth2":      oauth2OfAction(),
	}
	for _, d := range flatSettings() {
		if d.Format == site.PortNumber {
			attributes[d.Name] = schema.Int64Attribute{Optional: true, MarkdownDescription: d.Description + " As in `smtp_settings`.", Validators: portValidators()}
		} else {
			attributes[d.Name] = candidate(d.Description, textValidators(d)...)
		}
	}
	return attributes
}

// ValidateConfig checks the settings of a candidate in the same way as those of a resource.
func (a *sendTestAction) ValidateConfig(ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse) {
	var model sendTestModel
	resp.Diagnostics.Append(get(ctx, req.Config, &model)...)
	if config := model.toSettingsModel(); model.hasCandidate() && !resp.Diagnostics.HasError() {
		config.requireEndpoint(&resp.Diagnostics)
		config.requireLogin(&resp.Diagnostics)
		config.checkOAuth2(&resp.Diagnostics)
		config.checkPreset(&resp.Diagnostics)
		if model.lacksPassword() {
			summary, name := passwordMissing, "password_wo"
			if config.usesOAuth2() {
				secret := oauth2Secrets[config.oauth2().grant()]
				summary, name = secret.missing(), secret.name
			}
			at, _ := model.locate("password")
			resp.Diagnostics.AddAttributeError(at, summary, "A stored password is used only for the saved settings. Set "+name+" to test these settings with a login.")
		}
	}
}

func (a *sendTestAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	var model sendTestModel
	resp.Diagnostics.Append(get(ctx, req.Config, &model)...)
	require := requirement(model.Require)
	wait := waitFor(require, model.Wait)
	ctx, cancel := context.WithTimeout(ctx, defaultWriteTimeout+wait)
	defer cancel()
	e := a.sites.reachable(model.Site, byConfiguration, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	test, tried := model.toTest(e, &resp.Diagnostics)
	a.sites.inbox.checkRequirement(require, path.Root("require"), &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	progress := func(format string, args ...any) {
		resp.SendProgress(action.InvokeProgressEvent{Message: e.label + ": " + fmt.Sprintf(format, args...)})
	}
	// Read again: a resource created in the same run has changed the site since the plan read it.
	now, err := e.site.Read(ctx)
	if err != nil {
		e.addSiteError(&resp.Diagnostics, "reading it", nowhere, err)
		return
	}
	if test.Candidate == nil {
		tried = now.Settings
	}
	if tried.IsZero() {
		resp.Diagnostics.AddError(withoutSettings, e.label+": no mail settings are saved, so there is nothing to test, and no message was sent. Give the action the settings to test, or "+
			"apply an smtp_settings resource first.")
		return
	}
	if refusal, refused := e.can.RefuseTest(test, now); refused {
		e.addRefusal(&resp.Diagnostics, refusal, model.locate)
		return
	}
	test.SiteID = now.SiteID
	progress("sending a test message to %s through %s:%d", test.Recipient, shown(tried.Host), tried.Port)
	result, err := require.Test(ctx, a.sites.inbox.inbox(), tried.FromAddress, test.Recipient, wait, func(ctx context.Context) (site.TestResult, error) {
		return e.limiter.Do(ctx, tried, func(ctx context.Context) (site.TestResult, error) { return e.site.Test(ctx, test) })
	})
	if err != nil {
		e.addSiteError(&resp.Diagnostics, "testing its mail settings", model.locate, err)
		return
	}
	password := secret.New(model.toSettingsModel().password().ValueString())
	result = diagnosis.Fit(result, tried.Username, password)
	for _, stage := range result.Stages {
		progress("passed %s", stage.Stage)
	}
	if result.Status != site.Passed {
		addFailure(&resp.Diagnostics, e.label, model.locate, diagnosis.Failure{
			Result:   result,
			Settings: tried,
			Machine:  theSite,
			State:    stateAfter(e.label, now, nil),
			Secrets:  []secret.Text{password},
		}, "")
		return
	}
	accepted := fmt.Sprintf("accepted by %s for %s", shown(tried.Host), shown(test.Recipient))
	if result.Reply != nil {
		accepted += ": " + result.Reply.String()
	}
	progress("%s", accepted)
	if arrival := result.Arrival; arrival != nil {
		progress("arrived in %s (spf=%s, dkim=%s, dmarc=%s)", arrival.Folder, orNotReported(arrival.SPF), orNotReported(arrival.DKIM), orNotReported(arrival.DMARC))
	}
}

func orNotReported(r site.AuthResult) string { return cmp.Or(r.Result, "not reported") }

// locate returns the path at which a setting is configured.
func (m sendTestModel) locate(field string) (path.Path, bool) {
	if at, ok := m.toSettingsModel().oauth2().locate(field); ok && !m.OAuth2.IsNull() {
		return at, true
	}
	return inAction(field)
}

// hasCandidate reports whether the action is given settings to test, instead of testing the saved ones.
func (m sendTestModel) hasCandidate() bool {
	return !m.Preset.IsNull() || m.given() || !m.OAuth2.IsNull()
}

// lacksPassword reports whether a candidate has a username but no password.
func (m sendTestModel) lacksPassword() bool {
	given := m.toSettingsModel().password()
	return m.Username.ValueString() != "" && given.ValueString() == "" && !given.IsUnknown()
}

func (m sendTestModel) toSettingsModel() settingsModel {
	return settingsModel{settingValues: m.settingValues, Preset: m.Preset, Region: m.Region, PasswordWO: m.PasswordWO, OAuth2: m.OAuth2}
}

// toTest returns the request and the settings that it tests, which are zero if it tests the saved ones.
func (m sendTestModel) toTest(e *entry, diags *diag.Diagnostics) (site.TestRequest, site.Settings) {
	recipient := orDefault(m.Recipient, e.testRecipient)
	if recipient.IsNull() && e.can.Addressee == site.ToRecipient {
		diags.AddAttributeError(path.Root("recipient"), "Recipient of the test message is missing",
			"Set recipient here, or test_recipient in the provider's configuration, to an address that you read.")
	}
	if m.lacksPassword() {
		at, _ := m.locate("password")
		name := "password_wo"
		if !m.OAuth2.IsNull() {
			name = oauth2Secrets[m.toSettingsModel().oauth2().grant()].name
		}
		diags.AddAttributeError(at, passwordMissing,
			"The provider received an empty "+name+", so nothing was sent. If its value is ephemeral: with \"apply -invoke\", Terraform 1.16 and later do "+
				"not pass ephemeral values. Use a variable that is sensitive but not ephemeral, and do not save a plan file; or invoke the action from the "+
				"action_trigger of a resource, which does pass them.")
	}
	test := site.TestRequest{Recipient: recipient.ValueString()}
	if !m.hasCandidate() {
		return test, site.Settings{}
	}
	config := m.toSettingsModel()
	resolved := config
	resolved.resolveEndpoint(config)
	resolved.resolveSender(config, diags)
	resolved.checkEndpoint(diags)
	settings := resolved.toSettings()
	test.Candidate = &site.Candidate{Settings: settings, Password: secret.New(config.password().ValueString())}
	return test, settings
}
