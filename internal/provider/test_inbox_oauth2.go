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

// inboxGrants are those that need no place to keep a secret in: a refresh token may be replaced each time that it is used.
var inboxGrants = []site.Grant{site.ClientCredentials, site.JWTBearer}

// inboxServices are the presets whose token endpoint and scopes are taken where the configuration says nothing, by the grant.
var inboxServices = map[site.Grant]string{site.ClientCredentials: "microsoft365", site.JWTBearer: "google-workspace"}

func testInboxOAuth2Attribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true,
		MarkdownDescription: "Login with an OAuth 2.0 access token instead of a password: Microsoft 365 accepts nothing else over IMAP. The provider, on the machine that runs Terraform, " +
			"fetches the token.",
		Attributes: map[string]schema.Attribute{
			"grant": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "How the token is obtained. `client_credentials`, the default: an application with a `client_secret`, as at Microsoft. `jwt_bearer`: a service account " +
					"with a `private_key`, as at Google Workspace. A refresh token cannot be used: the provider has no place to keep its successor.",
				Validators: []validator.String{stringvalidator.OneOf(names(inboxGrants)...)},
			},
			"tenant": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Microsoft Entra tenant, by domain or id. It gives `token_url` and `scopes`.",
				Validators:          tenantValidators,
			},
			"token_url": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Token endpoint, an `https` URL. Required without `tenant`; with `jwt_bearer` the default is Google's.",
				Validators:          urlValidators,
			},
			"scopes": schema.SetAttribute{
				Optional:            true,
				ElementType:         types.StringType,
				MarkdownDescription: "Scopes to ask for. Default: those of Microsoft's or Google's mail, where the endpoint is theirs by default.",
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
				MarkdownDescription: "Private key of the service account in PEM, for `jwt_bearer`. Use an ephemeral variable.",
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

// known reports whether everything of it is known.
func (m inboxOAuth2Model) known() bool {
	return allKnown(append([]attr.Value{m.Grant, m.Tenant, m.TokenURL, m.Scopes, m.ClientID, m.ClientSecret, m.PrivateKey}, m.Scopes.Elements()...))
}

// addTo has the mailbox fetch a token for each login. refuse says what is wrong with an argument of oauth2.
func (m inboxOAuth2Model) addTo(c *inbox.Config, dial dialFunc, refuse func(argument, why string)) {
	grant := orClientCredentials(m.Grant)
	r := oauth.Request{Grant: grant, ClientID: m.ClientID.ValueString(), TokenURL: m.TokenURL.ValueString(), Scopes: site.JoinScopes(setStrings(m.Scopes)), Subject: c.Username}
	service, _ := presets.ByID(inboxServices[grant])
	switch {
	case !m.Tenant.IsNull() && !m.TokenURL.IsNull():
		refuse("tenant", "stands for Microsoft's token_url. Set either of the two, not both.")
	case !m.Tenant.IsNull() && (grant != site.ClientCredentials || isShared(m.Tenant.ValueString())):
		refuse("tenant", "must be the tenant of your own that the application is registered in, with grant = \"client_credentials\".")
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
