package provider

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// procedureAt is the procedure for one change to the site of e, of which nothing that was read ahead is used any more.
func (r *smtpSettingsResource) procedureAt(e *entry, diags *diag.Diagnostics) site.Procedure {
	e.take()
	p := r.procedure
	p.Check, p.Turns = e.check, e.turns
	p.Warn = func(sentence string) { diags.AddWarning("Not everything went as planned", e.label+": "+sentence) }
	return p
}

// checkChange refuses what the site's platform cannot hold, and warns of what the change risks there.
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

// checkOnDestroy refuses a way to leave the site that its platform does not have.
func (e *entry) checkOnDestroy(m settingsModel, diags *diag.Diagnostics) {
	if refusal, refused := e.can.RefuseDestroy(site.OnDestroy(m.OnDestroy.ValueString())); refused && !m.OnDestroy.IsUnknown() {
		e.addRefusal(diags, refusal, m.inResource)
	}
}

func (e *entry) addRefusal(diags *diag.Diagnostics, refusal site.Refusal, locate locator) {
	locate.add(diags, refusal.Field, "Platform cannot do this", fmt.Sprintf("%s (platform %q): %s", e.label, e.platform, refusal.Reason))
}
