package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
)

// mostNamed is how many sites a warning names.
const mostNamed = 5

// addOutdated warns once in a walk of all sites whose WordPress plugin is old, as soon as every site was asked: an agency with
// hundreds of them needs one number and one command.
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
	named := strings.Join(old[:min(len(old), mostNamed)], ", ")
	if more := len(old) - mostNamed; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	diags.AddWarning("WordPress plugin is not the newest", fmt.Sprintf(
		"%d of %d sites run a version of the plugin Site SMTP that is older than %s: %s.\n\nUpdate it there: "+
			"wp plugin install https://github.com/sitemail/terraform-provider-smtp/releases/latest/download/site-smtp.zip --force --activate; "+
			"where it is a must-use plugin, replace site-smtp.php.", len(old), len(s.entries), siteadmin.WordPressPlugin, named))
}

// outdated returns the version of the site's software where that is old, and whether the site was asked in this walk.
func (e *entry) outdated() (version string, asked bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen != nil {
		version = e.seen.Outdated
	}
	return version, e.asked || e.site == nil
}
