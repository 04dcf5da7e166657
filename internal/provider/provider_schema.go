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
			MarkdownDescription: "The sites, by a key of your choice, which `smtp_settings.site` refers to. An entry has " +
				"`url`, `platform`, `repin`, `token`, `username` and `password` of its own; everything else takes its default from the provider's argument of the same name.",
			NestedObject: schema.NestedAttributeObject{Attributes: entryAttributes(true), Validators: []validator.Object{account{}}},
			Validators:   []validator.Map{mapvalidator.KeysAre(stringvalidator.LengthAtLeast(1)), mapvalidator.ConflictsWith(ofOneSite()...)},
		},
	}
	attributes["test_concurrency"] = schema.Int64Attribute{
		Optional: true,
		MarkdownDescription: "The most test messages at a time to one submission server, over all sites. A server that says that this is too much gets " +
			"fewer, after a pause, and its tests are made again. Default: 10.",
		Validators: []validator.Int64{int64validator.AtLeast(1)},
	}
	attributes["test_inbox"] = testInboxAttribute()
	maps.Copy(attributes, entryAttributes(false))
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages the outgoing mail of sites through their admin APIs. Mail is enabled only after a test message " +
			"with the new settings was accepted.",
		Attributes: attributes,
	}
}

// ofOneSite are the arguments that say which site it is and how to log in to it: beside sites they would be lost.
func ofOneSite() []path.Expression {
	var expressions []path.Expression
	for name := range siteAttributes(false) {
		expressions = append(expressions, path.MatchRoot(name))
	}
	return expressions
}

// entryAttributes are the arguments of one site: at the top level those of the only site and the defaults, and within
// sites those of an entry.
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
		return text + " Without `sites`, the environment variable `" + variable + "` stands in for it."
	}
	return map[string]schema.Attribute{
		"url": schema.StringAttribute{
			Required:            entry,
			Optional:            !entry,
			MarkdownDescription: described("Where the site is, such as `https://client.example`: for WordPress its address, for PocketBase and listmonk where `/api` is, else where `/admin` is.", "SMTP_SITE_URL"),
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"platform": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: described("The software that runs the site: "+quotedList(platform.Names())+". Default: `"+platform.SiteAdmin+"`.", "SMTP_SITE_PLATFORM"),
			Validators:          []validator.String{stringvalidator.OneOf(platform.Names()...)},
		},
		"repin": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Accept that another site answers at `url` than the one that is managed, because it was rebuilt: the settings are then " +
				"tested and saved anew. Take it out again after one apply.",
		},
		"token": schema.StringAttribute{
			Optional:            true,
			Sensitive:           true,
			MarkdownDescription: described("API token of the site, instead of `username` and `password`. On WordPress, `wp site-smtp token create` makes one; listmonk has none.", "SMTP_SITE_TOKEN"),
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"username": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: described("Name to log in to the site with. The guide of the platform says which account that is.", "SMTP_SITE_USERNAME"),
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"password": schema.StringAttribute{
			Optional:            true,
			Sensitive:           true,
			MarkdownDescription: described("What `username` logs in to the site with: a password or, in WordPress, an Application Password, in listmonk an API token.", "SMTP_SITE_PASSWORD"),
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
	}
}

// clientAttributes are the arguments that entries of sites may override.
func clientAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"test_recipient": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Mail address that gets the test messages, unless the resource says otherwise. Needed wherever a test is due.",
			Validators:          []validator.String{mailAddress{}},
		},
		"ca_certificate": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Certificates (PEM) of authorities to trust for the site beside those that this machine trusts.",
		},
		"client_certificate": schema.StringAttribute{
			Optional:            true,
			Sensitive:           true,
			MarkdownDescription: "Certificate and private key (both PEM, one after the other) to show to the site. Default: none.",
		},
		"insecure_skip_verify": schema.BoolAttribute{
			Optional:            true,
			MarkdownDescription: "Accept any certificate of the site. Whoever is on the way then reads the passwords. Default: `false`.",
		},
		"request_timeout": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "How long one attempt of a call to the site may take, such as `90s`; see `max_retries`. Default: `30s`.",
			Validators:          []validator.String{duration{atLeast: minRequestTimeout}},
		},
		"max_retries": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "How many times a call that is safe to repeat is repeated, 0 to 10. Default: 3.",
			Validators:          []validator.Int64{int64validator.Between(0, maxRetries)},
		},
		"requests_per_second": schema.Float64Attribute{
			Optional:            true,
			MarkdownDescription: "The most calls a second to one origin (scheme, host and port of `url`), once `concurrency` calls were made; the same for all its sites. Default: no limit.",
			Validators:          []validator.Float64{float64validator.AtLeast(minRequestsPerSecond)},
		},
		"concurrency": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "The most calls at a time to one origin (scheme, host and port of `url`); the same for all its sites. Default: 10.",
			Validators:          []validator.Int64{int64validator.AtLeast(1)},
		},
		"read_ahead": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Whether a refresh that has read ten sites reads the other ones side by side, before Terraform asks for them: then slow sites do not " +
				"add up. A site without a resource costs at most one read. Default: `true`.",
		},
		"local_check": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Whether settings may also be tried from this machine, by a login without a message: before they are saved, where a " +
				"site can test only what it has saved; and after a failed test, where a site does not say why. Default: `true`.",
		},
		"on_unreachable": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "What a refresh does when a site cannot be reached (no answer, a certificate that is not trusted, status 502, 503 or 504): `error` fails the plan; `warn` keeps the site's last known " +
				"state, with a warning, so that one dead site does not stop the plan of all others. Default: `error`.",
			Validators: []validator.String{stringvalidator.OneOf(onUnreachableError, onUnreachableWarn)},
		},
	}
}
