package provider

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// claim is what the resources of a walk want of one site. It has one set of mail settings: two resources would take turns in
// overwriting it.
type claim struct {
	// by describes the resource that manages the site, "" without one; creation: it is created in this walk.
	by       string
	creation bool
	// leaving: the destruction of a resource changes the site.
	leaving bool
}

// manage notes that a resource that is described so manages the site.
func (e *entry) manage(description string, creation bool, diags *diag.Diagnostics) {
	e.mu.Lock()
	defer e.mu.Unlock()
	other := e.claim.by
	// Terraform plans a replacement that it was asked for as an update first, and as a creation then.
	replaced := creation && !e.claim.creation && other == description
	e.claim.by, e.claim.creation = description, creation
	if other != "" && !replaced {
		diags.AddAttributeError(path.Root("site"), "Site has two resources", fmt.Sprintf(
			"%s is managed by two smtp_settings resources, which would take turns in overwriting each other. Keep one of them.\n\nOne has %s.\nThe other has %s.",
			e.label, other, description))
	}
	e.refuseRenaming(diags)
}

// leave notes that the destruction of a resource changes the site.
func (e *entry) leave(diags *diag.Diagnostics) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.claim.leaving = true
	e.refuseRenaming(diags)
}

// refuseRenaming refuses to destroy one resource and create another for the same site: Terraform keeps to no order there, and
// mail could end up off.
func (e *entry) refuseRenaming(diags *diag.Diagnostics) {
	if !e.claim.leaving || !e.claim.creation {
		return
	}
	diags.AddAttributeError(path.Root("site"), "Site has two resources", fmt.Sprintf(
		"%s would be left by the destruction of one smtp_settings resource while another one for it is created, in no certain order: its mail could end up "+
			"off. If the resource was renamed, say so:\n\n  moved {\n    from = smtp_settings.<old>\n    to   = smtp_settings.<new>\n  }\n\n"+
			"Else destroy the one and apply before the other is created, or have the state forget it (terraform state rm).", e.label))
}
