package provider

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
)

var (
	_ function.Function                 = presetFunction{}
	_ function.StringParameterValidator = presetID{}
)

type presetFunction struct{}

func newPresetFunction() function.Function { return presetFunction{} }

func (presetFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "preset"
}

func (presetFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "A preset of the catalogue, by its ID",
		MarkdownDescription: "Returns a mail service of the catalogue, which is part of the provider and needs no network. An ID that does " +
			"not exist is an error that suggests similar ones. " + presetResult,
		Parameters: []function.Parameter{function.StringParameter{
			Name:                "id",
			MarkdownDescription: "ID of the preset, as in `smtp_settings.preset`.",
			Validators:          []function.StringParameterValidator{presetID{}},
		}},
		VariadicParameter: function.StringParameter{
			Name: "region",
			MarkdownDescription: "Region of the service, for services with a host per region; at most one. Default: the service's default host. " +
				"Pass a region that may be null as `compact([region])...`.",
			Validators: []function.StringParameterValidator{stringvalidator.LengthAtLeast(1)},
		},
		Return: function.ObjectReturn{AttributeTypes: presetTypes()},
	}
}

func (presetFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var id string
	var regions []string
	if resp.Error = req.Arguments.Get(ctx, &id, &regions); resp.Error != nil {
		return
	}
	if len(regions) > 1 {
		resp.Error = function.NewArgumentFuncError(2, "one region at most can be given: a preset has one host")
		return
	}
	// Cannot fail: the validator has checked the ID.
	preset, _ := presets.ByID(id)
	for _, region := range regions {
		endpoint, err := preset.Endpoint(region)
		if err != nil {
			resp.Error = function.NewArgumentFuncError(1, err.Error())
			return
		}
		preset.Host = endpoint.Host
	}
	resp.Error = resp.Result.Set(ctx, fromPreset(preset))
}

// ValidateParameterString implements [function.StringParameterValidator]. Terraform appends a full stop to the text.
func (v presetID) ValidateParameterString(ctx context.Context, req function.StringParameterValidatorRequest, resp *function.StringParameterValidatorResponse) {
	var attribute validator.StringResponse
	v.ValidateString(ctx, validator.StringRequest{ConfigValue: req.Value}, &attribute)
	for _, problem := range attribute.Diagnostics {
		resp.Error = function.NewArgumentFuncError(req.ArgumentPosition, strings.TrimSuffix(problem.Detail(), "."))
	}
}

// presetResult describes the result of the functions that return a preset.
var presetResult = "The object has the attributes of `presets` in the data source `smtp_presets`: `" +
	strings.Join(slices.Sorted(maps.Keys(presetAttributes())), "`, `") + "`.\n\nNeeds Terraform 1.8 or OpenTofu 1.7."

// presetTypes are the types of presetAttributes.
func presetTypes() map[string]attr.Type {
	all := map[string]attr.Type{}
	for name, attribute := range presetAttributes() {
		all[name] = attribute.GetType()
	}
	return all
}

var _ function.Function = presetForFunction{}

type presetForFunction struct{}

func newPresetForFunction() function.Function { return presetForFunction{} }

func (presetForFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "preset_for"
}

func (presetForFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The preset of the service that hosts a mailbox",
		MarkdownDescription: "Returns the mail service of the catalogue that hosts the mailboxes of an address's domain, or `null` if none is known. " +
			"Use `coalesce()` to fall back to another preset, and `try()` to fall back to another value of an attribute. The function knows the domains of the services " +
			"themselves, such as `gmail.com`; it does no lookups, so it cannot know where a domain of your own is hosted. " +
			presetResult,
		Parameters: []function.Parameter{function.StringParameter{
			Name:                "address",
			MarkdownDescription: "An email address; anything else is an error.",
		}},
		Return: function.ObjectReturn{AttributeTypes: presetTypes()},
	}
}

func (presetForFunction) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var address string
	if resp.Error = req.Arguments.Get(ctx, &address); resp.Error != nil {
		return
	}
	if err := submit.CheckAddress(address); err != nil {
		resp.Error = function.NewArgumentFuncError(0, err.Error())
		return
	}
	preset, ok := presets.ByAddress(address)
	if !ok {
		resp.Error = resp.Result.Set(ctx, types.ObjectNull(presetTypes()))
		return
	}
	resp.Error = resp.Result.Set(ctx, fromPreset(preset))
}
