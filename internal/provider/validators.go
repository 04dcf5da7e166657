package provider

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// text validates a string with check and shows its error. With trimmed, it warns about surrounding white space, which is usually the
// newline of a file and breaks a login.
type text struct {
	check   func(string) error
	trimmed bool
}

func (text) Description(context.Context) string         { return "" }
func (text) MarkdownDescription(context.Context) string { return "" }

func (v text) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	value := req.ConfigValue.ValueString()
	if value == "" {
		return
	}
	if err := v.check(value); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Value is not valid", req.Path.String()+": "+err.Error())
	}
	if v.trimmed && strings.TrimSpace(value) != value {
		resp.Diagnostics.AddAttributeWarning(req.Path, "White space around the value", req.Path.String()+
			" begins or ends with white space, such as the newline of a file, which breaks most logins. Wrap it in trimspace() unless it is part of the value.")
	}
}

// checkCredential ignores a final newline, which the warning about white space covers.
func checkCredential(s string) error { return submit.CheckCredential(strings.TrimRight(s, "\r\n")) }

type mailAddress struct{}

func (mailAddress) Description(context.Context) string         { return "email address" }
func (mailAddress) MarkdownDescription(context.Context) string { return "email address" }

func (mailAddress) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if err := submit.CheckAddress(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Value is not an email address", req.Path.String()+": "+err.Error())
	}
}

// duration validates a duration of at least atLeast and, unless atMost is 0, at most atMost.
type duration struct{ atLeast, atMost time.Duration }

func (duration) Description(context.Context) string         { return "duration such as 90s or 10m" }
func (duration) MarkdownDescription(context.Context) string { return "duration such as `90s` or `10m`" }

func (v duration) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	d, err := time.ParseDuration(req.ConfigValue.ValueString())
	if err == nil && d > v.atMost && v.atMost > 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Value is not a duration",
			fmt.Sprintf("%s: %q is longer than the maximum, %s.", req.Path, req.ConfigValue.ValueString(), v.atMost))
	}
	if err != nil || d < v.atLeast {
		resp.Diagnostics.AddAttributeError(req.Path, "Value is not a duration",
			fmt.Sprintf("%s: %q is not a duration of at least %s, such as \"90s\" or \"10m\".", req.Path, req.ConfigValue.ValueString(), v.atLeast))
	}
}

// account validates the credentials of an entry of sites. The framework's conflict validators search the whole configuration for each
// entry, which takes minutes with a thousand entries.
type account struct{}

func (account) Description(context.Context) string { return "a token, or a username and a password" }

func (account) MarkdownDescription(context.Context) string {
	return "a token, or a username and a password"
}

func (account) ValidateObject(_ context.Context, req validator.ObjectRequest, resp *validator.ObjectResponse) {
	given := map[string]types.String{}
	for _, name := range []string{"token", "username", "password"} {
		value, _ := req.ConfigValue.Attributes()[name].(types.String)
		if value.IsUnknown() {
			return
		}
		given[name] = value
	}
	whole := adminapi.Account{
		Token:    secret.New(given["token"].ValueString()),
		Username: given["username"].ValueString(),
		Password: secret.New(given["password"].ValueString()),
	}
	parts := []adminapi.Account{whole}
	if software, _ := req.ConfigValue.Attributes()["platform"].(types.String); software.IsUnknown() || software.ValueString() == platform.WordPress {
		login, token := whole.Parts()
		parts = []adminapi.Account{login, token}
	}
	for _, part := range parts {
		if err := part.Validate(); err != nil {
			addConfigError(&resp.Diagnostics, req.Path, req.Path.String(), err)
		}
	}
}

type presetID struct{}

func (presetID) Description(context.Context) string         { return "ID of a preset" }
func (presetID) MarkdownDescription(context.Context) string { return "ID of a preset" }

func (presetID) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	id := req.ConfigValue.ValueString()
	if _, ok := presets.ByID(id); ok {
		return
	}
	advice := "Data source smtp_presets lists them all."
	if near := presets.Near(id); len(near) > 0 {
		advice = "Did you mean " + quotedList(near) + "? " + advice
	}
	resp.Diagnostics.AddAttributeError(req.Path, "Preset does not exist", fmt.Sprintf("There is no preset %q. %s", id, advice))
}
