package provider

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/inbox"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const inboxClientSecretVariable = "SMTP_TEST_INBOX_CLIENT_SECRET"

// inboxGrants are the grants that need no storage. A refresh token would: it may be replaced each time it is used.
var inboxGrants = []site.Grant{site.ClientCredentials, site.JWTBearer}

// inboxServices are the presets with the default token endpoint and scopes, by grant.
var inboxServices = map[site.Grant]string{site.ClientCredentials: "microsoft365", site.JWTBearer: "google-workspace"}

func testInboxOAuth2Attribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Login with an OAuth 2.0 access token instead of a password. Microsoft 365 accepts nothing else over IMAP. The provider fetches the token from the machine that runs " +
			"Terraform.",
		Attributes: map[string]schema.Attribute{
			"grant": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "How the token is obtained. `client_credentials`, the default: an application with a `client_secret`, as at Microsoft. `jwt_bearer`: a service account " +
					"with a `private_key`, as at Google Workspace. Refresh tokens are not supported, because the provider cannot store a replaced one.",
				Validators: []validator.String{stringvalidator.OneOf(names(inboxGrants)...)},
			},
			"tenant": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Domain or ID of the Microsoft Entra tenant. Sets `token_url` and `scopes`.",
				Validators:          tenantValidators,
			},
			"token_url": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "URL of the token endpoint (`https`). Required without `tenant`, except with `jwt_bearer`, where it defaults to Google's.",
				Validators:          urlValidators,
			},
			"scopes": schema.SetAttribute{
				Optional:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Scopes to request. Default: the mail scopes of Microsoft or Google if `token_url` is not set.",
			},
			"client_id": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: clientIDText,
				Validators:          idValidators,
			},
			"client_secret": schema.StringAttribute{
				Optional:  true,
				Sensitive: true,
				MarkdownDescription: "Client secret of the application. Use an ephemeral variable, or the environment variable `" + inboxClientSecretVariable +
					"`: neither is stored in a plan or a state.",
				Validators: line,
			},
			"private_key": schema.StringAttribute{
				Optional:            true,
				Sensitive:           true,
				MarkdownDescription: "Private key of the service account (PEM), for `jwt_bearer`. Use an ephemeral variable.",
				Validators:          oauth2Secrets[site.JWTBearer].check,
			},
		},
	}
}

type inboxOAuth2Model struct {
	Grant        types.String `tfsdk:"grant"`
	Tenant       types.String `tfsdk:"tenant"`
	TokenURL     types.String `tfsdk:"token_url"`
	Scopes       types.Set    `tfsdk:"scopes"`
	ClientID     types.String `tfsdk:"client_id"`
	ClientSecret types.String `tfsdk:"client_secret"`
	PrivateKey   types.String `tfsdk:"private_key"`
}

// known reports whether no value is unknown.
func (m inboxOAuth2Model) known() bool {
	return allKnown(append([]attr.Value{m.Grant, m.Tenant, m.TokenURL, m.Scopes, m.ClientID, m.ClientSecret, m.PrivateKey}, m.Scopes.Elements()...))
}

// addTo makes the mailbox fetch a token for each login. It calls refuse for each argument of oauth2 that cannot be used.
func (m inboxOAuth2Model) addTo(c *inbox.Config, dial dialFunc, refuse func(argument, why string)) {
	grant := orClientCredentials(m.Grant)
	r := oauth.Request{Grant: grant, ClientID: m.ClientID.ValueString(), TokenURL: m.TokenURL.ValueString(), Scopes: site.JoinScopes(setStrings(m.Scopes)), Subject: c.Username}
	service, _ := presets.ByID(inboxServices[grant])
	switch {
	case !m.Tenant.IsNull() && !m.TokenURL.IsNull():
		refuse("tenant", "cannot be combined with token_url. Set one of them.")
	case !m.Tenant.IsNull() && (grant != site.ClientCredentials || isShared(m.Tenant.ValueString())):
		refuse("tenant", "requires grant = \"client_credentials\", and must be the tenant that the application is registered in.")
	case m.TokenURL.IsNull() && service.OAuth2.TokenURLOf(m.Tenant.ValueString()) == "":
		refuse("token_url", "is required without tenant.")
	case m.TokenURL.IsNull():
		r.TokenURL = service.OAuth2.TokenURLOf(m.Tenant.ValueString())
		if m.Scopes.IsNull() {
			r.Scopes = site.JoinScopes(service.OAuth2.Grants[grant])
		}
	}
	if err := submit.CheckScopes(r.Scopes); err != nil {
		refuse("scopes", err.Error()+".")
	}
	given, argument := orDefault(m.ClientSecret, types.StringValue(os.Getenv(inboxClientSecretVariable))), "client_secret"
	if grant == site.JWTBearer {
		given, argument = m.PrivateKey, "private_key"
	}
	if given.ValueString() == "" {
		refuse(argument, fmt.Sprintf("is required with grant = %q.", grant))
	}
	r.Secret = secret.New(given.ValueString())
	c.Secrets = []secret.Text{r.Secret}
	c.Token = func(ctx context.Context) (secret.Text, error) { return oauth.Client{DialContext: dial}.Fetch(ctx, r) }
}
