package provider

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var _ datasource.DataSourceWithConfigure = &smtpPresetsDataSource{}

type smtpPresetsDataSource struct{ sites *sites }

func newSMTPPresetsDataSource() datasource.DataSource { return &smtpPresetsDataSource{} }

var categories = names([]presets.Category{presets.Mailbox, presets.Transactional, presets.Hosting, presets.ISP, presets.Local})

type presetsModel struct {
	ID       types.String           `tfsdk:"id"`
	Category types.String           `tfsdk:"category"`
	Domain   types.String           `tfsdk:"domain"`
	Address  types.String           `tfsdk:"address"`
	Site     types.String           `tfsdk:"site"`
	IDs      []string               `tfsdk:"ids"`
	Presets  map[string]presetModel `tfsdk:"presets"`
}

type presetModel struct {
	ID             string            `tfsdk:"id"`
	Name           string            `tfsdk:"name"`
	Host           string            `tfsdk:"host"`
	Port           int64             `tfsdk:"port"`
	Encryption     string            `tfsdk:"encryption"`
	Regions        map[string]string `tfsdk:"regions"`
	Domains        []string          `tfsdk:"domains"`
	Category       types.String      `tfsdk:"category"`
	UsernameHint   types.String      `tfsdk:"username_hint"`
	PasswordKind   types.String      `tfsdk:"password_kind"`
	AuthStatus     types.String      `tfsdk:"auth_status"`
	AuthStatusNote types.String      `tfsdk:"auth_status_note"`
	Requires       types.String      `tfsdk:"requires"`
	TokenURL       types.String      `tfsdk:"token_url"`
	// Scopes are the scopes of the service's tokens for mail, by grant.
	Scopes         map[string][]string `tfsdk:"scopes"`
	AppPasswordURL types.String        `tfsdk:"app_password_url"`
	DocsURL        types.String        `tfsdk:"docs_url"`
	Sources        []string            `tfsdk:"sources"`
}

func (d *smtpPresetsDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_presets"
}

func (d *smtpPresetsDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.sites, _ = req.ProviderData.(*sites)
}

func (d *smtpPresetsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	filter := func(text string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: text}
	}
	category := filter("Only presets of this category: " + quotedList(categories) + ".")
	category.Validators = []validator.String{stringvalidator.OneOf(categories...)}
	address := filter("Only the preset that holds the mailbox with this address.")
	address.Validators = []validator.String{mailAddress{}}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the catalogue of mail services for `smtp_settings.preset`. The catalogue is part of the provider and needs no network. " +
			"With `site`, lists the services that the site's admin page offers instead. A preset must match all filters; if none matches, the map is empty.",
		Attributes: map[string]schema.Attribute{
			"id":       filter("Only the preset with this ID."),
			"category": category,
			"domain":   filter("Only the preset that holds the mailboxes of this mail domain."),
			"address":  address,
			"site":     filter("Key of a site: lists what its admin page offers instead of the provider's catalogue. Only `id`, `name`, `host`, `port` and `encryption` of these presets are set."),
			"ids":      schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "IDs of the presets found, sorted."},
			"presets": schema.MapNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The presets found, by ID, for use in `for_each`.",
				NestedObject:        schema.NestedAttributeObject{Attributes: presetAttributes()},
			},
		},
	}
}

func presetAttributes() map[string]schema.Attribute {
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"id":               text("ID, for `smtp_settings.preset`."),
		"name":             text("Display name."),
		"host":             text("Hostname of the mail server."),
		"port":             schema.Int64Attribute{Computed: true, MarkdownDescription: "Port of the mail server."},
		"encryption":       text("Encryption of the connection, as in `smtp_settings`."),
		"regions":          schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Hosts by region; empty for a service with one host."},
		"domains":          schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Mail domains whose mailboxes the service hosts."},
		"category":         text("Category: " + quotedList(categories) + "."),
		"username_hint":    text("What the service expects as the username."),
		"password_kind":    text("Kind of password that the service expects: " + quotedList(names(presets.PasswordKinds())) + "."),
		"auth_status":      text("Whether the service still accepts passwords: " + quotedList(names([]presets.AuthStatus{presets.PasswordOK, presets.AppPasswordRequired, presets.DeprecatedPassword, presets.OAuth2Only})) + "."),
		"auth_status_note": text("Details of `auth_status`."),
		"requires":         text("What has to be set up at the service first."),
		"token_url":        text("Token endpoint for `smtp_settings.oauth2`, with `{tenant}` if each customer has a separate endpoint; null if none is known."),
		"scopes": schema.MapAttribute{
			Computed: true, ElementType: types.ListType{ElemType: types.StringType}, MarkdownDescription: "Scopes of its tokens for mail, by grant.",
		},
		"app_password_url": text("Page where the password is created."),
		"docs_url":         text("The service's own documentation of its settings."),
		"sources":          schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Pages that the entry was taken from."},
	}
}

func (d *smtpPresetsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model presetsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	model.Presets = map[string]presetModel{}
	for _, p := range d.offered(ctx, model.Site, &resp.Diagnostics) {
		if model.matches(p) {
			model.Presets[p.ID] = fromPreset(p)
		}
	}
	if resp.Diagnostics.HasError() {
		return
	}
	model.IDs = slices.AppendSeq([]string{}, maps.Keys(model.Presets))
	slices.Sort(model.IDs)
	resp.Diagnostics.Append(resp.State.Set(ctx, &model)...)
}

// offered returns the catalogue or, if key is set, the presets that the admin page of that site offers.
func (d *smtpPresetsDataSource) offered(ctx context.Context, key types.String, diags *diag.Diagnostics) []presets.Preset {
	if key.IsNull() {
		return presets.All()
	}
	e := d.sites.reachable(key, byConfiguration, diags)
	if diags.HasError() {
		return nil
	}
	lister, ok := e.site.(site.PresetLister)
	if !ok {
		diags.AddAttributeError(path.Root("site"), "Site offers no presets", e.label+": the platform of this site has no list of mail services.")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, defaultReadTimeout)
	defer cancel()
	listed, err := lister.Presets(ctx)
	if err != nil {
		e.addSiteError(diags, "listing its presets", nowhere, err)
		return nil
	}
	offered := make([]presets.Preset, len(listed))
	for i, p := range listed {
		offered[i] = presets.Preset{ID: p.ID, Name: p.Name, Host: p.Host, Port: p.Port, Encryption: p.Encryption}
	}
	return offered
}

func (m presetsModel) matches(p presets.Preset) bool {
	if !m.ID.IsNull() && m.ID.ValueString() != p.ID || !m.Category.IsNull() && m.Category.ValueString() != string(p.Category) {
		return false
	}
	if !m.Domain.IsNull() {
		if holder, ok := presets.ByDomain(m.Domain.ValueString()); !ok || holder.ID != p.ID {
			return false
		}
	}
	if !m.Address.IsNull() {
		if holder, ok := presets.ByAddress(m.Address.ValueString()); !ok || holder.ID != p.ID {
			return false
		}
	}
	return true
}

func fromPreset(p presets.Preset) presetModel {
	m := presetModel{
		ID:             p.ID,
		Name:           p.Name,
		Host:           p.Host,
		Port:           int64(p.Port),
		Encryption:     string(p.Encryption),
		Regions:        map[string]string{},
		Domains:        append([]string{}, p.Domains...),
		Category:       orNull(string(p.Category)),
		UsernameHint:   orNull(p.UsernameHint),
		PasswordKind:   orNull(string(p.PasswordKind)),
		AuthStatus:     orNull(string(p.AuthStatus)),
		AuthStatusNote: orNull(p.AuthStatusNote),
		Requires:       orNull(p.Requires),
		AppPasswordURL: orNull(p.AppPasswordURL),
		DocsURL:        orNull(p.DocsURL),
		Sources:        append([]string{}, p.Sources...),
		Scopes:         map[string][]string{},
	}
	if p.OAuth2 != nil {
		m.TokenURL = types.StringValue(p.OAuth2.TokenURL)
		for grant, scopes := range p.OAuth2.Grants {
			m.Scopes[string(grant)] = scopes
		}
	}
	for _, r := range p.Regions {
		m.Regions[r.Name] = r.Host
	}
	return m
}
