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
		MarkdownDescription: "What this machine, the one that runs Terraform, sees of a submission server without logging in and without sending anything. " +
			"The network of a site may be another.\n\nA server that cannot be used is no error: `ok` is false and `failure` says why, by the " +
			"same table as for a failed test. So a `check` block can warn of it, and a `postcondition` can stop the run. Terraform evaluates every " +
			"`error_message`, of assertions that hold too, and an attribute of null is an error even in a `check` block: use `text` there, and " +
			"`try()` around attributes of `failure` and `certificate`.",
		Attributes: attributes,
	}
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

func connectionArguments() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"preset": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "The mail service, by its id. It gives `host`, `port` and `encryption` where they are left out.",
			Validators:          []validator.String{presetID{}},
		},
		"region": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "The preset's region, such as `eu-west-1`, where the service has a host in each. Default: the host that the catalogue names.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.AlsoRequires(path.MatchRoot("preset"))},
		},
		"host": schema.StringAttribute{
			Optional:            true,
			Computed:            true,
			MarkdownDescription: "Name or address of the submission server. Required without a `preset`.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), text{check: submit.CheckHost}},
		},
		"port": schema.Int64Attribute{
			Optional:            true,
			Computed:            true,
			MarkdownDescription: "Port of the submission server. Required without a `preset`.",
			Validators:          []validator.Int64{int64validator.Between(1, 65535)},
		},
		"encryption": schema.StringAttribute{
			Optional:            true,
			Computed:            true,
			MarkdownDescription: "How to connect: `tls`, `starttls` or `none`, as in `smtp_settings`. Required without a `preset`.",
			Validators:          []validator.String{stringvalidator.OneOf(names(site.Encryptions())...)},
		},
		"helo_name": schema.StringAttribute{
			Optional:            true,
			Computed:            true,
			MarkdownDescription: "What this machine calls itself in EHLO. Default: its own name where that is a full one, else its address. Null where it came to no EHLO.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), text{check: submit.CheckHELOName}},
		},
		"timeout": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "How long all of it may take, such as `10s`. Default: `1m`; a single stage ends after 15 seconds at most.",
			Validators:          []validator.String{duration{atLeast: minConnectionTimeout}},
		},
		"ca_certificate": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Certificates (PEM) of authorities to trust for the server beside those that this machine trusts.",
			Validators:          []validator.String{text{check: checkCACertificate}},
		},
	}
}

// connectionResults are what a probe finds. What is in them from outside is fit to be shown.
func connectionResults() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"ok":             schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether every stage before the login was passed."},
		"failure":        failureAttribute(),
		"text":           found("What was found, on one page for people: never null, and so fit to be an `error_message`."),
		"addresses":      foundList("The IP addresses that the host has, in the resolver's order, which may change."),
		"remote_address": found("The IP address and port that took the connection; null when none did."),
		"banner":         found("How the server greeted; null when it did not."),
		"starttls": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: "Whether the server offers STARTTLS; null when it was not asked: with `encryption = \"tls\"`, and when no EHLO was answered.",
		},
		"tls_version":     found("The version of TLS that was agreed on, such as `TLS 1.3`; null without TLS."),
		"certificate":     certificateAttribute(),
		"auth_mechanisms": foundList("The mechanisms that the server offers for the login, in its order. `smtp_settings` needs `PLAIN` or `LOGIN`."),
		"size_limit":      schema.Int64Attribute{Computed: true, MarkdownDescription: "The largest message that the server takes, in bytes; null when it does not say."},
		"stages": schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The stages that were passed, in order, with the time of each, which is another in every run.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"stage":        found("The stage: `dns`, `connect`, `tls`, `banner`, `ehlo` or `starttls`."),
				"milliseconds": schema.Int64Attribute{Computed: true, MarkdownDescription: "How long the stage took, in milliseconds."},
			}},
		},
	}
}

func certificateAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Computed:            true,
		MarkdownDescription: "The server's certificate, accepted or not; null when none was seen.",
		Attributes: map[string]schema.Attribute{
			"names":      foundList("The host names and IP addresses that it is for."),
			"issuer":     found("Who issued it."),
			"not_before": found("When it becomes valid (RFC 3339)."),
			"not_after":  found("When it ends (RFC 3339)."),
			"trusted":    schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it is from an authority that is trusted, and for `host`."},
		},
	}
}

func failureAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Computed:            true,
		MarkdownDescription: "Why the server could not be used; null when it could.",
		Attributes: map[string]schema.Attribute{
			"stage":     found("The stage that was not passed."),
			"reply":     found("What the server said; null when the failure came without a reply."),
			"error":     found("What went wrong where there is no reply."),
			"id":        found("The row of the guide [failed tests](../guides/failed-tests.md)."),
			"summary":   found("One line, the same for every failure with this cause."),
			"cause":     found("What the failure means."),
			"remedy":    found("What to do."),
			"attribute": found("The argument at fault; null when none of these is."),
			"retry":     found("Whether it can heal by itself: " + quotedList(names([]site.Retry{site.RetryShort, site.RetryLong, site.RetryNever})) + " (within minutes, within a day, not)."),
			"url":       found("The mail service's own page about it; null when none is known."),
		},
	}
}

func found(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: description}
}

func foundList(description string) schema.ListAttribute {
	return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: description}
}
