package provider

import (
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
)

// claim is what the resources of a walk want of one site. It has one set of mail settings: two resources would take turns in
// overwriting it, and the destruction of one would switch off the mail of the other.
type claim struct {
	mu sync.Mutex
	// by is the resource that manages the site, nil without one.
	by *claimant
	// leaving: the destruction of a resource changes the site.
	leaving bool
	// applied: a resource was applied to the site in this walk.
	applied bool
}

// claimant is a resource as a plan has it.
type claimant struct {
	// instance is that of its private state, empty for one that is created. A replacement that Terraform was asked for is
	// planned as an update first and as a creation then, with the instance of what is replaced.
	instance    string
	description string
}

// claims are those of a provider's sites. Keys of sites with one address are one site.
type claims map[string]*claim

// of returns the claim of the site at an address, which is a new one where the address is not known yet.
func (c claims) of(address types.String) *claim {
	key, err := adminapi.Address(address.ValueString())
	if address.IsUnknown() || err != nil {
		return new(claim)
	}
	if c[key] == nil {
		c[key] = new(claim)
	}
	return c[key]
}

// manage notes that r manages the site.
func (e *entry) manage(r claimant, diags *diag.Diagnostics) {
	c := e.claim
	c.mu.Lock()
	defer c.mu.Unlock()
	other := c.by
	c.by = &r
	if other != nil && (r.instance == "" || r.instance != other.instance) {
		diags.AddAttributeError(path.Root("site"), "Site has two resources", fmt.Sprintf(
			"%s is managed by two smtp_settings resources, which would take turns in overwriting each other. Keep one of them, and %s.\n\n"+
				"One has %s.\nThe other has %s.", e.label, forgetting, other.description, r.description))
	}
	e.refuseLeaving(diags)
}

// leave notes that the destruction of a resource changes the site.
func (e *entry) leave(diags *diag.Diagnostics) {
	e.claim.mu.Lock()
	defer e.claim.mu.Unlock()
	e.claim.leaving = true
	e.refuseLeaving(diags)
}

// forgetting is how one resource of two goes without a trace.
const forgetting = "have the state forget the other one, without touching the site:\n\n" +
	"  removed {\n    from = smtp_settings.<other>\n    lifecycle {\n      destroy = false\n    }\n  }"

// refuseLeaving refuses to destroy one resource where another one manages the site: it would end up with its mail off, or keep it
// by the chance of which comes first.
func (e *entry) refuseLeaving(diags *diag.Diagnostics) {
	if !e.claim.leaving || e.claim.by == nil || e.claim.applied {
		return
	}
	diags.AddAttributeError(path.Root("site"), "Site has two resources", fmt.Sprintf(
		"The destruction of one smtp_settings resource would change %s, which another one manages: its mail could end up off. If the resource was "+
			"renamed, say so:\n\n  moved {\n    from = smtp_settings.<old>\n    to   = smtp_settings.<new>\n  }\n\nElse %s", e.label, forgetting))
}

// apply notes that a resource was applied to the site. From then on the destruction of the one that it replaces
// (create_before_destroy) leaves the site alone.
func (c *claim) apply() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applied = true
}

func (c *claim) isApplied() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied
}
