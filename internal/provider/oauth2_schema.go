package provider

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	actionschema "github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Descriptions of the arguments of oauth2, which a resource and an action share.
const (
	oauth2Text   = "Login with an OAuth 2.0 access token instead of a password. The site fetches the token for each test and for its mail. See the guide *Microsoft 365 and Google without passwords*."
	grantText    = "How the token is obtained. `client_credentials`, the default: the application acts on its own behalf, with `client_secret_wo`. `refresh_token`: a person has consented once; with `refresh_token_wo` and, if the application has one, `client_secret_wo`. `jwt_bearer`: a service account of Google Workspace acts for the mailbox in `username`, with `private_key_wo`."
	tenantText   = "Domain or ID of the Microsoft Entra tenant, for a preset that has tenants (`microsoft365`). Sets `token_url`."
	tokenURLText = "URL of the token endpoint (`https`), which the secrets are sent to. Default: that of the preset."
	scopesText   = "Scopes to request. Default: those of the preset."
	clientIDText = "Application (client) ID; with `jwt_bearer` the email address of the service account."
)

// oauth2Secret is one of the secrets of a login with a token.
type oauth2Secret struct {
	// name is the name of the write-only argument; the name of its version argument is name + versionSuffix.
	name string
	// what is its name in messages, and text its description.
	what, text string
	check      []validator.String
}

const versionSuffix = "_version"

// missing returns the summary of an error about a secret that is needed and not set.
func (s oauth2Secret) missing() string { return s.what + " is missing" }

// line validates a secret of one line.
var line = []validator.String{stringvalidator.LengthAtLeast(1), text{check: checkCredential, trimmed: true}}

// oauth2Secrets are the secrets by grant.
var oauth2Secrets = map[site.Grant]oauth2Secret{
	site.ClientCredentials: {"client_secret_wo", "Client secret", "Client secret of the application", line},
	site.RefreshToken:      {"refresh_token_wo", "Refresh token", "Refresh token that the application received when the mailbox's owner consented. If the token endpoint replaces it, the site keeps the new one. Give each site a separate refresh token", line},
	site.JWTBearer: {
		"private_key_wo", "Private key", "Private key of the service account (PEM): the value of `private_key` in Google's JSON file",
		[]validator.String{stringvalidator.LengthAtLeast(1), text{check: func(key string) error { return oauth.CheckPrivateKey(secret.New(key)) }}},
	},
}

var (
	tenantName       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)
	grantValidators  = []validator.String{stringvalidator.OneOf(names(site.Grants())...)}
	tenantValidators = []validator.String{text{check: checkTenant}, stringvalidator.LengthBetween(1, 253)}
	urlValidators    = []validator.String{stringvalidator.LengthAtLeast(1), text{check: oauth.CheckTokenURL}}
	idValidators     = []validator.String{stringvalidator.LengthAtLeast(1), text{check: submit.CheckClientID}}
)

func checkTenant(tenant string) error {
	if !tenantName.MatchString(tenant) {
		return errors.New("must be a domain such as client.example, or the ID of a tenant")
	}
	return nil
}

// isShared reports whether tenant is one of the endpoints shared by all tenants. An application that acts on its own behalf needs
// a specific tenant (AADSTS9001023, AADSTS50194).
func isShared(tenant string) bool {
	return slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(tenant))
}

func oauth2Attribute() schema.SingleNestedAttribute {
	attributes := map[string]schema.Attribute{
		"grant":     schema.StringAttribute{Optional: true, MarkdownDescription: grantText, Validators: grantValidators},
		"tenant":    schema.StringAttribute{Optional: true, MarkdownDescription: tenantText, Validators: tenantValidators},
		"token_url": schema.StringAttribute{Optional: true, MarkdownDescription: tokenURLText, Validators: urlValidators},
		"scopes":    schema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: scopesText},
		"client_id": schema.StringAttribute{Required: true, MarkdownDescription: clientIDText, Validators: idValidators},
	}
	for _, s := range oauth2Secrets {
		version := s.name + versionSuffix
		attributes[s.name] = schema.StringAttribute{
			Optional: true, Sensitive: true, WriteOnly: true, MarkdownDescription: s.text + ". Write-only: stored neither in the plan nor in the state.",
			Validators: s.check,
		}
		attributes[version] = schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Any text or number, such as `2` or the ID of the secret. Change it whenever `" + s.name + "` changes.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		}
	}
	return schema.SingleNestedAttribute{Optional: true, MarkdownDescription: oauth2Text, Attributes: attributes}
}

// oauth2OfAction returns the same argument for an action, which stores nothing and so needs no versions.
func oauth2OfAction() actionschema.SingleNestedAttribute {
	attributes := map[string]actionschema.Attribute{
		"grant":     actionschema.StringAttribute{Optional: true, MarkdownDescription: grantText, Validators: grantValidators},
		"tenant":    actionschema.StringAttribute{Optional: true, MarkdownDescription: tenantText, Validators: tenantValidators},
		"token_url": actionschema.StringAttribute{Optional: true, MarkdownDescription: tokenURLText, Validators: urlValidators},
		"scopes":    actionschema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: scopesText},
		"client_id": actionschema.StringAttribute{Required: true, MarkdownDescription: clientIDText, Validators: idValidators},
	}
	for _, s := range oauth2Secrets {
		attributes[s.name] = actionschema.StringAttribute{Optional: true, WriteOnly: true, MarkdownDescription: s.text + ". Write-only.", Validators: s.check}
	}
	return actionschema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: "Login with an OAuth 2.0 access token instead of a password. As in `smtp_settings`.", Attributes: attributes,
	}
}

// oauth2Model is the argument oauth2: a login with an access token instead of a password.
type oauth2Model struct {
	Grant                 types.String `tfsdk:"grant"`
	Tenant                types.String `tfsdk:"tenant"`
	TokenURL              types.String `tfsdk:"token_url"`
	Scopes                types.Set    `tfsdk:"scopes"`
	ClientID              types.String `tfsdk:"client_id"`
	ClientSecretWO        types.String `tfsdk:"client_secret_wo"`
	ClientSecretWOVersion types.String `tfsdk:"client_secret_wo_version"`
	RefreshTokenWO        types.String `tfsdk:"refresh_token_wo"`
	RefreshTokenWOVersion types.String `tfsdk:"refresh_token_wo_version"`
	PrivateKeyWO          types.String `tfsdk:"private_key_wo"`
	PrivateKeyWOVersion   types.String `tfsdk:"private_key_wo_version"`
}

var oauth2Types = map[string]attr.Type{
	"grant": types.StringType, "tenant": types.StringType, "token_url": types.StringType, "scopes": types.SetType{ElemType: types.StringType},
	"client_id": types.StringType, "client_secret_wo": types.StringType, "client_secret_wo_version": types.StringType,
	"refresh_token_wo": types.StringType, "refresh_token_wo_version": types.StringType,
	"private_key_wo": types.StringType, "private_key_wo_version": types.StringType,
}

func (o oauth2Model) toObject() types.Object {
	if o.Scopes.IsNull() {
		o.Scopes = types.SetNull(types.StringType)
	}
	return types.ObjectValueMust(oauth2Types, map[string]attr.Value{
		"grant": o.Grant, "tenant": o.Tenant, "token_url": o.TokenURL, "scopes": o.Scopes, "client_id": o.ClientID,
		"client_secret_wo": o.ClientSecretWO, "client_secret_wo_version": o.ClientSecretWOVersion,
		"refresh_token_wo": o.RefreshTokenWO, "refresh_token_wo_version": o.RefreshTokenWOVersion,
		"private_key_wo": o.PrivateKeyWO, "private_key_wo_version": o.PrivateKeyWOVersion,
	})
}
