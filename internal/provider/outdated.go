package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
)

// maxNamed is how many sites a warning names.
const maxNamed = 5

// addOutdated adds one warning per run about all sites with an outdated WordPress plugin, once every site was read. An agency with
// hundreds of sites wants one number and one command.
func (s *sites) addOutdated(diags *diag.Diagnostics) {
	var old []string
	for _, e := range s.entries {
		version, asked := e.outdated()
		if !asked {
			return
		}
		if version != "" {
			old = append(old, fmt.Sprintf("%s (%s)", e.label, version))
		}
	}
	if len(old) == 0 || !s.toldOutdated.CompareAndSwap(false, true) {
		return
	}
	slices.Sort(old)
	named := strings.Join(old[:min(len(old), maxNamed)], ", ")
	if more := len(old) - maxNamed; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	diags.AddWarning("WordPress plugin is outdated", fmt.Sprintf(
		"%d of %d sites run a version of the plugin Site SMTP that is older than %s: %s.\n\nUpdate it there: "+
			"wp plugin install https://github.com/sitemail/terraform-provider-smtp/releases/latest/download/site-smtp.zip --force --activate; "+
			"if it is installed as a must-use plugin, replace site-smtp.php.", len(old), len(s.entries), siteadmin.WordPressPlugin, named))
}

// outdated returns the version of the site's software, or "" if that is current, and whether the site was read in this run.
func (e *entry) outdated() (version string, asked bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen != nil {
		version = e.seen.Outdated
	}
	return version, e.asked || e.site == nil
}
