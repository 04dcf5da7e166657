package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var _ list.ListResourceWithConfigure = &smtpSettingsList{}

// readAtOnce is how many sites are read concurrently. The limits per origin apply as well.
const readAtOnce = 32

type smtpSettingsList struct{ smtpSettingsResource }

func newSMTPSettingsList() list.ListResource { return &smtpSettingsList{} }

type settingsListModel struct {
	Platform types.String `tfsdk:"platform"`
	Enabled  types.Bool   `tfsdk:"enabled"`
	Host     types.String `tfsdk:"host"`
	OAuth2   types.Bool   `tfsdk:"oauth2"`
	Adopt    types.Bool   `tfsdk:"adoptable"`
}

func (l *smtpSettingsList) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Lists the mail settings of all configured sites, in the order of their keys, to import sites that already send mail. A site that " +
			"cannot be read is reported as a warning, and the others are listed.",
		Attributes: map[string]schema.Attribute{
			"platform": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Only sites of this platform: " + quotedList(platform.Names()) + ". Default: all.",
				Validators:          []validator.String{stringvalidator.OneOf(platform.Names()...)},
			},
			"enabled":   schema.BoolAttribute{Optional: true, MarkdownDescription: "`true` lists only sites that send mail, `false` only those that do not. Default: both."},
			"host":      schema.StringAttribute{Optional: true, MarkdownDescription: "Only sites that send through this mail server. Default: all."},
			"oauth2":    schema.BoolAttribute{Optional: true, MarkdownDescription: "`true` lists only sites that log in with an OAuth 2.0 access token, `false` only the others. Default: both."},
			"adoptable": schema.BoolAttribute{Optional: true, MarkdownDescription: "`true` lists only sites whose mail `adopt` can take over from another plugin, `false` only the others. Default: both."},
		},
	}
}

func (l *smtpSettingsList) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var filter settingsListModel
	diags := get(ctx, req.Config, &filter)
	if l.sites == nil || l.sites.unknown {
		diags.AddError("Sites are not known", "Listing requires a provider configuration without unknown values.")
	}
	if diags.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) {
		listed := int64(0)
		for chunk := range slices.Chunk(slices.Sorted(maps.Keys(l.sites.entries)), readAtOnce) {
			for _, found := range l.read(ctx, chunk, filter) {
				result, ok := found.toResult(ctx, req, filter)
				if !ok {
					continue
				}
				if !push(result) {
					return
				}
				if result.Identity != nil {
					listed++
				}
				if req.Limit > 0 && listed >= req.Limit {
					return
				}
			}
		}
	}
}

// listedSite is the result of reading one site.
type listedSite struct {
	key   string
	state site.State
	err   error
}

// read reads the sites with these keys concurrently, and returns the results in the same order.
func (l *smtpSettingsList) read(ctx context.Context, keys []string, filter settingsListModel) []listedSite {
	found := make([]listedSite, 0, len(keys))
	for _, key := range keys {
		e := l.sites.entries[key]
		if e.site != nil && (filter.Platform.IsNull() || filter.Platform.ValueString() == e.platform) {
			found = append(found, listedSite{key: key})
		}
	}
	var wg sync.WaitGroup
	for i := range found {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, defaultReadTimeout)
			defer cancel()
			found[i].state, found[i].err = l.sites.entries[found[i].key].site.Read(ctx)
		})
	}
	wg.Wait()
	return found
}

// toResult reports false for a site that does not match the filter.
func (s listedSite) toResult(ctx context.Context, req list.ListRequest, filter settingsListModel) (list.ListResult, bool) {
	if s.err != nil {
		var result list.ListResult
		result.Diagnostics.AddWarning("Site cannot be listed", fmt.Sprintf("%s: %s", s.key, s.err))
		return result, true
	}
	if !filter.Enabled.IsNull() && filter.Enabled.ValueBool() != s.state.Enabled ||
		!filter.OAuth2.IsNull() && filter.OAuth2.ValueBool() != (s.state.Settings.Grant != "") ||
		!filter.Adopt.IsNull() && filter.Adopt.ValueBool() != s.state.InForce.Adoptable() ||
		!filter.Host.IsNull() && filter.Host.ValueString() != s.state.Settings.Host {
		return list.ListResult{}, false
	}
	result := req.NewListResult(ctx)
	result.DisplayName = fmt.Sprintf("%s: %s", s.key, describe(s.state))
	model := settingsModel{Site: types.StringValue(s.key)}
	model.fromState(s.state)
	model.offerAdoption(s.state)
	result.Diagnostics.Append(model.identify(ctx, result.Identity)...)
	if req.IncludeResource {
		result.Diagnostics.Append(result.Resource.Set(ctx, model.complete())...)
	}
	return result, true
}

// describe summarizes a site's mail in a few words.
func describe(s site.State) string {
	switch {
	case s.Settings.IsZero() && s.InForce.Adoptable():
		return "sends " + describeInForce(s.InForce) + ", can be adopted"
	case s.Settings.IsZero() && s.InForce != nil:
		return "sends " + describeInForce(s.InForce)
	case s.Settings.IsZero():
		return "no mail settings"
	case s.Enabled:
		return fmt.Sprintf("sends as %s through %s", shown(s.Settings.FromAddress), shown(s.Settings.Host))
	default:
		return fmt.Sprintf("mail is off, set up for %s", shown(s.Settings.Host))
	}
}
