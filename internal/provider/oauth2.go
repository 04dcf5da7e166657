package provider

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	actionschema "github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// oauth2Model is the argument oauth2: a login with a token instead of a password.
type oauth2Model struct {
	Grant                 types.String `tfsdk:"grant"`
	Tenant                types.String `tfsdk:"tenant"`
	TokenURL              types.String `tfsdk:"token_url"`
	Scopes                types.Set    `tfsdk:"scopes"`
	ClientID              types.String `tfsdk:"client_id"`
	ClientSecretWO        types.String `tfsdk:"client_secret_wo"`
	ClientSecretWOVersion types.String `tfsdk:"client_secret_wo_version"`
}

var oauth2Types = map[string]attr.Type{
	"grant": types.StringType, "tenant": types.StringType, "token_url": types.StringType, "scopes": types.SetType{ElemType: types.StringType},
	"client_id": types.StringType, "client_secret_wo": types.StringType, "client_secret_wo_version": types.StringType,
}

// The texts and the checks of the arguments, which a resource and an action share.
const (
	oauth2Text    = "Login with an OAuth 2.0 access token instead of a password. The site fetches the token for each test and for its mail. See the guide *Microsoft 365 without a password*."
	grantText     = "How the token is obtained. Only `client_credentials`, the default: the application acts for itself."
	tenantText    = "Microsoft Entra tenant, by domain or id, with a preset that has one (`microsoft365`). It gives `token_url` and `scopes`."
	tokenURLText  = "Token endpoint, an `https` URL. Required without `tenant`. The client secret is sent there."
	scopesText    = "Scopes to ask for. Default: those of the preset."
	clientIDText  = "Application (client) ID."
	secretText    = "Client secret of the application; write-only: in no plan and no state."
	secretVersion = "Any text to change whenever `client_secret_wo` changes, such as a number or the id of the secret."
)

var (
	tenantName       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)
	grantValidators  = []validator.String{stringvalidator.OneOf(names(site.Grants())...)}
	tenantValidators = []validator.String{text{check: checkTenant}, stringvalidator.LengthBetween(1, 253)}
	urlValidators    = []validator.String{stringvalidator.LengthAtLeast(1), text{check: oauth.CheckTokenURL}}
	idValidators     = []validator.String{stringvalidator.LengthAtLeast(1), text{check: submit.CheckClientID}}
)

// checkTenant refuses what is no tenant, and those that stand for any: an application that acts for itself is of one tenant
// (AADSTS9001023, AADSTS50194).
func checkTenant(tenant string) error {
	switch {
	case slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(tenant)):
		return errors.New("must be your own tenant: client_credentials does not work with common, organizations and consumers")
	case !tenantName.MatchString(tenant):
		return errors.New("must be a domain such as client.example, or the id of a tenant")
	}
	return nil
}

func oauth2Attribute() schema.SingleNestedAttribute {
	sibling := func(name string) path.Expression { return path.MatchRelative().AtParent().AtName(name) }
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: oauth2Text,
		Attributes: map[string]schema.Attribute{
			"grant":     schema.StringAttribute{Optional: true, MarkdownDescription: grantText, Validators: grantValidators},
			"tenant":    schema.StringAttribute{Optional: true, MarkdownDescription: tenantText, Validators: tenantValidators},
			"token_url": schema.StringAttribute{Optional: true, MarkdownDescription: tokenURLText, Validators: urlValidators},
			"scopes":    schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: scopesText},
			"client_id": schema.StringAttribute{Required: true, MarkdownDescription: clientIDText, Validators: idValidators},
			"client_secret_wo": schema.StringAttribute{
				Optional: true, Sensitive: true, WriteOnly: true, MarkdownDescription: secretText,
				Validators: []validator.String{
					stringvalidator.LengthAtLeast(1), text{check: checkCredential, trimmed: true}, stringvalidator.AlsoRequires(sibling("client_secret_wo_version")),
				},
			},
			"client_secret_wo_version": schema.StringAttribute{
				Optional: true, MarkdownDescription: secretVersion, Validators: []validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.AlsoRequires(sibling("client_secret_wo"))},
			},
		},
	}
}

// oauth2OfAction is the same argument of an action, which keeps nothing and needs no version.
func oauth2OfAction() actionschema.SingleNestedAttribute {
	return actionschema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "Login with an OAuth 2.0 access token instead of a password. As in `smtp_settings`.",
		Attributes: map[string]actionschema.Attribute{
			"grant":     actionschema.StringAttribute{Optional: true, MarkdownDescription: grantText, Validators: grantValidators},
			"tenant":    actionschema.StringAttribute{Optional: true, MarkdownDescription: tenantText, Validators: tenantValidators},
			"token_url": actionschema.StringAttribute{Optional: true, MarkdownDescription: tokenURLText, Validators: urlValidators},
			"scopes":    actionschema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: scopesText},
			"client_id": actionschema.StringAttribute{Required: true, MarkdownDescription: clientIDText, Validators: idValidators},
			"client_secret_wo": actionschema.StringAttribute{
				Required: true, WriteOnly: true, MarkdownDescription: "Client secret of the application; write-only.",
				Validators: []validator.String{stringvalidator.LengthAtLeast(1), text{check: checkCredential, trimmed: true}},
			},
		},
	}
}

// oauth2 is the argument as a model, the zero one where it is left out.
func (m settingsModel) oauth2() oauth2Model {
	var o oauth2Model
	fill(&o, m.OAuth2)
	return o
}

// usesOAuth2 reports whether the login is one with a token.
func (m settingsModel) usesOAuth2() bool { return !m.OAuth2.IsNull() }

// oauth2Known reports whether everything of the argument is known that is a setting.
func (m settingsModel) oauth2Known() bool {
	o := m.oauth2()
	for _, value := range append([]attr.Value{m.OAuth2, o.Grant, o.Tenant, o.TokenURL, o.Scopes, o.ClientID}, o.Scopes.Elements()...) {
		if value.IsUnknown() {
			return false
		}
	}
	return true
}

// addTo adds what the argument says, and what the preset gives for it, to the settings.
func (o oauth2Model) addTo(s *site.Settings, preset presets.Preset) {
	s.Grant = site.Grant(o.Grant.ValueString())
	if s.Grant == "" {
		s.Grant = site.ClientCredentials
	}
	s.ClientID = o.ClientID.ValueString()
	s.TokenURL = o.TokenURL.ValueString()
	if s.TokenURL == "" && preset.OAuth2 != nil {
		s.TokenURL = preset.OAuth2.TokenURLOf(o.Tenant.ValueString())
	}
	scopes := setStrings(o.Scopes)
	if o.Scopes.IsNull() && preset.OAuth2 != nil {
		scopes = preset.OAuth2.Scopes
	}
	s.Scopes = site.JoinScopes(scopes)
}

// oauth2From is the argument for what a site holds: as it is where it comes to the same, else as the site has it, so that
// the plan shows each difference.
func (m settingsModel) oauth2From(s site.Settings) types.Object {
	if s.Grant == "" {
		return types.ObjectNull(oauth2Types)
	}
	o := m.oauth2()
	o.ClientSecretWO = types.StringNull()
	own := m.toSettings()
	if !m.usesOAuth2() || own.Grant != s.Grant || own.TokenURL != s.TokenURL || own.ClientID != s.ClientID || own.Scopes != s.Scopes {
		o.Grant, o.Tenant, o.TokenURL = types.StringValue(string(s.Grant)), types.StringNull(), types.StringValue(s.TokenURL)
		o.ClientID = types.StringValue(s.ClientID)
		o.Scopes = toSet(strings.Fields(s.Scopes))
	}
	return o.toObject()
}

func (o oauth2Model) toObject() types.Object {
	if o.Scopes.IsNull() {
		o.Scopes = types.SetNull(types.StringType)
	}
	return types.ObjectValueMust(oauth2Types, map[string]attr.Value{
		"grant": o.Grant, "tenant": o.Tenant, "token_url": o.TokenURL, "scopes": o.Scopes, "client_id": o.ClientID,
		"client_secret_wo": o.ClientSecretWO, "client_secret_wo_version": o.ClientSecretWOVersion,
	})
}

// forgetOAuth2Secret has a secret planned again that is not the one that was applied.
func (m *settingsModel) forgetOAuth2Secret() {
	if m.usesOAuth2() {
		o := m.oauth2()
		o.ClientSecretWOVersion = types.StringNull()
		m.OAuth2 = o.toObject()
	}
}

// ofOAuth2 reports whether a setting, by its name in [site.Settings.Fields] or "password", is configured in oauth2. Messages
// point at the whole argument: Terraform shows no place inside one, and falls back to the resource.
func ofOAuth2(field string) bool {
	return slices.Contains([]string{"password", "grant", "token_url", "client_id", "scopes"}, field)
}

// checkOAuth2 checks what the configuration says of a login with a token.
func (m settingsModel) checkOAuth2(diags *diag.Diagnostics) {
	if !m.usesOAuth2() || m.OAuth2.IsUnknown() {
		return
	}
	o, at := m.oauth2(), path.Root("oauth2")
	if m.Username.ValueString() == "" && !m.Username.IsUnknown() {
		diags.AddAttributeError(path.Root("username"), "Username is missing", "Set username to the mailbox whose mail is sent: a login with a token needs it too.")
	}
	if !m.Password.IsNull() || !m.PasswordWO.IsNull() {
		diags.AddAttributeError(at, "Login is ambiguous", "Set either oauth2 or a password, not both.")
	}
	preset, _ := presets.ByID(m.Preset.ValueString())
	switch {
	case !o.Tenant.IsNull() && !o.TokenURL.IsNull():
		diags.AddAttributeError(at, "Token endpoint is ambiguous", "Set either tenant or token_url, not both: tenant stands for the endpoint of the preset.")
	case o.Tenant.IsNull() && o.TokenURL.IsNull():
		diags.AddAttributeError(at, "Token endpoint is missing", "Set token_url or, with preset = \"microsoft365\", tenant.")
	case !o.Tenant.IsNull() && !m.Preset.IsUnknown() && (preset.OAuth2 == nil || !preset.OAuth2.Covers(m.Region.ValueString())):
		diags.AddAttributeError(at, "Preset has no token endpoint",
			"The endpoint can be made of a tenant only with preset = \"microsoft365\" in its usual region. Set token_url and scopes instead.")
	}
	m.checkScopes(diags)
}

// checkScopes wants of Microsoft's endpoints what they take with client_credentials (AADSTS1002012, AADSTS70011).
func (m settingsModel) checkScopes(diags *diag.Diagnostics) {
	o, at := m.oauth2(), path.Root("oauth2")
	if !m.oauth2Known() {
		return
	}
	scopes := setStrings(o.Scopes)
	if err := submit.CheckScopes(site.JoinScopes(scopes)); err != nil {
		diags.AddAttributeError(at, "Value is not valid", "Scopes must be of visible ASCII characters, without spaces.")
	}
	endpoint, _ := url.Parse(o.TokenURL.ValueString())
	microsoft := !o.Tenant.IsNull() || endpoint != nil && strings.HasPrefix(endpoint.Hostname(), "login.microsoftonline.")
	fits := len(scopes) == 1 && strings.HasSuffix(scopes[0], "/.default")
	if microsoft && !fits && !(o.Scopes.IsNull() && !o.Tenant.IsNull()) {
		diags.AddAttributeError(at, "Scope is not one for an application",
			"Microsoft gives an application a token for one scope that ends in /.default: for mail that is https://outlook.office365.com/.default.")
	}
}

// checkTokenLogin refuses a login with a token where the site itself says that it has none.
func (e *entry) checkTokenLogin(ctx context.Context, c site.Change, diags *diag.Diagnostics) {
	chooser, ok := e.site.(site.TokenLogins)
	if !ok || c.Candidate.Settings.Grant == "" {
		return
	}
	takes, err := chooser.TakesTokens(ctx)
	if err == nil && !takes {
		diags.AddAttributeError(path.Root("oauth2"), "Site cannot do this", fmt.Sprintf(
			"%s (platform %q): the site logs in to its mail server with a password only. Update the software of the site, or use a password.", e.label, e.platform))
	}
}

// setStrings are the elements of a set of strings.
func setStrings(s types.Set) []string {
	var values []string
	for _, element := range s.Elements() {
		if value, ok := element.(types.String); ok {
			values = append(values, value.ValueString())
		}
	}
	return values
}

// toSet is null for no strings.
func toSet(values []string) types.Set {
	if len(values) == 0 {
		return types.SetNull(types.StringType)
	}
	elements := make([]attr.Value, len(values))
	for i, value := range values {
		elements[i] = types.StringValue(value)
	}
	return types.SetValueMust(types.StringType, elements)
}
