package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var _ datasource.DataSourceWithConfigure = &smtpSettingsDataSource{}

type smtpSettingsDataSource struct{ sites *sites }

func newSMTPSettingsDataSource() datasource.DataSource { return &smtpSettingsDataSource{} }

type settingsDataModel struct {
	settingValues

	ID           types.String `tfsdk:"id"`
	Site         types.String `tfsdk:"site"`
	OAuth2       types.Object `tfsdk:"oauth2"`
	Enabled      types.Bool   `tfsdk:"enabled"`
	UpdatedAt    types.String `tfsdk:"updated_at"`
	UpdatedBy    types.String `tfsdk:"updated_by"`
	PasswordSet  types.Bool   `tfsdk:"password_set"`
	Verification types.Object `tfsdk:"verification"`
	LastSuccess  types.String `tfsdk:"last_success"`
	LastFailure  types.Object `tfsdk:"last_failure"`
	InForce      types.Object `tfsdk:"in_force"`
}

func (d *smtpSettingsDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_settings"
}

func (d *smtpSettingsDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.sites, _ = req.ProviderData.(*sites)
}

func (d *smtpSettingsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads the current mail settings of one site, without its password. Settings that are not set are null. If the site does not answer and " +
			"`on_unreachable` is `warn`, everything is null.",
		Attributes: map[string]schema.Attribute{
			"site": schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "Key of the site in the provider's `sites`. Optional if the provider has only one site."},
			"id":   text("ID that the site gave itself."),
			"oauth2": schema.SingleNestedAttribute{
				Computed:            true,
				MarkdownDescription: "How the site logs in with an OAuth 2.0 access token, without the secrets; null if it logs in with a password or not at all.",
				Attributes: map[string]schema.Attribute{
					"grant":     text("How the token is obtained: " + quotedList(names(site.Grants())) + "."),
					"tenant":    text("Microsoft Entra tenant in `token_url`; null for other token endpoints."),
					"token_url": text("Token endpoint."),
					"client_id": text("Application (client) ID; with `jwt_bearer` the email address of the service account."),
					"scopes":    schema.SetAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Scopes to ask for; null if there are none."},
				},
			},
			"enabled":      schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the site sends mail."},
			"updated_at":   text("When anyone last changed the settings (RFC 3339)."),
			"updated_by":   text("Who last changed the settings; null if the site does not say."),
			"password_set": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the site has a password for the mail server."},
			"verification": schema.SingleNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The passed test of exactly these settings and this password; null if there is none.",
				Attributes: map[string]schema.Attribute{
					"tested_at":  text("When the test passed (RFC 3339)."),
					"recipient":  text("Recipient of the test message."),
					"reply":      text("The mail server's final reply."),
					"message_id": text("Message-ID of the test message."),
				},
			},
			"last_success": text("When the mail server last accepted a message from the site, other than tests (RFC 3339); null if it never did or the site does not say."),
			"last_failure": schema.SingleNestedAttribute{
				Computed: true,
				MarkdownDescription: "The site's last message, other than tests, that was not accepted; null if there was none or the site does not say. Mail is failing if this " +
					"is later than `last_success`.",
				Attributes: map[string]schema.Attribute{
					"at":    text("When it failed (RFC 3339)."),
					"stage": text("Where it failed, such as `auth`, `rcpt` or `data`."),
					"said":  text("The mail server's reply, or the error if there was no reply."),
				},
			},
			"in_force": schema.SingleNestedAttribute{
				Computed: true,
				MarkdownDescription: "What sends the site's mail instead of these settings, such as another WordPress plugin; null if these settings are in force, or if the " +
					"site does not say.",
				Attributes: map[string]schema.Attribute{
					"by":                text("Its name and version."),
					"transport":         text("How it sends mail: `smtp`, `api` (the HTTP API of a mail service), `local` (the web server's own mail program), `none` (it sends nothing) or `unknown`."),
					"host":              text("Hostname of its mail server; like the attributes below, null if not known."),
					"port":              schema.Int64Attribute{Computed: true, MarkdownDescription: "Port of its mail server."},
					"encryption":        text("Encryption of its connection."),
					"username":          text("Username of its login."),
					"from_address":      text("Sender address of its mail."),
					"from_name":         text("Sender name of its mail."),
					"reply_to":          text("Address for replies to its mail."),
					"password_readable": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it has a password that the site can use. The site never returns the password."},
					"obstacle":          text("Why `smtp_settings.adopt` cannot take it over; null if it can."),
				},
			},
		},
	}
	for _, d := range flatSettings() {
		if d.Format == site.PortNumber {
			resp.Schema.Attributes[d.Name] = schema.Int64Attribute{Computed: true, MarkdownDescription: d.Description}
		} else {
			resp.Schema.Attributes[d.Name] = text(d.Description)
		}
	}
}

func (d *smtpSettingsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model settingsDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	e := d.sites.reachable(model.Site, byConfiguration, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	model.Site = types.StringValue(e.key)
	ctx, cancel := context.WithTimeout(ctx, defaultReadTimeout)
	defer cancel()
	now, err := e.readNow(ctx)
	switch {
	case err == nil:
		model.fromState(now)
		d.sites.addOutdated(&resp.Diagnostics)
	case e.tolerates(err):
		model.OAuth2 = types.ObjectNull(heldOAuth2Types)
		model.Verification, model.InForce = types.ObjectNull(siteVerificationTypes), types.ObjectNull(inForceTypes)
		model.LastFailure = types.ObjectNull(mailFailureTypes)
		resp.Diagnostics.AddWarning("Site cannot be reached, so its settings are null", fmt.Sprintf("%s: %s", e.label, err))
	default:
		if unreachable(err) {
			err = fmt.Errorf("%w\n\n%s", err, toleranceAdvice)
		}
		e.addSiteError(&resp.Diagnostics, "reading it", nowhere, err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

func (m *settingsDataModel) fromState(s site.State) {
	m.ID = types.StringValue(s.SiteID)
	m.fromSettings(s.Settings)
	m.OAuth2 = heldOAuth2Value(s.Settings)
	m.Enabled = types.BoolValue(s.Enabled)
	m.UpdatedAt = timestamp(s.UpdatedAt)
	m.UpdatedBy = orNull(s.UpdatedBy)
	m.PasswordSet = types.BoolValue(s.PasswordSet)
	m.Verification = siteVerificationValue(s.Verification)
	m.LastSuccess = timestamp(s.LastSuccess)
	m.LastFailure = mailFailureValue(s.LastFailure)
	m.InForce = inForceValue(s.InForce)
}

// heldOAuth2Types are those of what a site says about its login with a token.
var heldOAuth2Types = map[string]attr.Type{
	"grant": types.StringType, "tenant": types.StringType, "token_url": types.StringType, "client_id": types.StringType,
	"scopes": types.SetType{ElemType: types.StringType},
}

func heldOAuth2Value(s site.Settings) types.Object {
	if s.Grant == "" {
		return types.ObjectNull(heldOAuth2Types)
	}
	microsoft, _ := presets.ByID("microsoft365")
	return types.ObjectValueMust(heldOAuth2Types, map[string]attr.Value{
		"grant": types.StringValue(string(s.Grant)), "tenant": orNull(microsoft.OAuth2.TenantOf(s.TokenURL)), "token_url": types.StringValue(s.TokenURL),
		"client_id": types.StringValue(s.ClientID), "scopes": toSet(strings.Fields(s.Scopes)),
	})
}

var mailFailureTypes = map[string]attr.Type{"at": types.StringType, "stage": types.StringType, "said": types.StringType}

func mailFailureValue(f *site.MailFailure) types.Object {
	if f == nil {
		return types.ObjectNull(mailFailureTypes)
	}
	return types.ObjectValueMust(mailFailureTypes, map[string]attr.Value{
		"at": timestamp(f.At), "stage": types.StringValue(string(f.Result.Stage)), "said": types.StringValue(mailServerSaid(f.Result)),
	})
}

// siteVerificationTypes are the types of what a site itself records about a passed test.
var siteVerificationTypes = map[string]attr.Type{
	"tested_at": types.StringType, "recipient": types.StringType, "reply": types.StringType, "message_id": types.StringType,
}

func siteVerificationValue(v *site.Verification) types.Object {
	if v == nil {
		return types.ObjectNull(siteVerificationTypes)
	}
	known := verificationValue(v).Attributes()
	delete(known, "arrival")
	return types.ObjectValueMust(siteVerificationTypes, known)
}
