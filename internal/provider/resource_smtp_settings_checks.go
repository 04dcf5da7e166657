package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/loopback"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// ValidateConfig makes the checks that need neither the provider's configuration nor a prior state.
func (r *smtpSettingsResource) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var config settingsModel
	resp.Diagnostics.Append(get(ctx, req.Config, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	config.requireEndpoint(&resp.Diagnostics)
	config.requireLogin(&resp.Diagnostics)
	config.requireVersions(&resp.Diagnostics)
	config.checkOAuth2(&resp.Diagnostics)
	config.checkPreset(&resp.Diagnostics)
}

// requireEndpoint requires a preset, or host, port and encryption.
func (m settingsModel) requireEndpoint(diags *diag.Diagnostics) {
	if !m.Preset.IsNull() || m.adopts() {
		return
	}
	missing := func(attribute string) {
		diags.AddAttributeError(path.Root(attribute), "Setting is missing",
			"Set "+attribute+", or set preset to a mail service, which sets host, port and encryption. If another plugin sends the site's mail now, adopt = true takes over its settings.")
	}
	if m.Host.IsNull() {
		missing("host")
	}
	if m.Port.IsNull() {
		missing("port")
	}
	if m.Encryption.IsNull() {
		missing("encryption")
	}
}

// requireLogin requires a username if there is a password.
func (m settingsModel) requireLogin(diags *diag.Diagnostics) {
	if m.Username.ValueString() == "" && !m.Username.IsUnknown() && !m.password().IsNull() && !m.usesOAuth2() && !m.adopts() {
		diags.AddAttributeError(path.Root("username"), "Username is missing",
			"A password without a username is never used. Set username, or remove the password for a relay without login.")
	}
}

// requireVersions requires each write-only secret together with its version.
func (m settingsModel) requireVersions(diags *diag.Diagnostics) {
	requireVersion(diags, path.Empty(), "password_wo", passwordMissing, m.PasswordWO, m.PasswordWOVersion)
	o := m.oauth2()
	for _, grant := range site.Grants() {
		if o.uses(grant) {
			s := oauth2Secrets[grant]
			requireVersion(diags, path.Root("oauth2"), s.name, s.missing(), o.secrets()[grant], o.versions()[grant])
		}
	}
}

func requireVersion(diags *diag.Diagnostics, parent path.Path, name, missing string, value, version types.String) {
	switch {
	case value.IsNull() && !version.IsNull():
		diags.AddAttributeError(parent.AtName(name+versionSuffix), missing, fmt.Sprintf("%[1]s%[2]s is set, but %[1]s is not. Set both.", name, versionSuffix))
	case !value.IsNull() && version.IsNull():
		diags.AddAttributeError(parent.AtName(name), "Version is missing", fmt.Sprintf(
			"Terraform cannot see that %[1]s changes. Set %[1]s%[2]s too, for example to 1, and bump it whenever %[1]s changes.", name, versionSuffix))
	}
}

// checkPreset compares the configuration with what the mail service is known to accept.
func (m settingsModel) checkPreset(diags *diag.Diagnostics) {
	preset, ok := presets.ByID(m.Preset.ValueString())
	if !ok {
		return
	}
	at := path.Root("preset")
	if _, err := preset.Endpoint(m.Region.ValueString()); err != nil {
		diags.AddAttributeError(path.Root("region"), "Preset has no such region", err.Error())
	}
	note, fatal := preset.SignInProblem()
	if note != "" && preset.OAuth2 != nil {
		note += " Set oauth2 instead of a password."
	}
	if fatal && !m.Username.IsNull() && !m.usesOAuth2() {
		diags.AddAttributeError(at, "Mail service does not accept passwords", note)
	} else if note != "" && !m.Username.IsNull() && !m.usesOAuth2() {
		diags.AddAttributeWarning(at, "Mail service may stop accepting passwords", note)
	}
	if problem := preset.UsernameProblem(m.Username.ValueString()); problem != "" && m.Username.ValueString() != "" {
		diags.AddAttributeWarning(path.Root("username"), "Username is unusual for the mail service", problem)
	}
	if m.usesOAuth2() {
		if preset.OAuth2 == nil {
			diags.AddAttributeWarning(at, "Mail service may not take tokens",
				preset.Name+" is known to take passwords, not tokens. The test will show whether it accepts the token.")
		}
		return
	}
	given := m.password().ValueString()
	if problem := preset.PasswordProblem(secret.New(given)); given != "" && problem != "" {
		attribute := "password"
		if !m.PasswordWO.IsNull() {
			attribute = "password_wo"
		}
		diags.AddAttributeWarning(path.Root(attribute), "Password is unusual for the mail service", problem)
	}
}

// usualEncryption is the encryption of the two submission ports (RFC 8314 section 3.3, RFC 6409 section 3.1).
var usualEncryption = map[int64]site.Encryption{465: site.TLS, 587: site.STARTTLS}

// checkEndpoint checks the planned endpoint, from the configuration or from a preset.
func (m settingsModel) checkEndpoint(diags *diag.Diagnostics) {
	if m.Host.IsUnknown() || m.Port.IsUnknown() || m.Encryption.IsUnknown() || m.Username.IsUnknown() {
		return
	}
	encryption := site.Encryption(m.Encryption.ValueString())
	if encryption == site.NoEncryption && m.Username.ValueString() != "" && !loopback.Is(m.Host.ValueString()) {
		diags.AddAttributeError(path.Root("encryption"), "Password would be sent in clear text", fmt.Sprintf(
			"With encryption = \"none\", anyone who can intercept the connection to %s can read the username and the password. Use \"starttls\" or \"tls\", or omit the username for a relay without login.",
			m.Host.ValueString()))
	}
	usual, known := usualEncryption[m.Port.ValueInt64()]
	if known && usual != encryption {
		diags.AddAttributeWarning(path.Root("encryption"), "Encryption is unusual for the port", fmt.Sprintf(
			"Port %d is usually used with encryption = %q. The test will show whether this server is different.", m.Port.ValueInt64(), usual))
	}
}

// requireRecipient requires a recipient for the test message if mail will be enabled.
func (m settingsModel) requireRecipient(e *entry, diags *diag.Diagnostics) {
	if e == nil || e.unknown || e.can.Addressee != site.ToRecipient || !m.Enabled.ValueBool() || !m.recipient(e.testRecipient).IsNull() {
		return
	}
	diags.AddAttributeError(path.Root("test").AtName("recipient"), "Recipient of the test message is missing",
		"Mail is enabled only after a test message was accepted. Set test.recipient here, or test_recipient in the provider's configuration, to an address that you read.")
}

// requirePassword refuses a change for which the site requires the password.
func requirePassword(c site.Change, config settingsModel, diags *diag.Diagnostics) {
	if config.password().IsUnknown() || !c.NeedsPassword() {
		return
	}
	change := "this change"
	if differing := c.Prior.Settings.Diff(c.Candidate.Settings); len(differing) > 0 && c.Prior.Settings != (site.Settings{}) {
		change = "changing " + quotedList(differing)
	}
	if config.usesOAuth2() {
		missing := oauth2Secrets[config.oauth2().grant()]
		diags.AddAttributeError(path.Root("oauth2"), missing.missing(), fmt.Sprintf(
			"A site uses a stored secret only for the settings that it was entered for, so %s needs it. Set %[2]s and %[2]s%[3]s.", change, missing.name, versionSuffix))
		return
	}
	diags.AddAttributeError(path.Root("password_wo"), passwordMissing, fmt.Sprintf(
		"A site uses a stored password only for the settings that it was entered for, so %s needs it. Set password_wo and password_wo_version.", change))
}

// refusesOverwrite refuses to replace the settings of a site that already sends mail. If an smtp_settings resource wrote them, it only
// warns, because a resource cannot tell whether it replaces that one (create_before_destroy).
func (m settingsModel) refusesOverwrite(prior site.State, e *entry, diags *diag.Diagnostics) bool {
	wanted := m.toSettings()
	if sameHost(wanted.Host, prior.Settings.Host) {
		wanted.Host = prior.Settings.Host
	}
	if sameAddress(wanted.FromAddress, prior.Settings.FromAddress) {
		wanted.FromAddress = prior.Settings.FromAddress
	}
	differing := prior.Settings.Diff(wanted)
	if !prior.Enabled || len(differing) == 0 || m.OverwriteExisting.ValueBool() || m.OverwriteExisting.IsUnknown() {
		return false
	}
	if site.WriterOf(prior.LastWriteID) != "" {
		diags.AddAttributeWarning(path.Root("site"), "Site already has the settings of another smtp_settings resource", fmt.Sprintf(
			"%s: creating this resource changes %s of settings that another smtp_settings resource wrote. This is expected if this resource replaces the other. "+
				"If the other belongs to a different configuration, keep only one of them.", e.label, quotedList(differing)))
		return false
	}
	diags.AddAttributeError(path.Root("overwrite_existing"), "Site already sends mail with other settings", fmt.Sprintf(
		"%s sends mail through %s:%d as %s; creating this resource would change %s. Import the site, then plan to see the differences:\n\n"+
			"  import {\n    to = smtp_settings.<name>\n    id = %q\n  }\n\nOr set overwrite_existing = true to replace the settings after a passed test.",
		e.label, shown(prior.Settings.Host), prior.Settings.Port, shown(prior.Settings.FromAddress), quotedList(differing), e.key))
	return true
}

// checkChange refuses what the site's platform does not support, and warns about the risks of the change there.
func (e *entry) checkChange(c site.Change, config settingsModel, diags *diag.Diagnostics) {
	for _, refusal := range e.can.Refuse(c) {
		if refusal.Field != "password" || !config.password().IsUnknown() {
			e.addRefusal(diags, refusal, config.inResource)
		}
	}
	if warnings := e.can.Warnings(c); len(warnings) > 0 {
		diags.AddAttributeWarning(path.Root("enabled"), "Platform tests only what it has saved",
			fmt.Sprintf("%s (platform %q): %s", e.label, e.platform, strings.Join(warnings, " ")))
	}
}

// checkOnDestroy refuses an on_destroy that the site's platform does not support.
func (e *entry) checkOnDestroy(m settingsModel, diags *diag.Diagnostics) {
	if refusal, refused := e.can.RefuseDestroy(site.OnDestroy(m.OnDestroy.ValueString())); refused && !m.OnDestroy.IsUnknown() {
		e.addRefusal(diags, refusal, m.inResource)
	}
}

func (e *entry) addRefusal(diags *diag.Diagnostics, refusal site.Refusal, locate locator) {
	locate.add(diags, refusal.Field, "Platform cannot do this", fmt.Sprintf("%s (platform %q): %s", e.label, e.platform, refusal.Reason))
}
