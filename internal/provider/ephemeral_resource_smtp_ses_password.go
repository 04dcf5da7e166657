package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/ses"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

var _ ephemeral.EphemeralResource = smtpSESPasswordEphemeralResource{}

type smtpSESPasswordEphemeralResource struct{}

func newSMTPSESPasswordEphemeralResource() ephemeral.EphemeralResource {
	return smtpSESPasswordEphemeralResource{}
}

type sesPasswordModel struct {
	SecretAccessKey types.String `tfsdk:"secret_access_key"`
	Region          types.String `tfsdk:"region"`
	Password        types.String `tfsdk:"password"`
}

func (smtpSESPasswordEphemeralResource) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_ses_password"
}

func (smtpSESPasswordEphemeralResource) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Derives the Amazon SES SMTP password of an IAM user, for `smtp_settings.password_wo`, from the user's secret " +
			"access key, [as AWS describes](https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html). This happens on this machine, without a " +
			"request to AWS, and the password is stored neither in the plan nor in the state. The username is the access key ID (`AKIA…`); the user needs the " +
			"permission `ses:SendRawEmail`.\n\nNeeds Terraform 1.10 or OpenTofu 1.11, and 1.11 for `password_wo`.",
		Attributes: map[string]schema.Attribute{
			"secret_access_key": schema.StringAttribute{
				Required:            true,
				Sensitive:           true,
				MarkdownDescription: "Secret access key of the IAM user. Temporary credentials do not work: Amazon SES accepts no password derived from them.",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1), text{check: checkCredential, trimmed: true}},
			},
			"region": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "AWS region of the mail server, such as `eu-west-1`. Each region has a different password.",
				Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"password": schema.StringAttribute{
				Computed:            true,
				Sensitive:           true,
				MarkdownDescription: "SMTP password, for `smtp_settings.password_wo`; the username is the access key ID.",
			},
		},
	}
}

func (smtpSESPasswordEphemeralResource) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var model sesPasswordModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	addUnknownRegion(model.Region.ValueString(), &resp.Diagnostics)
	password := ses.Password(secret.New(model.SecretAccessKey.ValueString()), model.Region.ValueString())
	model.Password = types.StringValue(password.Reveal())
	resp.Diagnostics.Append(resp.Result.Set(ctx, &model)...)
}

// addUnknownRegion warns about a region that is not in the catalogue; it is no error, because AWS opens new regions. It runs when the
// resource is opened, because Terraform validates an ephemeral resource twice in each run and would show the warning twice.
func addUnknownRegion(region string, diags *diag.Diagnostics) {
	preset, _ := presets.ByID("amazon-ses")
	regions := preset.RegionNames()
	if slices.Contains(regions, region) {
		return
	}
	diags.AddAttributeWarning(path.Root("region"), "Region has no known mail server", fmt.Sprintf(
		"Preset amazon-ses knows no host in region %q. If it is misspelt, the password will not be accepted. Known are %s.", region, quotedList(regions)))
}
