package provider

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// sites are the configured sites of one walk: Terraform starts the provider anew for each.
type sites struct {
	entries map[string]*entry
	claims  claims
	// unknown: the map itself is not known before the apply.
	unknown bool
	// pool and limiter are what all sites share.
	pool    *adminapi.Pool
	limiter *site.TestLimiter
	logins  loginMemory
	// inbox receives the test messages of all sites.
	inbox testInbox
	// refreshed counts the refreshes of this walk.
	refreshed atomic.Int32
	// toldOutdated: the warning of old plugins was given in this walk.
	toldOutdated atomic.Bool
}

// entry is one configured site.
type entry struct {
	key      string
	platform string
	// label is what messages call the site: its key or, for the only site of a provider, its URL.
	label string
	// only: it is the only site of a provider without sites. withoutAccount: it has no credentials.
	only, withoutAccount bool
	// unknown: how to reach the site is not known before the apply. site is nil then.
	unknown       bool
	site          site.Site
	can           site.Capabilities
	testRecipient types.String
	onUnreachable string
	// check tries a candidate from this machine, up to the login; nil where that is switched off.
	check func(context.Context, site.Candidate) site.TestResult
	// limiter bounds the tests of all sites.
	limiter *site.TestLimiter
	// repin accepts that another site answers than the one that is managed.
	repin bool
	// readAhead: the site may be read before it is asked for.
	readAhead bool

	// once is held while readOnce reads.
	once sync.Mutex
	read *site.State

	// address tells the site from others, as far as that can be told before it is read.
	address string

	mu sync.Mutex
	// seen is what the site held when it was last read in this walk; nil before.
	seen *site.State
	// asked: it was read in this walk, in vain or not.
	asked bool
	// taken: the site was asked for, or is being read ahead.
	taken bool
	ahead *reading
}

// open opens a site, at being where it is configured: an entry of sites, or empty for the only site.
func (s *sites) open(key string, m entryModel, at path.Path, diags *diag.Diagnostics) *entry {
	e := &entry{
		key:           key,
		label:         key,
		platform:      cmp.Or(m.Platform.ValueString(), platform.SiteAdmin),
		testRecipient: m.TestRecipient,
		onUnreachable: m.OnUnreachable.ValueString(),
		repin:         m.Repin.ValueBool(),
		readAhead:     isTrueByDefault(m.ReadAhead),
		unknown:       m.isUnknown(),
		limiter:       s.limiter,
		address:       "key " + key,
	}
	if address, err := adminapi.Address(m.URL.ValueString()); err == nil && !m.URL.IsUnknown() {
		e.address = address
	}
	only := len(at.Steps()) == 0
	e.only, e.withoutAccount = only, m.Token.IsNull() && m.Username.IsNull()
	if only {
		e.label = "the site"
	}
	if isTrueByDefault(m.LocalCheck) {
		e.check = new(submit.Sender).Login
	}
	if e.unknown {
		return e
	}
	opened, err := platform.Open(s.pool, m.toConfig())
	if err != nil {
		addConfigError(diags, at, e.label, err)
		return e
	}
	if only {
		e.label = m.URL.ValueString() // which platform.Open has found to hold no credentials
	}
	if m.InsecureSkipVerify.ValueBool() {
		diags.AddAttributeWarning(at.AtName("insecure_skip_verify"), "Certificate of the site is not checked",
			e.label+": with insecure_skip_verify, anyone who can intercept the connection can read its credentials and the mail password. Use ca_certificate instead.")
	}
	e.site, e.can = opened, site.CapabilitiesOf(opened)
	if e.can.Addressee != site.ToRecipient {
		e.testRecipient = types.StringNull()
	}
	return e
}

// asker is who asks for a site by its key: what to do about a key that is not there depends on it.
type asker int

const (
	byConfiguration asker = iota
	byImport
	// byDestroy is for a resource of the state that is to be destroyed.
	byDestroy
)

// find returns the entry for the value of a resource's site argument; null means the only one. It returns nil where
// the configuration is not known yet, with a diagnostic where it is known and has no such entry.
func (s *sites) find(key types.String, by asker, diags *diag.Diagnostics) *entry {
	at := path.Root("site")
	switch {
	case s == nil, s.unknown, key.IsUnknown():
		return nil
	case len(s.entries) == 0:
		diags.AddError("No site is configured", "Set url (or SMTP_SITE_URL) in the provider's configuration for one site, or sites for many.")
		return nil
	case key.IsNull() && len(s.entries) > 1:
		diags.AddAttributeError(at, "Site is missing", fmt.Sprintf("The provider has %d sites: set site to the key of one of them.", len(s.entries)))
		return nil
	case key.IsNull():
		for _, only := range s.entries {
			return only
		}
	}
	if e, ok := s.entries[key.ValueString()]; ok {
		return e
	}
	diags.AddAttributeError(at, "Site is not configured", fmt.Sprintf("%q is not a key of the provider's sites.%s%s",
		key.ValueString(), s.near(key.ValueString()), s.adviceOnMissing(key.ValueString(), by)))
	return nil
}

// adviceOnMissing says what to do about a key that is not there.
func (s *sites) adviceOnMissing(key string, by asker) string {
	switch by {
	case byImport:
		return " The import id of a site is its key there, or \"" + onlySite + "\" for the only site of a provider without sites."
	case byDestroy:
		return fmt.Sprintf(" This resource is about to be destroyed, which would change that site (on_destroy).\n\n"+
			"If the site goes by another key now, keep the resource under its new address:\n\n"+
			"  moved {\n    from = smtp_settings.client[%q]\n    to   = smtp_settings.client[\"<new key>\"]\n  }\n\n"+
			"If you want to stop managing it, put its entry back into sites, apply, and remove the entry after that.\n\n%s", key, waysOut)
	}
	return " Check its spelling.\n\nIf the key was renamed in sites, use the new one here: as long as the same site answers, the resource is updated in " +
		"place. If the resource has a new address as well, add a moved block.\n\nIf you want to stop managing the site, remove this resource and apply while its " +
		"entry is still in sites.\n\n" + waysOut
}

// waysOut is how a site is given up that nobody can reach any more.
const waysOut = "If the site is gone for good, have the state forget it, with\n\n  removed {\n    from = smtp_settings.<name>\n    lifecycle {\n      destroy = false\n    }\n  }\n\n" +
	"or, for one of many, with terraform state rm."

// isTrueByDefault is for switches that are on where the configuration says nothing.
func isTrueByDefault(b types.Bool) bool { return b.IsNull() || b.ValueBool() }

// reachable returns the entry for a key that something outside the plan asks for now.
func (s *sites) reachable(key types.String, by asker, diags *diag.Diagnostics) *entry {
	e := s.find(key, by, diags)
	if (e == nil || e.site == nil) && !diags.HasError() {
		diags.AddAttributeError(path.Root("site"), "Site is not known yet",
			"How to reach the site becomes known only in the apply. Apply that first, or remove this until then.")
	}
	return e
}

// near names the keys that somebody who typed key may have meant.
func (s *sites) near(key string) string {
	var near []string
	most := min(max(2, len(key)/3), len(key)-1) // of a key of one letter, no other one is a misspelling
	for _, candidate := range slices.Sorted(maps.Keys(s.entries)) {
		if levenshtein.Distance(strings.ToLower(key), strings.ToLower(candidate), nil) <= most {
			near = append(near, candidate)
		}
	}
	if len(near) == 0 {
		return ""
	}
	return " Did you mean " + quotedList(near[:min(len(near), 5)]) + "?"
}

// lastSeen is what the site held when it was last read in this walk; it is read now if it never was.
func (e *entry) lastSeen(ctx context.Context) (site.State, error) {
	e.mu.Lock()
	seen := e.seen
	e.mu.Unlock()
	if seen != nil {
		return *seen, nil
	}
	return e.readNow(ctx)
}

// seenID is the id of the site if it was read in this walk.
func (e *entry) seenID() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen == nil {
		return ""
	}
	return e.seen.SiteID
}

// readNow reads the site.
func (e *entry) readNow(ctx context.Context) (site.State, error) {
	now, err := e.site.Read(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = true
	if err == nil {
		e.seen = &now
	}
	return now, err
}

// readOnce reads the site, once in a walk: what the plan of a creation saw is what the creation's write is guarded by.
func (e *entry) readOnce(ctx context.Context) (site.State, error) {
	e.once.Lock()
	defer e.once.Unlock()
	if e.read == nil {
		state, err := e.answer(ctx)
		if err != nil {
			return site.State{}, err
		}
		e.read = &state
	}
	return *e.read, nil
}
