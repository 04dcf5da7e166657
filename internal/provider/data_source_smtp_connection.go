package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
)

var _ datasource.DataSourceWithValidateConfig = smtpConnectionDataSource{}

type smtpConnectionDataSource struct{}

func newSMTPConnectionDataSource() datasource.DataSource { return smtpConnectionDataSource{} }

func (smtpConnectionDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_connection"
}

// ValidateConfig checks the arguments that smtp_settings has too as that does.
func (smtpConnectionDataSource) ValidateConfig(ctx context.Context, req datasource.ValidateConfigRequest, resp *datasource.ValidateConfigResponse) {
	var model connectionModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	config := model.toSettingsModel()
	config.requireEndpoint(&resp.Diagnostics)
	config.checkPreset(&resp.Diagnostics)
}

func (smtpConnectionDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model connectionModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	settings := model.toSettings()
	sender := submit.Sender{RootCAs: model.rootCAs(), Timeout: parseDuration(model.Timeout)}
	model.fromProbe(settings, sender.Probe(ctx, settings.Host, settings.Port, settings.Encryption, settings.HELOName))
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}
