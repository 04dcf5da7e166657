package provider

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// claim is what the resources of a walk want of one site. It has one set of mail settings: two resources would take turns in
// overwriting it, and destroying one would switch off the mail of the other.
type claim struct {
	// destroying is held while a resource is destroyed: a deposed object may be at the same time as its successor.
	destroying sync.Mutex

	mu sync.Mutex
	// by is the resource that manages the site, nil without one.
	by *claimant
	// leaving are the resources that are to be destroyed.
	leaving []leaver
	// applied: a resource was applied to the site in this walk.
	applied bool
}

// claimant is a resource as a plan has it.
type claimant struct {
	// instance is that of its private state, empty for one that is created. A replacement that Terraform was asked for is
	// planned as an update first and as a creation then, with the instance of what is replaced.
	instance    string
	description string
	// takesOver: it is to be created, and may replace what the site has (overwrite_existing).
	takesOver bool
}

// leaver is a resource that is to be destroyed.
type leaver struct {
	lastApplied
	how site.OnDestroy
}

// spares reports whether destroying it leaves a site as it is, because another resource manages that by now, or it is off or clear already.
func (l leaver) spares(now site.State) bool {
	switch {
	case l.takenOver(now):
		return true
	case l.how == site.OnDestroyClear:
		return now.IsClear()
	default:
		return !now.Enabled
	}
}

// claims are those of a provider's sites, by address and by the id that a site gave itself: what has one of them in common is
// one site.
type claims struct {
	mu  sync.Mutex
	all map[string]*claim
}

// of returns the claim of a site, of which the address or the id may be empty where they are not known yet.
func (c *claims) of(address, siteID string) *claim {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found *claim
	keys := []string{"id " + siteID, "address " + address}
	for _, key := range keys {
		found = cmp.Or(found, c.all[key])
	}
	if found == nil {
		found = new(claim)
	}
	if c.all == nil {
		c.all = map[string]*claim{}
	}
	for i, known := range []string{siteID, address} {
		if known != "" {
			c.all[keys[i]] = found
		}
	}
	return found
}

// claimOf is the claim of the site of e, whose id is siteID if that is known.
func (s *sites) claimOf(e *entry, siteID string) *claim { return s.claims.of(e.address, siteID) }

// manage notes that r manages the site of e, whose id is siteID if that is known.
func (s *sites) manage(ctx context.Context, e *entry, siteID string, r claimant, diags *diag.Diagnostics) {
	c := s.claimOf(e, siteID)
	c.mu.Lock()
	defer c.mu.Unlock()
	other := c.by
	c.by = &r
	if other != nil && (r.instance == "" || r.instance != other.instance) {
		diags.AddAttributeError(path.Root("site"), "Site has two resources", fmt.Sprintf(
			"%s is managed by two smtp_settings resources, which would keep overwriting each other. Keep one of them, and %s.\n\n"+
				"One has %s.\nThe other has %s.", e.label, forgetting, other.description, r.description))
	}
	c.refuseLeaving(ctx, e, diags)
}

// leave notes that a resource for the site of e is to be destroyed.
func (s *sites) leave(ctx context.Context, e *entry, siteID string, r leaver, diags *diag.Diagnostics) {
	c := s.claimOf(e, siteID)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = append(c.leaving, r)
	c.refuseLeaving(ctx, e, diags)
}

// forgetting is how one resource of two goes without a trace.
const forgetting = "remove the other from the state without destroying it:\n\n" +
	"  removed {\n    from = smtp_settings.<other>\n    lifecycle {\n      destroy = false\n    }\n  }"

// replacingDeposed is that for an object that has no address of its own. Terraform destroys deposed objects last.
const replacingDeposed = "If terraform show lists it as a deposed object, neither block reaches it. Set overwrite_existing = true and apply: the resource is created " +
	"first, and destroying the deposed object then leaves the site as it is."

// refuseLeaving refuses to destroy one resource where another one manages the site: it would end up with its mail off, or keep it
// by the chance of which comes first. A resource that leaves the site as it is may go, such as a deposed object that was taken
// over.
func (c *claim) refuseLeaving(ctx context.Context, e *entry, diags *diag.Diagnostics) {
	if len(c.leaving) == 0 || c.by == nil || c.applied || c.by.takesOver {
		return
	}
	if now, err := e.lastSeen(ctx); err == nil && !slices.ContainsFunc(c.leaving, func(l leaver) bool { return !l.spares(now) }) {
		return
	}
	diags.AddAttributeError(path.Root("site"), "Site has two resources", fmt.Sprintf(
		"Destroying one smtp_settings resource would change %s, which another resource manages: its mail could end up off. If the resource was "+
			"renamed, say so:\n\n  moved {\n    from = smtp_settings.<old>\n    to   = smtp_settings.<new>\n  }\n\nOtherwise, %s\n\n%s", e.label, forgetting, replacingDeposed))
}

// apply notes that a resource was applied to the site. From then on, destroying the one that it replaces
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
