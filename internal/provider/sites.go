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

// sites holds the configured sites of one run. Terraform starts a new provider process for each.
type sites struct {
	entries map[string]*entry
	claims  claims
	// unknown is true if the map itself is known only in the apply.
	unknown bool
	// pool and limiter are shared by all sites.
	pool    *adminapi.Pool
	limiter *site.TestLimiter
	logins  loginMemory
	// inbox receives the test messages of all sites.
	inbox testInbox
	// refreshed counts the refreshes of this run.
	refreshed atomic.Int32
	// toldOutdated is true once this run has warned about outdated plugins.
	toldOutdated atomic.Bool
}

// entry is one configured site.
type entry struct {
	key      string
	platform string
	// label names the site in messages: its key or, if it is the provider's only site, its URL.
	label string
	// only is true for the only site of a provider without sites; withoutAccount is true if it has no credentials.
	only, withoutAccount bool
	// unknown is true if how to reach the site is known only in the apply. site is then nil.
	unknown       bool
	site          site.Site
	can           site.Capabilities
	testRecipient types.String
	onUnreachable string
	// check tries a candidate from this machine, up to the login; nil if local_check is off.
	check func(context.Context, site.Candidate) site.TestResult
	// limiter limits the concurrent tests of all sites.
	limiter *site.TestLimiter
	// repin accepts that a different site answers than the managed one.
	repin bool
	// readAhead is true if the site may be read before Terraform asks for it.
	readAhead bool

	// once is held while readOnce reads.
	once sync.Mutex
	read *site.State

	// address identifies the site before its ID is known: its normalized URL, or its key.
	address string

	mu sync.Mutex
	// seen is the site's state when it was last read in this run; nil before that.
	seen *site.State
	// asked is true once a read was attempted in this run.
	asked bool
	// taken is true once the site was requested or is being read ahead.
	taken bool
	ahead *reading
}

// open opens a site. at is the path of its entry in sites; empty for the only site.
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
		e.label = m.URL.ValueString() // platform.Open has checked that it contains no credentials
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

// asker is the operation that looks up a site by its key. The advice about a missing key depends on it.
type asker int

const (
	byConfiguration asker = iota
	byImport
	// byDestroy is for a resource that will be destroyed.
	byDestroy
)

// find returns the entry for the value of a resource's site argument; null means the only site. It returns nil if the configuration is
// not known yet, and nil with a diagnostic if there is no such entry.
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

// adviceOnMissing says what to do about a missing key.
func (s *sites) adviceOnMissing(key string, by asker) string {
	switch by {
	case byImport:
		return " The import ID of a site is its key in sites, or \"" + onlySite + "\" if the provider has no sites argument."
	case byDestroy:
		return fmt.Sprintf(" This resource is about to be destroyed, which would change that site (on_destroy).\n\n"+
			"If the key was renamed, move the resource to its new address:\n\n"+
			"  moved {\n    from = smtp_settings.client[%q]\n    to   = smtp_settings.client[\"<new key>\"]\n  }\n\n"+
			"To stop managing the site, put its entry back into sites, apply, and then remove the entry.\n\n%s", key, waysOut)
	}
	return " Check its spelling.\n\nIf the key was renamed in sites, use the new key here: as long as the same site answers, the resource is updated in " +
		"place. If the resource has a new address as well, add a moved block.\n\nTo stop managing the site, remove this resource and apply while its " +
		"entry is still in sites.\n\n" + waysOut
}

// waysOut says how to stop managing a site that no longer exists.
const waysOut = "If the site is gone for good, remove it from the state with\n\n  removed {\n    from = smtp_settings.<name>\n    lifecycle {\n      destroy = false\n    }\n  }\n\n" +
	"or, for a single instance, with terraform state rm."

// isTrueByDefault returns the value of a boolean argument whose default is true.
func isTrueByDefault(b types.Bool) bool { return b.IsNull() || b.ValueBool() }

// reachable returns the entry for a key whose site is needed now, and adds an error if how to reach it is not known yet.
func (s *sites) reachable(key types.String, by asker, diags *diag.Diagnostics) *entry {
	e := s.find(key, by, diags)
	if (e == nil || e.site == nil) && !diags.HasError() {
		diags.AddAttributeError(path.Root("site"), "Site is not known yet",
			"How to reach the site becomes known only in the apply. Apply that first, or remove this until then.")
	}
	return e
}

// near suggests configured keys that resemble key.
func (s *sites) near(key string) string {
	var near []string
	most := min(max(2, len(key)/3), len(key)-1) // a key of one letter has no near misses
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

// lastSeen returns the site's state when it was last read in this run, or reads it now.
func (e *entry) lastSeen(ctx context.Context) (site.State, error) {
	e.mu.Lock()
	seen := e.seen
	e.mu.Unlock()
	if seen != nil {
		return *seen, nil
	}
	return e.readNow(ctx)
}

// seenID returns the ID of the site, or "" if it was not read in this run.
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

// readOnce reads the site once per run, so that a creation's write is guarded by the revision that its plan was based on.
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
