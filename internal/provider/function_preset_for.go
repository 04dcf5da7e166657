package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
)

var _ function.Function = presetForFunction{}

type presetForFunction struct{}

func newPresetForFunction() function.Function { return presetForFunction{} }

func (presetForFunction) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "preset_for"
}

func (presetForFunction) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The preset of the service that holds a mailbox",
		MarkdownDescription: "Returns the mail service of the catalogue that holds the mailboxes of an address's domain, and `null` where no service is known to hold them: " +
			"use `coalesce()` for another preset instead, `try()` for another value than one of its attributes. It knows the domains of the services " +
			"themselves, such as `gmail.com`; it needs no network and looks nothing up, so it cannot know where a domain of your own is hosted. " +
			presetResult,
		Parameters: []function.Parameter{function.StringParameter{
			Name:                "address",
			MarkdownDescription: "A mail address. What is none is an error.",
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
