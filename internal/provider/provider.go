// Package provider is the Terraform side: schemas, plans, state and diagnostics. No other package imports the Terraform plugin
// modules.
package provider

import (
	"context"
	"net"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
)

var (
	_ provider.ProviderWithActions            = &smtpProvider{}
	_ provider.ProviderWithEphemeralResources = &smtpProvider{}
	_ provider.ProviderWithFunctions          = &smtpProvider{}
	_ provider.ProviderWithListResources      = &smtpProvider{}
)

type smtpProvider struct {
	version string
	// dial opens the connections to the sites; nil stands for the network of this machine.
	dial dialFunc
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// New returns the constructor of the provider without a server, for reading its schemas. See [NewServer].
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &smtpProvider{version: version} }
}

func (p *smtpProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "smtp"
	resp.Version = p.version
}

func (p *smtpProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var model providerModel
	resp.Diagnostics.Append(get(ctx, req.Config, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	pool := adminapi.NewPool(adminapi.PoolOptions{
		UserAgent:   userAgent(req.TerraformVersion, p.version),
		Logger:      tflogHandler{},
		DialContext: p.dial,
	})
	sites := model.toSites(pool, &resp.Diagnostics)
	sites.inbox = toTestInbox(model.TestInbox, model.TestRecipient, p.dial, &resp.Diagnostics)
	resp.ResourceData = sites
	resp.DataSourceData = sites
	resp.ListResourceData = sites
	resp.ActionData = sites
}

func (p *smtpProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newSMTPSettingsResource}
}

func (p *smtpProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newSMTPPresetsDataSource, newSMTPSettingsDataSource, newSMTPConnectionDataSource, newSMTPSenderDomainDataSource}
}

func (p *smtpProvider) Functions(context.Context) []func() function.Function {
	return []func() function.Function{newPresetFunction, newPresetForFunction}
}

func (p *smtpProvider) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{newSMTPSettingsList}
}

func (p *smtpProvider) Actions(context.Context) []func() action.Action {
	return []func() action.Action{newSendTestAction}
}

func (p *smtpProvider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{newSMTPSESPasswordEphemeralResource}
}
