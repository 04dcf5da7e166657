package provider

import (
	"cmp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

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
	return allKnown(append([]attr.Value{m.OAuth2, o.Grant, o.Tenant, o.TokenURL, o.Scopes, o.ClientID}, o.Scopes.Elements()...))
}

func (o oauth2Model) grant() site.Grant { return orClientCredentials(o.Grant) }

// orClientCredentials is the grant that an argument names, client_credentials by default.
func orClientCredentials(grant types.String) site.Grant {
	return site.Grant(cmp.Or(grant.ValueString(), string(site.ClientCredentials)))
}

// secrets are the secrets that the configuration gives, by the grant that each is for.
func (o oauth2Model) secrets() map[site.Grant]types.String {
	return map[site.Grant]types.String{
		site.ClientCredentials: o.ClientSecretWO, site.RefreshToken: o.RefreshTokenWO, site.JWTBearer: o.PrivateKeyWO,
	}
}

// password is the secret of the grant, with a refresh token joined with the client secret; null where it is missing.
func (o oauth2Model) password() types.String {
	granted := o.secrets()[o.grant()]
	switch {
	case o.Grant.IsUnknown():
		return types.StringUnknown()
	case granted.IsNull() || granted.IsUnknown() || o.grant() != site.RefreshToken:
		return granted
	case o.ClientSecretWO.IsUnknown():
		return types.StringUnknown()
	}
	return types.StringValue(secret.Join(secret.New(granted.ValueString()), secret.New(o.ClientSecretWO.ValueString())).Reveal())
}

// versions are those of the secrets, which change with them.
func (o oauth2Model) versions() [3]types.String {
	return [...]types.String{o.ClientSecretWOVersion, o.RefreshTokenWOVersion, o.PrivateKeyWOVersion}
}

// addTo adds what the argument says, and what the preset gives for it, to the settings.
func (o oauth2Model) addTo(s *site.Settings, preset presets.Preset) {
	s.Grant = o.grant()
	s.ClientID = o.ClientID.ValueString()
	s.TokenURL = o.TokenURL.ValueString()
	if s.TokenURL == "" && preset.OAuth2 != nil {
		s.TokenURL = preset.OAuth2.TokenURLOf(o.Tenant.ValueString())
	}
	scopes := setStrings(o.Scopes)
	if o.Scopes.IsNull() && preset.OAuth2 != nil {
		scopes = preset.OAuth2.Grants[s.Grant]
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
	o.ClientSecretWO, o.RefreshTokenWO, o.PrivateKeyWO = types.StringNull(), types.StringNull(), types.StringNull()
	own := m.toSettings()
	if !m.usesOAuth2() || own.Grant != s.Grant || own.TokenURL != s.TokenURL || own.ClientID != s.ClientID || own.Scopes != s.Scopes {
		o.Grant, o.Tenant, o.TokenURL = types.StringValue(string(s.Grant)), types.StringNull(), types.StringValue(s.TokenURL)
		o.ClientID = types.StringValue(s.ClientID)
		o.Scopes = toSet(strings.Fields(s.Scopes))
	}
	return o.toObject()
}

// forgetOAuth2Secret has a secret planned again that is not the one that was applied.
func (m *settingsModel) forgetOAuth2Secret() {
	if m.usesOAuth2() {
		o := m.oauth2()
		o.ClientSecretWOVersion, o.RefreshTokenWOVersion, o.PrivateKeyWOVersion = types.StringNull(), types.StringNull(), types.StringNull()
		m.OAuth2 = o.toObject()
	}
}

// locate says where a setting, by its name in [site.Settings.Fields] or "password" or "client_secret", is configured in oauth2; false
// for a setting that is none of a login with a token. One that was left out is the fault of the whole argument.
func (o oauth2Model) locate(field string) (path.Path, bool) {
	member := field
	var configured attr.Value
	switch field {
	case "password":
		member, configured = oauth2Secrets[o.grant()].name, types.StringUnknown() // no state has it
	case "client_secret":
		member, configured = oauth2Secrets[site.ClientCredentials].name, types.StringUnknown()
	case "grant":
		configured = o.Grant
	case "token_url":
		configured = o.TokenURL
		if !o.Tenant.IsNull() {
			member, configured = "tenant", o.Tenant
		}
	case "client_id":
		configured = o.ClientID
	case "scopes":
		configured = o.Scopes
	default:
		return path.Empty(), false
	}
	if configured.IsNull() {
		return path.Root("oauth2"), true
	}
	return path.Root("oauth2").AtName(member), true
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
