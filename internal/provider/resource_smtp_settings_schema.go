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
		MarkdownDescription: "The mail settings of one site. When something that affects delivery changes, applying it sends a test message with the " +
			"new settings and the password; only when the submission server accepts it, they are saved and mail is enabled. A failed " +
			"test leaves the site as it was, unless its platform tests only what it has saved.",
		Attributes: attributes,
		Blocks: map[string]schema.Block{
			"timeouts": withMinimum(timeouts.Block(ctx, timeouts.Opts{
				Create: true, Read: true, Update: true, Delete: true,
				CreateDescription: timeoutDescription("a creation", "5m, and `retry_for` and `wait` on top"),
				ReadDescription:   timeoutDescription("a refresh", "2m"),
				UpdateDescription: timeoutDescription("an update", "5m, and `retry_for` and `wait` on top"),
				DeleteDescription: timeoutDescription("a destruction", "5m"),
			})),
		},
	}
}

// withMinimum refuses times in which nothing can be done: they would fail every plan until they are out of the state again.
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
	return "How long " + operation + " may take in all, such as `90s`. Default: " + byDefault + "."
}

func endpointAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"site": schema.StringAttribute{
			Optional: true,
			Computed: true,
			MarkdownDescription: "The site: its key in the provider's `sites`. May be left out when the provider has only one. A key that was renamed " +
				"changes in place when the same site answers behind it, and replaces the resource when another does.",
			Validators: []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"preset": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "The mail service, by its id in the catalogue (data source `smtp_presets`). It gives `host`, `port` and `encryption` where they are left out.",
			Validators:          []validator.String{presetID{}},
		},
		"region": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "The preset's region, such as `eu-west-1`, where the service has a host in each. Default: the host that the catalogue names.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.AlsoRequires(path.MatchRoot("preset"))},
		},
	}
}

// derivedSettings are those that the plan fills in where they are left out, and from what.
var derivedSettings = map[string]string{
	"host":         "Required without a `preset`.",
	"port":         "Required without a `preset`.",
	"encryption":   "Required without a `preset`.",
	"from_address": "Default: `username`, if that is an email address.",
}

// settingAttributes follow from the declarations of the settings.
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
			MarkdownDescription: "Password of the username. It is stored in Terraform's state: use `password_wo`, unless Terraform is older than 1.11.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1), text{check: checkCredential, trimmed: true}, stringvalidator.ConflictsWith(path.MatchRoot("password_wo"))},
		},
		"password_wo": schema.StringAttribute{
			Optional:  true,
			Sensitive: true,
			WriteOnly: true,
			MarkdownDescription: "Password of the username, mostly an app password; write-only: in no plan and no state. Terraform cannot see that it " +
				"changes: change `password_wo_version` with it.",
			Validators: []validator.String{stringvalidator.LengthAtLeast(1), text{check: checkCredential, trimmed: true}, stringvalidator.AlsoRequires(path.MatchRoot("password_wo_version"))},
		},
		"password_wo_version": schema.StringAttribute{
			Optional: true,
			MarkdownDescription: "Any text or number, such as `2` or a hash of the password, to change together with `password_wo`: without a new one, a new password alone changes nothing. Where " +
				"another setting changes, the current `password_wo` is tested and saved with it.",
			Validators: []validator.String{stringvalidator.LengthAtLeast(1), stringvalidator.AlsoRequires(path.MatchRoot("password_wo"))},
		},
		"oauth2": oauth2Attribute(),
	}
}

func behaviourAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"enabled": schema.BoolAttribute{
			Optional:            true,
			Computed:            true,
			Default:             booldefault.StaticBool(true),
			MarkdownDescription: "Whether the site sends mail. It becomes true only through a passed test. Default: `true`.",
		},
		"test": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "About the test message. Changing this alone sends none, unless `require` is raised.",
			Attributes: map[string]schema.Attribute{
				"recipient": schema.StringAttribute{
					Optional:            true,
					MarkdownDescription: "Mail address that gets the test message. Default: `test_recipient` of the site or the provider.",
					Validators:          []validator.String{mailAddress{}},
				},
				"retry_for": schema.StringAttribute{
					Optional: true,
					MarkdownDescription: "How long to repeat a test whose failure can heal by itself (new credentials that are not known everywhere yet, " +
						"greylisting), such as `10m`. Each repetition is a new message. Default: one test.",
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
			MarkdownDescription: "Whether creating this resource may replace other settings with which the site already sends mail. Default: `false`: " +
				"import the site instead.",
		},
		"on_destroy": schema.StringAttribute{
			Optional: true,
			Computed: true,
			Default:  stringdefault.StaticString(string(site.OnDestroyDisable)),
			MarkdownDescription: "What destroying this resource does at the site. `disable`: mail is switched off, settings and password stay. `clear`: settings " +
				"and password are deleted. `keep`: nothing is changed. It is taken from the state: apply a change of it before removing the resource. Default: `disable`.",
			Validators: []validator.String{stringvalidator.OneOf(names(site.OnDestroys())...)},
		},
	}
}

func computedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "The id that the site gave itself. It stays when a key of `sites` is renamed.",
		},
		"updated_at": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "When the site's settings were last written (RFC 3339), by whomever.",
		},
		"password_set": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: "Whether the site has a password.",
		},
		"verification": schema.SingleNestedAttribute{
			Computed:            true,
			MarkdownDescription: "The passed test of exactly these settings and this password; null when there was none.",
			Attributes: map[string]schema.Attribute{
				"tested_at":  schema.StringAttribute{Computed: true, MarkdownDescription: "When the test passed (RFC 3339)."},
				"recipient":  schema.StringAttribute{Computed: true, MarkdownDescription: "Whom the message was for."},
				"reply":      schema.StringAttribute{Computed: true, MarkdownDescription: "The submission server's last words when it took the message. That is not yet its delivery."},
				"message_id": schema.StringAttribute{Computed: true, MarkdownDescription: "The message's Message-ID."},
				"arrival": schema.SingleNestedAttribute{
					Computed:            true,
					MarkdownDescription: "Where the message arrived; null unless `test.require` looked.",
					Attributes: map[string]schema.Attribute{
						"at":     schema.StringAttribute{Computed: true, MarkdownDescription: "When the receiver stored the message (RFC 3339), by its clock."},
						"folder": schema.StringAttribute{Computed: true, MarkdownDescription: "The folder that the message was found in."},
						"spf":    schema.StringAttribute{Computed: true, MarkdownDescription: "The receiver's result of SPF, such as `pass`; null when it reports none."},
						"dkim":   schema.StringAttribute{Computed: true, MarkdownDescription: "The receiver's result of DKIM."},
						"dmarc":  schema.StringAttribute{Computed: true, MarkdownDescription: "The receiver's result of DMARC."},
						"by":     schema.StringAttribute{Computed: true, MarkdownDescription: "The name under which the receiver reports these results."},
					},
				},
			},
		},
	}
}
