package provider

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// settingValues are the mail settings in the models of resource, action and data source. It has a field for each of [flatSettings];
// everything else about a setting is in its declaration.
type settingValues struct {
	Host        types.String `tfsdk:"host"`
	Port        types.Int64  `tfsdk:"port"`
	Encryption  types.String `tfsdk:"encryption"`
	Username    types.String `tfsdk:"username"`
	FromAddress types.String `tfsdk:"from_address"`
	FromName    types.String `tfsdk:"from_name"`
	ReplyTo     types.String `tfsdk:"reply_to"`
	HELOName    types.String `tfsdk:"helo_name"`
}

// flatSettings returns the settings that are top-level attributes.
func flatSettings() []site.Setting {
	return slices.DeleteFunc(site.AllSettings(), func(d site.Setting) bool { return d.Group != "" })
}

// of returns a pointer to the field of a setting: a *types.String or, for a number, a *types.Int64.
func (v *settingValues) of(d site.Setting) any {
	for _, f := range modelFields(reflect.TypeFor[settingValues]()) {
		if f.name == d.Name {
			return reflect.ValueOf(v).Elem().FieldByIndex(f.index).Addr().Interface()
		}
	}
	return nil
}

func (v settingValues) all() []attr.Value {
	var values []attr.Value
	for _, d := range flatSettings() {
		switch value := v.of(d).(type) {
		case *types.String:
			values = append(values, *value)
		case *types.Int64:
			values = append(values, *value)
		}
	}
	return values
}

// known reports whether every setting is known.
func (v settingValues) known() bool { return allKnown(v.all()) }

func allKnown(values []attr.Value) bool { return !slices.ContainsFunc(values, attr.Value.IsUnknown) }

// given reports whether any setting is configured, even if its value is unknown.
func (v settingValues) given() bool {
	return slices.ContainsFunc(v.all(), func(value attr.Value) bool { return !value.IsNull() })
}

func (v settingValues) toSettings() site.Settings {
	var s site.Settings
	for _, d := range flatSettings() {
		switch value := v.of(d).(type) {
		case *types.String:
			_ = d.SetText(&s, value.ValueString()) // fails only for numbers
		case *types.Int64:
			_ = d.SetText(&s, strconv.FormatInt(value.ValueInt64(), 10))
		}
	}
	return s
}

// fromSettings fills in the settings of a site.
func (v *settingValues) fromSettings(s site.Settings) {
	for _, d := range flatSettings() {
		text := d.Text(s)
		switch value := v.of(d).(type) {
		case *types.String:
			*value = optional(text, *value)
		case *types.Int64:
			number, _ := strconv.Atoi(text) // empty if the site was never configured
			*value = portValue(number)
		}
	}
}

// textValidators returns the validators of a text setting. For an optional setting, "" is the same as omitting it.
func textValidators(d site.Setting) []validator.String {
	check := text{check: func(value string) error {
		var s site.Settings
		_ = d.SetText(&s, value)
		return submit.CheckSetting(d, s)
	}}
	switch {
	case d.Format == site.Choice:
		return []validator.String{stringvalidator.OneOf(d.Choices...)}
	case d.Format == site.Credential:
		check.check = func(value string) error {
			return cmp.Or(checkCredential(value), submit.CheckLength(d, strings.TrimRight(value, "\r\n")))
		}
		check.trimmed = true
	case d.Format == site.MailAddress && !d.Optional:
		return []validator.String{mailAddress{}}
	case d.Optional:
		return []validator.String{check}
	}
	return []validator.String{stringvalidator.LengthAtLeast(1), check}
}

func portValidators() []validator.Int64 { return []validator.Int64{int64validator.Between(1, 65535)} }
