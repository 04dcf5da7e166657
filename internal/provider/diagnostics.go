package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

const (
	passwordMissing = "Password is missing"
	cannotBeAdopted = "Site cannot be adopted"
)

// summaries are static, one for each cause, because Terraform groups equal summaries and people search for them.
var summaries = map[site.Kind]string{
	site.Stale:                "Site was changed by someone else",
	site.WrongSite:            "Another site answers",
	site.Invalid:              "Site does not accept a value",
	site.NotInForce:           cannotBeAdopted,
	site.PasswordRequired:     passwordMissing,
	site.VerificationRequired: "Site does not enable mail without a passed test",
	site.Unauthorized:         "Site does not accept the credentials",
	site.Blocked:              "Something in front of the site answered",
	site.RateLimited:          "Site limits requests",
	site.Unreachable:          "Site cannot be reached",
	site.NoAnswer:             "Site did not confirm the request",
	site.Unsupported:          "Site cannot do this",
	site.Unexpected:           "Site answered in an unexpected way",
}

// shown cleans and shortens a value from a site for use in a message.
func shown(value string) string { return untrusted.Brief(value, 254) }

// addSiteError reports a failed request to the site of e. doing names the operation that failed, such as "reading it".
func (e *entry) addSiteError(diags *diag.Diagnostics, doing string, locate locator, err error) {
	summary := "Request to the site failed"
	if errors.Is(err, context.DeadlineExceeded) {
		summary = "Site took too long"
	}
	var field string
	if failed, ok := errors.AsType[*site.Error](err); ok {
		summary, field = summaries[failed.Kind], failed.Field
	}
	detail := fmt.Sprintf("%s: %s failed: %s%s", e.label, doing, err, e.advice(err))
	if errors.Is(err, context.Canceled) {
		summary = "Run was interrupted"
		detail += "\n\nThe site may or may not have carried out the request. The next plan reads its current settings."
	}
	locate.add(diags, field, summary, detail)
}

// advice says how to fix a failed request; it is empty for errors that need no change of the configuration.
func (e *entry) advice(err error) string {
	switch kind := site.KindOf(err); {
	case kind == site.Unauthorized && e.withoutAccount && e.only:
		return "\n\nThe provider has no credentials for it. Set token, or SMTP_SITE_TOKEN in the environment; or username and password."
	case kind == site.Unauthorized && e.withoutAccount:
		return "\n\nIts entry in sites has neither a token nor a username and password. Terraform ignores unknown arguments of an entry, so check their spelling."
	case kind == site.Unauthorized && e.only:
		return "\n\nCheck token (or SMTP_SITE_TOKEN), or username and password, in the provider's configuration."
	case kind == site.Unauthorized:
		return "\n\nCheck token, or username and password, in its entry of the provider's sites."
	case kind == site.Blocked && e.platform == platform.WordPress && statusOf(err) == http.StatusUnauthorized:
		return "\n\nIf that is a login of the web server: set username and password to it, and token to a token of the plugin (wp site-smtp token create)."
	case kind == site.Unexpected && !missesAPI(err):
	case kind == site.Unexpected && e.endsInAdmin() != "":
		return fmt.Sprintf("\n\nurl ends in %s, which is not part of the site's address. Remove it: the provider adds the path that the platform needs.", e.endsInAdmin())
	case kind == site.Unexpected && e.platform == platform.WordPress:
		return "\n\nIs url the address of the WordPress site, and is the plugin Site SMTP installed and activated, or its single file in wp-content/mu-plugins? To install it, see " + wordPressGuide
	case kind == site.Unexpected && e.platform == platform.SiteAdmin:
		return "\n\nDoes the site at url implement the site admin API, at <url>/admin/api/v1? For WordPress with the plugin, PocketBase or listmonk, set platform."
	}
	return ""
}

const wordPressGuide = "https://registry.terraform.io/providers/sitemail/smtp/latest/docs/guides/platform-wordpress"

// statusOf returns the HTTP status of the response that err is about, or 0.
func statusOf(err error) int {
	failed, ok := errors.AsType[*adminapi.Error](err)
	if !ok {
		return 0
	}
	return failed.Status
}

// missesAPI reports whether a request reached something other than the platform's admin API: the address does not exist, or the
// response is not one of an API.
func missesAPI(err error) bool {
	failed, ok := errors.AsType[*adminapi.Error](err)
	return ok && (failed.Kind == adminapi.Malformed || failed.Kind == adminapi.Refused &&
		(failed.Status == http.StatusNotFound || failed.Status == http.StatusMethodNotAllowed || failed.Front != ""))
}

// adminPaths are the paths of each platform's admin pages and API, which people copy along with the address.
var adminPaths = map[string][]string{
	platform.SiteAdmin:  {"/admin/api/v1", "/admin/api", "/admin"},
	platform.WordPress:  {"/wp-admin", "/wp-login.php", "/wp-json"},
	platform.PocketBase: {"/_", "/api"},
	platform.Listmonk:   {"/admin", "/api"},
}

// endsInAdmin returns the admin or API path that the url of e ends in, or "".
func (e *entry) endsInAdmin() string {
	for _, path := range adminPaths[e.platform] {
		if strings.HasSuffix(strings.TrimRight(e.address, "/"), path) {
			return path
		}
	}
	return ""
}

// mayAnswerLater reports whether a failed read may succeed without any change of the configuration.
func mayAnswerLater(err error) bool {
	switch site.KindOf(err) {
	case site.Unreachable, site.NoAnswer, site.RateLimited:
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// addConfigError reports provider arguments that cannot be used; at is the entry of sites, empty for the only site.
func addConfigError(diags *diag.Diagnostics, at path.Path, label string, err error) {
	if e, ok := errors.AsType[*adminapi.ConfigError](err); ok {
		diags.AddAttributeError(at.AtName(e.Attribute), "Provider argument cannot be used", fmt.Sprintf("%s: %s", label, e.Message))
		return
	}
	diags.AddAttributeError(at, "Provider argument cannot be used", fmt.Sprintf("%s: %s", label, err))
}

// addReadError reports a failed refresh: as a warning if the site is unreachable and on_unreachable allows that, else as an error. An
// import always fails, because it has no last known state.
func addReadError(diags *diag.Diagnostics, e *entry, imported bool, err error) {
	if !imported && e.tolerates(err) {
		diags.AddWarning("Site cannot be reached and keeps its last known state", fmt.Sprintf("%s: %s", e.label, err))
		return
	}
	if unreachable(err) && !imported {
		err = fmt.Errorf("%w\n\n%s %s", err, toleranceAdvice, waysOut)
	}
	e.addSiteError(diags, "reading it", nowhere, err)
}

// toleranceAdvice says how to plan the other sites while one does not answer.
const toleranceAdvice = "To plan the other sites without it, set on_unreachable = \"warn\" for it."

// addLeavingError reports that on_destroy could not be carried out, so the resource stays in the state.
func (e *entry) addLeavingError(diags *diag.Diagnostics, how site.OnDestroy, err error) {
	if unreachable(err) {
		err = fmt.Errorf("%w\n\nThe resource stays in the state: destroy it again once the site answers. %s", err, waysOut)
	}
	e.addSiteError(diags, "destroying the resource (on_destroy = \""+string(how)+"\")", nowhere, err)
}

// tolerates reports whether a failed read is only a warning: the site is unreachable, and on_unreachable is "warn".
func (e *entry) tolerates(err error) bool {
	return unreachable(err) && e.onUnreachable == onUnreachableWarn
}

// unreachable reports whether a site did not answer, even if something in front of it did.
func unreachable(err error) bool {
	kind := site.KindOf(err)
	return kind == site.Unreachable || kind == site.Blocked || kind == site.NoAnswer || errors.Is(err, context.DeadlineExceeded)
}

func addWrongSite(diags *diag.Diagnostics, label, pinned, answers string) {
	diags.AddAttributeError(path.Root("site"), summaries[site.WrongSite], fmt.Sprintf(
		"%s: the settings were applied to the site with id %q, but the site with id %q answers now. Nothing was sent to it. Check the url. If the site "+
			"was rebuilt, set repin = true beside its url and apply once.", label, pinned, answers))
}

// addWrongImport reports that the site at a key does not have the ID that the import asks for.
func addWrongImport(diags *diag.Diagnostics, label, asked, answers string) {
	diags.AddAttributeError(path.Root("site"), summaries[site.WrongSite], fmt.Sprintf(
		"%s: the import asks for the site with id %q, but the site with id %q answers there. Nothing was imported. Check site and site_id of the import, or omit "+
			"site_id to import the site that answers.", label, asked, answers))
}

// addIdleRepin warns about a repin that has done its work: left in place, it would also accept the next wrong site.
func (e *entry) addIdleRepin(diags *diag.Diagnostics) {
	if e.repin {
		diags.AddWarning("repin is no longer needed", e.label+": the managed site answers, so repin = true has no further effect. Remove it: while it is set, any other site "+
			"that answers at this url gets the mail password.")
	}
}

// addPasswordDrift explains why the plan sets the password again although the configuration has not changed.
func (e *entry) addPasswordDrift(diags *diag.Diagnostics, m settingsModel, now site.State) {
	summary, at, what := "Password was changed at the site", path.Root("password_wo_version"), "password"
	switch {
	case m.oauth2().hasVersion():
		summary, at, what = "Secret was changed at the site", path.Root("oauth2"), "secret"
	case m.PasswordWOVersion.IsNull() && m.Password.IsNull():
		return
	case m.PasswordWOVersion.IsNull():
		at = path.Root("password")
	}
	found := "someone has set a " + what + " there since the last apply"
	if !now.PasswordSet {
		found = "it no longer has a " + what
	}
	diags.AddAttributeWarning(at, summary, fmt.Sprintf("%s: %s. The next apply tests and saves the configured %s again.", e.label, found, what))
}

// addNotKept reports attributes that a site accepted but stored differently. It returns false if there are none.
func addNotKept(diags *diag.Diagnostics, label string, attributes []string) bool {
	if len(attributes) == 0 {
		return false
	}
	diags.AddError(summaries[site.Unexpected], fmt.Sprintf(
		"%s: the site accepted the change but did not store it as sent: %s differs. This is a bug in the site; its admin page shows what it stored.",
		label, quotedList(attributes)))
	return true
}

// addLateReplacement reports a site argument that was unknown in the plan, and turned out to be a different site in the apply.
func addLateReplacement(diags *diag.Diagnostics, label, pinned, answers string) {
	diags.AddAttributeError(path.Root("site"), summaries[site.WrongSite], fmt.Sprintf(
		"%s: the site of this resource was not known until now. It has id %q; until now the resource managed the site with id %q. Nothing was changed at "+
			"either site. Apply again (without -refresh=false): the new plan destroys the settings at the old site and creates them at the new one.", label, answers, pinned))
}

// locator returns the path at which a field is configured, or false if it is not configured. Fields are named as in
// [site.Settings.Fields], plus "password" and "recipient".
type locator func(field string) (path.Path, bool)

// add reports an error at the field's path or, if it is not configured, without a path.
func (locate locator) add(diags *diag.Diagnostics, field, summary, detail string) {
	if at, ok := locate(field); ok {
		diags.AddAttributeError(at, summary, detail)
		return
	}
	diags.AddError(summary, detail)
}

// atSite is the locator for requests that fail because of the site argument.
func atSite(string) (path.Path, bool) { return path.Root("site"), true }

// nowhere is the locator for requests that involve no setting.
func nowhere(string) (path.Path, bool) { return path.Empty(), false }

// inAction is the locator for an smtp_send_test action.
func inAction(field string) (path.Path, bool) {
	if field == "password" {
		field = "password_wo"
	}
	return path.Root(field), field != ""
}
