package provider

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// checkOAuth2 checks the configuration of a login with an access token.
func (m settingsModel) checkOAuth2(diags *diag.Diagnostics) {
	if !m.usesOAuth2() || m.OAuth2.IsUnknown() {
		return
	}
	switch user := m.Username.ValueString(); {
	case user == "" && !m.Username.IsUnknown():
		diags.AddAttributeError(path.Root("username"), "Username is missing", "Set username to the mailbox that sends the mail: a login with a token needs it too.")
	case strings.HasSuffix(user, ".gserviceaccount.com"):
		diags.AddAttributeError(path.Root("username"), "Username is not a mailbox", "Set username to the mailbox that sends the mail. The service account belongs in oauth2.client_id.")
	}
	if !m.Password.IsNull() || !m.PasswordWO.IsNull() {
		diags.AddAttributeError(path.Root("oauth2"), "Login is ambiguous", "Set either oauth2 or a password, not both.")
	}
	if m.oauth2().Grant.IsUnknown() {
		return
	}
	m.checkTokenEndpoint(diags)
	m.oauth2().checkSecrets(diags)
	m.checkScopes(diags)
	m.checkApplication(diags)
}

// checkTokenEndpoint requires that exactly one argument determines the token endpoint.
func (m settingsModel) checkTokenEndpoint(diags *diag.Diagnostics) {
	o, at := m.oauth2(), path.Root("oauth2")
	preset, _ := presets.ByID(m.Preset.ValueString())
	fromPreset := preset.OAuth2 != nil && preset.OAuth2.Covers(m.Region.ValueString())
	switch {
	case !o.Tenant.IsNull() && !o.TokenURL.IsNull():
		diags.AddAttributeError(at.AtName("tenant"), "Token endpoint is ambiguous", "Set either tenant or token_url, not both: tenant determines the token endpoint of the preset.")
	case isShared(o.microsoftTenant()) && o.grant() == site.ClientCredentials:
		atTenant, _ := o.locate("token_url")
		diags.AddAttributeError(atTenant, "Tenant does not name one organization", fmt.Sprintf(
			"The tenant is %q: client_credentials does not work with common, organizations and consumers. Use the tenant that the application is registered in.", o.microsoftTenant()))
	case m.Preset.IsUnknown() || m.Region.IsUnknown() || !o.TokenURL.IsNull():
	case !o.Tenant.IsNull() && (!fromPreset || !preset.OAuth2.NeedsTenant()):
		diags.AddAttributeError(at.AtName("tenant"), "Preset has no token endpoint",
			"tenant works only with preset = \"microsoft365\" in its default region. Set token_url and scopes instead.")
	case o.Tenant.IsNull() && (!fromPreset || preset.OAuth2.NeedsTenant()):
		diags.AddAttributeError(at, "Token endpoint is missing", "Set token_url or, with preset = \"microsoft365\", tenant.")
	case !slices.Contains(preset.OAuth2.GrantNames(), o.grant()):
		atGrant, _ := o.locate("grant")
		diags.AddAttributeError(atGrant, "Mail service has no such grant", fmt.Sprintf(
			"%s does not support grant %q for mail. It supports %s.", preset.Name, o.grant(), quotedList(names(preset.OAuth2.GrantNames()))))
	}
}

// uses reports whether the configured grant uses the secret of the given one: a refresh token is used with a client secret.
func (o oauth2Model) uses(secretOf site.Grant) bool {
	return secretOf == o.grant() || secretOf == site.ClientCredentials && o.grant() == site.RefreshToken
}

// checkSecrets refuses a secret that is for another grant. The plan checks for a missing secret, because it knows whether one is needed.
func (o oauth2Model) checkSecrets(diags *diag.Diagnostics) {
	for _, grant := range site.Grants() {
		if set := !o.secrets()[grant].IsNull() || !o.versions()[grant].IsNull(); set && !o.uses(grant) {
			diags.AddAttributeError(path.Root("oauth2").AtName(oauth2Secrets[grant].name), "Secret is for another grant", fmt.Sprintf(
				"%s is for grant = %q, but the grant is %q, which uses %s.", oauth2Secrets[grant].name, grant, o.grant(), oauth2Secrets[o.grant()].name))
		}
	}
	if o.grant() == site.RefreshToken && o.RefreshTokenWO.IsNull() && o.RefreshTokenWOVersion.IsNull() && !o.ClientSecretWO.IsNull() {
		diags.AddAttributeError(path.Root("oauth2"), oauth2Secrets[site.RefreshToken].missing(),
			"A site keeps client_secret_wo and refresh_token_wo together. Set refresh_token_wo and refresh_token_wo_version, too.")
	}
}

// checkScopes checks the scopes, which Microsoft's endpoints restrict with client_credentials (AADSTS1002012, AADSTS70011).
func (m settingsModel) checkScopes(diags *diag.Diagnostics) {
	o := m.oauth2()
	at, _ := o.locate("scopes")
	if !m.oauth2Known() {
		return
	}
	scopes := setStrings(o.Scopes)
	notOne := func(scope string) bool { return scope == "" || strings.Contains(scope, " ") }
	if slices.ContainsFunc(scopes, notOne) || submit.CheckScopes(site.JoinScopes(scopes)) != nil {
		diags.AddAttributeError(at, "Value is not valid", "Each element of scopes must be one scope: visible ASCII characters, without spaces.")
	}
	fits := len(scopes) == 1 && strings.HasSuffix(scopes[0], "/.default")
	if o.grant() == site.ClientCredentials && o.microsoftTenant() != "" && !fits && !(o.Scopes.IsNull() && !o.Tenant.IsNull()) {
		diags.AddAttributeError(at, "Scope is not valid for an application",
			"Microsoft issues tokens to an application only for a single scope that ends in /.default. For mail, use https://outlook.office365.com/.default.")
	}
}

// microsoftEndpoint matches the token endpoints of Microsoft Entra in all its clouds (https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud).
var microsoftEndpoint = regexp.MustCompile(`(?i)^https://login\.(?:partner\.)?microsoftonline\.(?:com|us|cn)/([^/]+)/`)

// microsoftTenant returns the tenant of Microsoft's that the token comes from; empty for another service.
func (o oauth2Model) microsoftTenant() string {
	if match := microsoftEndpoint.FindStringSubmatch(o.TokenURL.ValueString()); match != nil {
		return match[1]
	}
	return o.Tenant.ValueString()
}

// uuid matches the form of Microsoft's IDs. Its secrets have a different form.
var uuid = regexp.MustCompile(`(?i)^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// checkApplication warns about two IDs that are easily mistaken for the value needed, because the service shows them next to it.
func (m settingsModel) checkApplication(diags *diag.Diagnostics) {
	o := m.oauth2()
	if o.microsoftTenant() != "" && uuid.MatchString(strings.TrimSpace(o.ClientSecretWO.ValueString())) {
		diags.AddAttributeWarning(path.Root("oauth2").AtName("client_secret_wo"), "Client secret looks like an ID",
			"client_secret_wo has the form of a secret's ID. Use the secret's Value, which Microsoft shows once, when the secret is created.")
	}
	preset, _ := presets.ByID(m.Preset.ValueString())
	if id := o.ClientID.ValueString(); preset.OAuth2 != nil && o.grant() == site.JWTBearer && id != "" && !strings.Contains(id, "@") {
		diags.AddAttributeWarning(path.Root("oauth2").AtName("client_id"), "Client ID is unusual for the mail service", fmt.Sprintf(
			"client_id = %q: with jwt_bearer, it is the email address of the service account, client_email in its JSON file.", id))
	}
}

// checkTokenLogin refuses a login with a token if the site reports that it does not support token logins, or not this grant.
func (e *entry) checkTokenLogin(ctx context.Context, c site.Change, config settingsModel, diags *diag.Diagnostics) {
	chooser, ok := e.site.(site.TokenLogins)
	grant := c.Candidate.Settings.Grant
	if !ok || grant == "" {
		return
	}
	grants, err := chooser.Grants(ctx)
	if err != nil || slices.Contains(grants, grant) {
		return
	}
	at, _ := config.inResource("grant")
	detail := fmt.Sprintf("%s (platform %q): the site can log in to its mail server only with a password. Update the site's software, or use a password.", e.label, e.platform)
	if len(grants) > 0 {
		detail = fmt.Sprintf("%s (platform %q): the site does not support grant %q, only %s. Update the site's software, or change grant.",
			e.label, e.platform, grant, quotedList(names(grants)))
	}
	diags.AddAttributeError(at, "Site cannot do this", detail)
}
