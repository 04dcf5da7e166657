package provider

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	actionschema "github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// The texts and the checks of the arguments of oauth2, which a resource and an action share.
const (
	oauth2Text   = "Login with an OAuth 2.0 access token instead of a password. The site fetches the token for each test and for its mail. See the guide *Microsoft 365 and Google without passwords*."
	grantText    = "How the token is obtained. `client_credentials`, the default: the application acts for itself, with `client_secret_wo`. `refresh_token`: a person allowed it once, with `refresh_token_wo` and, where the application has one, `client_secret_wo`. `jwt_bearer`: a service account of Google Workspace acts for the mailbox in `username`, with `private_key_wo`."
	tenantText   = "Microsoft Entra tenant, by domain or id, with a preset that has tenants (`microsoft365`). It gives `token_url`."
	tokenURLText = "Token endpoint, an `https` URL. Default: that of the preset. The secrets are sent there."
	scopesText   = "Scopes to ask for. Default: those of the preset."
	clientIDText = "Application (client) ID; with `jwt_bearer` the email address of the service account."
)

// oauth2Secret is one of the secrets of a login with a token.
type oauth2Secret struct {
	// name is that of the write-only argument; its version is name with a suffix.
	name string
	// what names it in messages, and text says what it is.
	what, text string
	check      []validator.String
}

const versionSuffix = "_version"

// line is a secret of one line.
var line = []validator.String{stringvalidator.LengthAtLeast(1), text{check: checkCredential, trimmed: true}}

// oauth2Secrets are the secrets, by the grant that each is for.
var oauth2Secrets = map[site.Grant]oauth2Secret{
	site.ClientCredentials: {"client_secret_wo", "Client secret", "Client secret of the application", line},
	site.RefreshToken:      {"refresh_token_wo", "Refresh token", "Refresh token that the mailbox's owner allowed the application. Where the token endpoint replaces it, the site keeps the successor. Give each site a refresh token of its own", line},
	site.JWTBearer: {
		"private_key_wo", "Private key", "Private key of the service account in PEM: the member `private_key` of Google's JSON file",
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
		return errors.New("must be a domain such as client.example, or the id of a tenant")
	}
	return nil
}

// isShared reports whether a tenant stands for any: an application that acts for itself is of one tenant (AADSTS9001023, AADSTS50194).
func isShared(tenant string) bool {
	return slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(tenant))
}

func oauth2Attribute() schema.SingleNestedAttribute {
	sibling := func(name string) path.Expression { return path.MatchRelative().AtParent().AtName(name) }
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
			Optional: true, Sensitive: true, WriteOnly: true, MarkdownDescription: s.text + "; write-only: in no plan and no state.",
			Validators: append(slices.Clone(s.check), stringvalidator.AlsoRequires(sibling(version))),
		}
		attributes[version] = schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Any text to change whenever `" + s.name + "` changes, such as a number or the id of the secret.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.AlsoRequires(sibling(s.name))},
		}
	}
	return schema.SingleNestedAttribute{Optional: true, MarkdownDescription: oauth2Text, Attributes: attributes}
}

// oauth2OfAction is the same argument of an action, which keeps nothing and needs no version.
func oauth2OfAction() actionschema.SingleNestedAttribute {
	attributes := map[string]actionschema.Attribute{
		"grant":     actionschema.StringAttribute{Optional: true, MarkdownDescription: grantText, Validators: grantValidators},
		"tenant":    actionschema.StringAttribute{Optional: true, MarkdownDescription: tenantText, Validators: tenantValidators},
		"token_url": actionschema.StringAttribute{Optional: true, MarkdownDescription: tokenURLText, Validators: urlValidators},
		"scopes":    actionschema.SetAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: scopesText},
		"client_id": actionschema.StringAttribute{Required: true, MarkdownDescription: clientIDText, Validators: idValidators},
	}
	for _, s := range oauth2Secrets {
		attributes[s.name] = actionschema.StringAttribute{Optional: true, WriteOnly: true, MarkdownDescription: s.text + "; write-only.", Validators: s.check}
	}
	return actionschema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: "Login with an OAuth 2.0 access token instead of a password. As in `smtp_settings`.", Attributes: attributes,
	}
}

// oauth2Model is the argument oauth2: a login with a token instead of a password.
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
