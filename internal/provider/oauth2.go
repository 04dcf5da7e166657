package provider

import (
	"cmp"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// oauth2 returns the argument as a model, which is zero if it is omitted.
func (m settingsModel) oauth2() oauth2Model {
	var o oauth2Model
	fill(&o, m.OAuth2)
	return o
}

// usesOAuth2 reports whether the login uses an access token.
func (m settingsModel) usesOAuth2() bool { return !m.OAuth2.IsNull() }

// oauth2Known reports whether all settings in the argument are known.
func (m settingsModel) oauth2Known() bool {
	o := m.oauth2()
	return allKnown(append([]attr.Value{m.OAuth2, o.Grant, o.Tenant, o.TokenURL, o.Scopes, o.ClientID}, o.Scopes.Elements()...))
}

func (o oauth2Model) grant() site.Grant { return orClientCredentials(o.Grant) }

// orClientCredentials returns the grant of an argument; the default is client_credentials.
func orClientCredentials(grant types.String) site.Grant {
	return site.Grant(cmp.Or(grant.ValueString(), string(site.ClientCredentials)))
}

// secrets returns the configured secrets by grant.
func (o oauth2Model) secrets() map[site.Grant]types.String {
	return map[site.Grant]types.String{
		site.ClientCredentials: o.ClientSecretWO, site.RefreshToken: o.RefreshTokenWO, site.JWTBearer: o.PrivateKeyWO,
	}
}

// password returns the secret of the grant; null if it is missing. A refresh token is joined with the client secret.
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

// versions returns the version arguments of the secrets by grant. They change whenever the secrets do.
func (o oauth2Model) versions() map[site.Grant]types.String {
	return map[site.Grant]types.String{
		site.ClientCredentials: o.ClientSecretWOVersion, site.RefreshToken: o.RefreshTokenWOVersion, site.JWTBearer: o.PrivateKeyWOVersion,
	}
}

// hasVersion reports whether a secret has a version.
func (o oauth2Model) hasVersion() bool {
	return !maps.Equal(o.versions(), oauth2Model{}.versions())
}

// addTo adds the argument's settings, and the preset's defaults for them, to s.
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

// oauth2From returns the argument for a site's settings: unchanged if it is equivalent to them, else with the site's values, so that
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

// forgetOAuth2Secret clears the secrets' versions, so that the plan sets the secret again.
func (m *settingsModel) forgetOAuth2Secret() {
	if m.usesOAuth2() {
		o := m.oauth2()
		o.ClientSecretWOVersion, o.RefreshTokenWOVersion, o.PrivateKeyWOVersion = types.StringNull(), types.StringNull(), types.StringNull()
		m.OAuth2 = o.toObject()
	}
}

// locate returns the path in oauth2 of a field: a name in [site.Settings.Fields], "password" or "client_secret". For an omitted
// argument it is the path of oauth2 itself. It returns false for a field that oauth2 does not have.
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

// setStrings returns the elements of a set of strings.
func setStrings(s types.Set) []string {
	var values []string
	for _, element := range s.Elements() {
		if value, ok := element.(types.String); ok {
			values = append(values, value.ValueString())
		}
	}
	return values
}

// toSet returns a set of strings, or null if there are none.
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
