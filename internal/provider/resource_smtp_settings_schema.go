package provider

import (
	"context"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func (r *smtpSettingsResource) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	attributes := map[string]schema.Attribute{}
	for _, group := range []map[string]schema.Attribute{endpointAttributes(), settingAttributes(), passwordAttributes(), behaviourAttributes(), computedAttributes()} {
		maps.Copy(attributes, group)
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Manages the mail settings of one site. If a change affects delivery, applying it sends a test message with the " +
			"new settings and the password; they are saved, and mail is enabled, only if the mail server accepts it. A failed " +
			"test leaves the site as it was, unless its platform can test only saved settings.",
		Attributes: attributes,
		Blocks: map[string]schema.Block{
			"timeouts": withMinimum(timeouts.Block(ctx, timeouts.Opts{
				Create: true, Read: true, Update: true, Delete: true,
				CreateDescription: timeoutDescription("creating the resource", "`5m` plus `retry_for` and `wait`"),
				ReadDescription:   timeoutDescription("refreshing the resource", "`2m`"),
				UpdateDescription: timeoutDescription("updating the resource", "`5m` plus `retry_for` and `wait`"),
				DeleteDescription: timeoutDescription("destroying the resource", "`5m`"),
			})),
		},
	}
}

// withMinimum refuses timeouts that are too short to do anything. Once in the state, they would make every plan fail.
func withMinimum(block schema.Block) schema.Block {
	nested, _ := block.(schema.SingleNestedBlock)
	for name, attribute := range nested.Attributes {
		text, _ := attribute.(schema.StringAttribute)
		text.Validators = append(text.Validators, duration{atLeast: minTimeout})
		nested.Attributes[name] = text
	}
	return nested
}

func timeoutDescription(operation, byDefault string) string {
	return "Timeout for " + operation + ", such as `90s`. Default: " + byDefault + "."
}

func endpointAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"site": schema.StringAttribute{
			Optional: true,
			Computed: true,
			MarkdownDescription: "Key of the site in the provider's `sites`. Optional if the provider has only one site. A renamed key is updated " +
				"in place if the same site answers there; if a different site answers, the resource is replaced.",
			Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"preset": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "ID of a mail service in the catalogue (data source `smtp_presets`). Sets `host`, `port` and `encryption` unless they are set here.",
			Validators:          []validator.String{presetID{}},
		},
		"region": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Region of the preset, such as `eu-west-1`, for services with a host per region. Default: the catalogue's default host.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.AlsoRequires(path.MatchRoot("preset"))},
		},
	}
}

// derivedSettings are the settings that the plan fills in if they are omitted, with the description of their defaults.
var derivedSettings = map[string]string{
	"host":         "Required without a `preset` or `adopt`.",
	"port":         "Required without a `preset` or `adopt`.",
	"encryption":   "Required without a `preset` or `adopt`.",
	"username":     "Default: none or, with `adopt`, that of the site.",
	"from_address": "Default: `username`, if that is an email address, or, with `adopt`, that of the site.",
	"from_name":    "Default: none or, with `adopt`, that of the site.",
	"reply_to":     "With `adopt`, default: that of the site.",
}

// settingAttributes returns the attributes that follow from the declarations of the settings.
func settingAttributes() map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{}
	for _, d := range flatSettings() {
		from, derived := derivedSettings[d.Name]
		description := strings.TrimSpace(d.Description + " " + from)
		if d.Format == site.PortNumber {
			attributes[d.Name] = schema.Int64Attribute{Optional: true, Computed: derived, MarkdownDescription: description, Validators: portValidators()}
		} else {
			attributes[d.Name] = schema.StringAttribute{Optional: true, Computed: derived, MarkdownDescription: description, Validators: textValidators(d)}
		}
	}
	return attributes
}

func passwordAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"password": schema.StringAttribute{
			Optional:            true,
			Sensitive:           true,
			MarkdownDescription: "Password for `username`. Stored in Terraform's state: use `password_wo` instead, unless Terraform is older than 1.11.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), text{check: checkCredential, trimmed: true}, stringvalidator.ConflictsWith(path.MatchRoot("password_wo"))},
		},
		"password_wo": schema.StringAttribute{
			Optional:  true,
			Sensitive: true,
			WriteOnly: true,
			MarkdownDescription: "Password for `username`, usually an app password. Write-only: stored neither in the plan nor in the state. Terraform cannot see that it " +
				"changes, so bump `password_wo_version` whenever it does.",
			Validators: []validator.String{stringvalidator.LengthAtLeast(1), text{check: checkCredential, trimmed: true}},
		},
		"password_wo_version": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Any text or number, such as `2` or a hash of the password. A new password takes effect only with a new version, or together with a change of " +
				"another setting, which tests and saves the current `password_wo` too.",
			Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"oauth2": oauth2Attribute(),
		"adopt": schema.BoolAttribute{
			Optional: true,
			MarkdownDescription: "Whether to take over from another plugin that sends the site's mail now. Settings that are omitted here, and the password, come from that plugin; the site tests and " +
				"saves the password but never returns it. The other plugin keeps its settings but no longer sends; destroying this resource with `on_destroy = \"clear\"` lets it send again. After " +
				"adoption, omitted settings keep the site's values. Requires WordPress with the plugin Site SMTP 0.2 or newer. Default: `false`.",
		},
	}
}

func behaviourAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"enabled": schema.BoolAttribute{
			Optional:            true,
			Computed:            true,
			Default:             booldefault.StaticBool(true),
			MarkdownDescription: "Whether the site sends mail. Mail is enabled only after a passed test. Default: `true`.",
		},
		"test": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Options of the test message. Changing only these sends no message, unless `require` is raised.",
			Attributes: map[string]schema.Attribute{
				"recipient": schema.StringAttribute{
					Optional:            true,
					MarkdownDescription: "Email address that receives the test message. Default: `test_recipient` of the site or the provider.",
					Validators:          []validator.String{mailAddress{}},
				},
				"retry_for": schema.StringAttribute{
					Optional: true,
					MarkdownDescription: "How long to retry a test that failed for a transient reason (new credentials that have not propagated yet, " +
						"greylisting), such as `10m`. Each retry sends a new message. Default: no retries.",
					Validators: []validator.String{duration{}},
				},
				"require": schema.StringAttribute{
					Optional:            true,
					MarkdownDescription: requireDescription + "Raising it sends a test message, lowering it does not. Default: `accepted`.",
					Validators:          []validator.String{stringvalidator.OneOf(names(site.Requirements())...)},
				},
				"wait": schema.StringAttribute{
					Optional:            true,
					MarkdownDescription: waitDescription,
					Validators:          []validator.String{duration{atLeast: minWait, atMost: maxWait}},
				},
			},
		},
		"overwrite_existing": schema.BoolAttribute{
			Optional: true,
			Computed: true,
			Default:  booldefault.StaticBool(false),
			MarkdownDescription: "Whether creating the resource may replace different settings that the site already sends mail with. Default: `false`, which " +
				"is an error that says how to import the site.",
		},
		"on_destroy": schema.StringAttribute{
			Optional: true,
			Computed: true,
			Default:  stringdefault.StaticString(string(site.OnDestroyDisable)),
			MarkdownDescription: "What destroying the resource does to the site. `disable` disables mail and keeps settings and password; `clear` deletes the settings " +
				"and the password; `keep` changes nothing. The value is taken from the state, so apply a change of it before you remove the resource. Default: `disable`.",
			Validators: []validator.String{stringvalidator.OneOf(names(site.OnDestroys())...)},
		},
	}
}

func computedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "ID that the site gave itself. It does not change if its key in `sites` is renamed.",
		},
		"updated_at": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "When anyone last changed the site's settings (RFC 3339).",
		},
		"password_set": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: "Whether the site has a password.",
		},
		"adopted_from": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "What sent the site's mail before `adopt` took over, such as `WP Mail SMTP 4.8.0`; null if nothing was taken over.",
		},
		"verification": schema.SingleNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The passed test of exactly these settings and this password; null if there is none.",
			Attributes: map[string]schema.Attribute{
				"tested_at":  schema.StringAttribute{Computed: true, MarkdownDescription: "When the test passed (RFC 3339)."},
				"recipient":  schema.StringAttribute{Computed: true, MarkdownDescription: "Recipient of the test message."},
				"reply":      schema.StringAttribute{Computed: true, MarkdownDescription: "The mail server's final reply. Accepted does not mean delivered."},
				"message_id": schema.StringAttribute{Computed: true, MarkdownDescription: "Message-ID of the test message."},
				"arrival": schema.SingleNestedAttribute{
					Computed:            true,
					MarkdownDescription: "Where the message arrived; null unless `test.require` asks for it.",
					Attributes: map[string]schema.Attribute{
						"at":     schema.StringAttribute{Computed: true, MarkdownDescription: "When the receiving server stored the message (RFC 3339), by its own clock."},
						"folder": schema.StringAttribute{Computed: true, MarkdownDescription: "Folder that the message was found in."},
						"spf":    schema.StringAttribute{Computed: true, MarkdownDescription: "SPF result of the receiving server, such as `pass`; null if it reports none."},
						"dkim":   schema.StringAttribute{Computed: true, MarkdownDescription: "DKIM result of the receiving server."},
						"dmarc":  schema.StringAttribute{Computed: true, MarkdownDescription: "DMARC result of the receiving server."},
						"by":     schema.StringAttribute{Computed: true, MarkdownDescription: "Name under which the receiving server reports these results."},
					},
				},
			},
		},
	}
}
