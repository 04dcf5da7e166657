package provider

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/float64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/sitemail/terraform-provider-smtp/internal/platform"
)

func (p *smtpProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"sites": schema.MapNestedAttribute{
			Optional: true,
			MarkdownDescription: "Sites by a key of your choice, which `smtp_settings.site` refers to. An entry has its own " +
				"`url`, `platform`, `repin`, `token`, `username` and `password`; every other argument defaults to the provider's argument of the same name.",
			NestedObject: schema.NestedAttributeObject{Attributes: entryAttributes(true), Validators: []validator.Object{account{}}},
			Validators:   []validator.Map{mapvalidator.KeysAre(stringvalidator.LengthAtLeast(1)), mapvalidator.ConflictsWith(ofOneSite()...)},
		},
	}
	attributes["test_concurrency"] = schema.Int64Attribute{
		Optional: true,
		MarkdownDescription: "Maximum concurrent test messages per mail server, across all sites. If a server reports too many connections or messages, its tests are retried after " +
			"a pause, fewer at a time. Default: `10`.",
		Validators: []validator.Int64{int64validator.AtLeast(1)},
	}
	attributes["test_inbox"] = testInboxAttribute()
	maps.Copy(attributes, entryAttributes(false))
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages the outgoing mail of sites through their admin APIs. Mail is enabled only after the mail server has accepted a test message " +
			"sent with the new settings.",
		Attributes: attributes,
	}
}

// ofOneSite are the arguments that identify one site and log in to it. Next to sites they would have no effect.
func ofOneSite() []path.Expression {
	var expressions []path.Expression
	for name := range siteAttributes(false) {
		expressions = append(expressions, path.MatchRoot(name))
	}
	return expressions
}

// entryAttributes returns the arguments of one site: within sites, those of an entry; at the top level, those of the only site and
// the defaults for entries.
func entryAttributes(entry bool) map[string]schema.Attribute {
	attributes := siteAttributes(entry)
	maps.Copy(attributes, clientAttributes())
	return attributes
}

func siteAttributes(entry bool) map[string]schema.Attribute {
	described := func(text, variable string) string {
		if entry {
			return text
		}
		return text + " Without `sites`, it can also be set with the environment variable `" + variable + "`."
	}
	return map[string]schema.Attribute{
		"url": schema.StringAttribute{
			Required:            entry,
			Optional:            !entry,
			MarkdownDescription: described("URL of the site, such as `https://client.example`, without the path of its admin page or API: the part before `/admin`, `/wp-json` (WordPress) or `/api` (PocketBase, listmonk).", "SMTP_SITE_URL"),
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"platform": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: described("Software that runs the site: "+quotedList(platform.Names())+". Default: `"+platform.SiteAdmin+"`.", "SMTP_SITE_PLATFORM"),
			Validators:          []validator.String{stringvalidator.OneOf(platform.Names()...)},
		},
		"repin": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Set to `true` for one apply after the site was rebuilt: the provider then accepts that a different site answers at `url`, tests the settings and saves them there. " +
				"Remove it afterwards; the plan warns while it is no longer needed. Default: `false`.",
		},
		"token": schema.StringAttribute{
			Optional:            true,
			Sensitive:           true,
			MarkdownDescription: described("API token of the site, instead of `username` and `password`. On WordPress, `wp site-smtp token create` creates one, and `username` and `password` beside it are those of the web server (HTTP basic authentication). Not supported on listmonk.", "SMTP_SITE_TOKEN"),
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"username": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: described("Username at the site's admin API. The platform's guide says which account to use.", "SMTP_SITE_USERNAME"),
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"password": schema.StringAttribute{
			Optional:            true,
			Sensitive:           true,
			MarkdownDescription: described("Password of `username`. On WordPress, an Application Password, unless `token` is set; on listmonk, an API token.", "SMTP_SITE_PASSWORD"),
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
	}
}

// clientAttributes are the arguments that entries of sites may override.
func clientAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"test_recipient": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Email address that receives the test messages, unless `test.recipient` is set. Required whenever a test message will be sent.",
			Validators:          []validator.String{mailAddress{}},
		},
		"ca_certificate": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "CA certificates (PEM) to trust for the site, in addition to those that this machine trusts.",
		},
		"client_certificate": schema.StringAttribute{
			Optional:            true,
			Sensitive:           true,
			MarkdownDescription: "Client certificate followed by its private key (both PEM), for sites that require mutual TLS. Default: none.",
		},
		"insecure_skip_verify": schema.BoolAttribute{
			Optional:            true,
			MarkdownDescription: "Whether to accept any certificate from the site. Anyone who can intercept the connection can then read the passwords. Default: `false`.",
		},
		"request_timeout": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Timeout of one request to the site, such as `90s`, without retries. Default: `30s`.",
			Validators:          []validator.String{duration{atLeast: minRequestTimeout}},
		},
		"max_retries": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "Maximum number of retries of a request that is safe to repeat, 0 to 10. Default: `3`.",
			Validators:          []validator.Int64{int64validator.Between(0, maxRetries)},
		},
		"requests_per_second": schema.Float64Attribute{
			Optional:            true,
			MarkdownDescription: "Maximum requests per second to one origin (scheme, host and port of `url`), after a burst of `concurrency` requests. Must be the same for all sites of an origin. Default: no limit.",
			Validators:          []validator.Float64{float64validator.AtLeast(minRequestsPerSecond)},
		},
		"concurrency": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "Maximum concurrent requests to one origin (scheme, host and port of `url`). Must be the same for all sites of an origin. Default: `10`.",
			Validators:          []validator.Int64{int64validator.AtLeast(1)},
		},
		"read_ahead": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Whether a refresh, once it has read ten sites, reads the remaining sites concurrently before Terraform asks for them, so that the delays of slow sites do not " +
				"add up. A site without a resource costs at most one request. Default: `true`.",
		},
		"local_check": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Whether the provider may also try settings from this machine, by logging in without sending a message: before saving, if the site can test " +
				"only what it has saved; and after a failed test, if the site does not say why (but never with a refresh token, which only the site may use). Default: `true`.",
		},
		"on_unreachable": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "What a refresh does if the site cannot be reached (no answer, an untrusted certificate, status 502 to 504 or 520 to 530, or something in front of the site that answers in its place): `error` fails the plan; `warn` keeps the last known " +
				"state and warns, so that one dead site does not stop the plan of the others. Default: `error`.",
			Validators: []validator.String{stringvalidator.OneOf(onUnreachableError, onUnreachableWarn)},
		},
	}
}
