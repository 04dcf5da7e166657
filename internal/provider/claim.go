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

// claim records which resources of a run manage one site. A site has one set of mail settings: two resources would keep overwriting
// each other, and destroying one would switch off the other's mail.
type claim struct {
	// destroying is held while a resource is destroyed, because Terraform may destroy a deposed object at the same time as its successor.
	destroying sync.Mutex

	mu sync.Mutex
	// by is the resource that manages the site, or nil.
	by *claimant
	// leaving are the resources that will be destroyed.
	leaving []leaver
	// applied is true once a resource was applied to the site in this run.
	applied bool
}

// claimant is a planned resource.
type claimant struct {
	// instance comes from its private state, and is empty for a new resource. Terraform plans a requested replacement (-replace) first
	// as an update and then as a creation, both with the instance of the resource that is replaced.
	instance    string
	description string
	// takesOver is true if it will be created and may replace the site's settings (overwrite_existing).
	takesOver bool
}

// leaver is a resource that will be destroyed.
type leaver struct {
	lastApplied
	how site.OnDestroy
}

// spares reports whether destroying the resource leaves the site unchanged: because another resource manages it now, or because its
// mail is already off or cleared.
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

// claims holds the claims of all sites. Two entries with the same address, or with the same ID that a site gave itself, are one site.
type claims struct {
	mu  sync.Mutex
	all map[string]*claim
}

// of returns the claim of a site. An address or ID that is not known yet is empty.
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

// claimOf returns the claim of the site of e. siteID is empty if it is not known.
func (s *sites) claimOf(e *entry, siteID string) *claim { return s.claims.of(e.address, siteID) }

// manage records that r manages the site of e, and reports an error if another resource does too. siteID is empty if it is not known.
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

// leave records that a resource for the site of e will be destroyed.
func (s *sites) leave(ctx context.Context, e *entry, siteID string, r leaver, diags *diag.Diagnostics) {
	c := s.claimOf(e, siteID)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving = append(c.leaving, r)
	c.refuseLeaving(ctx, e, diags)
}

// forgetting tells how to remove one of two resources without changing the site.
const forgetting = "remove the other from the state without destroying it:\n\n" +
	"  removed {\n    from = smtp_settings.<other>\n    lifecycle {\n      destroy = false\n    }\n  }"

// replacingDeposed does so for a deposed object, which no block can address. Terraform destroys deposed objects last.
const replacingDeposed = "If terraform show lists it as a deposed object, neither block reaches it. Set overwrite_existing = true and apply: the resource is created " +
	"first, and destroying the deposed object then leaves the site as it is."

// refuseLeaving refuses to destroy a resource while another resource manages the same site: whether mail stayed on would depend on
// the order of the two. A resource that can be destroyed without changing the site may go, such as a deposed object that was taken over.
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

// apply records that a resource was applied to the site. From then on, destroying the resource that it replaces
// (create_before_destroy) does not touch the site.
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
