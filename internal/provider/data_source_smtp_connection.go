package provider

import (
	"context"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var _ datasource.DataSourceWithValidateConfig = smtpConnectionDataSource{}

type smtpConnectionDataSource struct{}

const minConnectionTimeout = 100 * time.Millisecond

func newSMTPConnectionDataSource() datasource.DataSource { return smtpConnectionDataSource{} }

func (smtpConnectionDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_connection"
}

func (smtpConnectionDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := connectionArguments()
	maps.Copy(attributes, connectionResults())
	resp.Schema = schema.Schema{
		MarkdownDescription: "Connects to a mail server from the machine that runs Terraform, without logging in and without sending anything. " +
			"A site may be in a different network.\n\nAn unusable server does not fail the run: `ok` is false and `failure` says why, with the " +
			"same diagnosis as a failed test. A `check` block can warn about it, and a `postcondition` can stop the run. Terraform evaluates every " +
			"`error_message`, even of assertions that hold, and an attribute of null is an error even in a `check` block: use `text` there, and " +
			"`try()` around attributes of `failure` and `certificate`.",
		Attributes: attributes,
	}
}

// ValidateConfig checks the arguments shared with smtp_settings by the same rules.
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

func connectionArguments() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"preset": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "ID of a mail service in the catalogue. Sets `host`, `port` and `encryption` unless they are set here.",
			Validators:          []validator.String{presetID{}},
		},
		"region": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Region of the preset, such as `eu-west-1`, for services with a host per region. Default: the catalogue's default host.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.AlsoRequires(path.MatchRoot("preset"))},
		},
		"host": schema.StringAttribute{
			Optional:            true,
			Computed:            true,
			MarkdownDescription: "Hostname or IP address of the mail server. Required without a `preset`.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), text{check: submit.CheckHost}},
		},
		"port": schema.Int64Attribute{
			Optional:            true,
			Computed:            true,
			MarkdownDescription: "Port of the mail server. Required without a `preset`.",
			Validators:          []validator.Int64{int64validator.Between(1, 65535)},
		},
		"encryption": schema.StringAttribute{
			Optional:            true,
			Computed:            true,
			MarkdownDescription: "Encryption of the connection: `tls`, `starttls` or `none`, as in `smtp_settings`. Required without a `preset`.",
			Validators:          []validator.String{stringvalidator.OneOf(names(site.Encryptions())...)},
		},
		"helo_name": schema.StringAttribute{
			Optional:            true,
			Computed:            true,
			MarkdownDescription: "Name that this machine gives itself in EHLO. Default: its hostname if that is fully qualified, else its IP address. Null if the connection did not get as far as EHLO.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), text{check: submit.CheckHELOName}},
		},
		"timeout": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Timeout for all stages together, such as `10s`. Default: `1m`. Each stage has at most 15 seconds.",
			Validators:          []validator.String{duration{atLeast: minConnectionTimeout}},
		},
		"ca_certificate": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "CA certificates (PEM) to trust for the server, in addition to those that this machine trusts.",
			Validators:          []validator.String{text{check: checkCACertificate}},
		},
	}
}

// connectionResults are the attributes for what a probe found. Text from the server has been cleaned.
func connectionResults() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"ok":             schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether every stage before the login passed."},
		"failure":        failureAttribute(),
		"text":           found("The result in words. Never null, so it can be an `error_message`."),
		"addresses":      foundList("IP addresses of the host, in the order that the resolver returned, which may change."),
		"remote_address": found("IP address and port that accepted the connection; null if none did."),
		"banner":         found("Greeting of the server; null if there was none. Many servers include an ID that differs each time."),
		"starttls": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: "Whether the server offers STARTTLS; null with `encryption = \"tls\"`, or if no EHLO was answered.",
		},
		"tls_version":     found("TLS version of the connection, such as `TLS 1.3`; null without TLS."),
		"certificate":     certificateAttribute(),
		"auth_mechanisms": foundList("Login mechanisms that the server offers, in its order. A password needs `PLAIN` or `LOGIN`."),
		"size_limit":      schema.Int64Attribute{Computed: true, MarkdownDescription: "Maximum message size in bytes; null if the server does not say."},
		"stages": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "Stages that passed, in order, with the time each took, which differs in every run.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"stage":        found("Name of the stage: `dns`, `connect`, `tls`, `banner`, `ehlo` or `starttls`."),
				"milliseconds": schema.Int64Attribute{Computed: true, MarkdownDescription: "Duration of the stage in milliseconds."},
			}},
		},
	}
}

func certificateAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Computed:            true,
		MarkdownDescription: "The server's certificate, whether trusted or not; null if there was none.",
		Attributes: map[string]schema.Attribute{
			"names":      foundList("Hostnames and IP addresses that it is valid for."),
			"issuer":     found("Issuer."),
			"not_before": found("Start of its validity (RFC 3339)."),
			"not_after":  found("End of its validity (RFC 3339)."),
			"trusted":    schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it was issued by a trusted authority and is valid for `host`."},
		},
	}
}

func failureAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Computed:            true,
		MarkdownDescription: "Why the server cannot be used; null if it can.",
		Attributes: map[string]schema.Attribute{
			"stage":     found("Stage that failed."),
			"reply":     found("Reply of the server; null if there was none."),
			"error":     found("Error, if there is no reply."),
			"id":        found("ID of the diagnosis in the guide [failed tests](../guides/failed-tests.md)."),
			"summary":   found("Summary of the diagnosis in one line."),
			"cause":     found("Cause."),
			"remedy":    found("What to do about it."),
			"attribute": found("Argument at fault; null if none is."),
			"retry":     found("Whether a retry can help: " + quotedList(names([]site.Retry{site.RetryShort, site.RetryLong, site.RetryNever})) + " (within minutes, within a day, never)."),
			"url":       found("The mail service's own page about it; null if none is known."),
		},
	}
}

func found(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

func foundList(description string) schema.ListAttribute {
	return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
}
