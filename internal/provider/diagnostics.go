package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

const (
	passwordMissing = "Password is missing"
	cannotBeAdopted = "Site cannot be adopted"
)

// summaries are static, one a cause: Terraform groups equal ones, and people search for them.
var summaries = map[site.Kind]string{
	site.Stale:                "Site was changed by somebody else",
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

// The machines that test, as diagnosis names them.
const (
	theSite     = "the site"
	thisMachine = "this machine"
)

// shown is a value of a site in a message.
func shown(value string) string { return untrusted.Brief(value, 254) }

// addSiteError reports a failed call to the site of e, while doing something.
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
		detail += "\n\nWhether the site carried out the request is not known. The next plan reads what it holds."
	}
	locate.add(diags, field, summary, detail)
}

// advice says what to do about a call that waiting cannot help; empty for all others.
func (e *entry) advice(err error) string {
	switch kind := site.KindOf(err); {
	case kind == site.Unauthorized && e.withoutAccount && e.only:
		return "\n\nThe provider has no credentials for it. Set token, or SMTP_SITE_TOKEN in the environment; or username and password."
	case kind == site.Unauthorized && e.withoutAccount:
		return "\n\nIts entry in sites has neither token nor username and password. Terraform drops members of an entry that it does not know: check their spelling."
	case kind == site.Unauthorized && e.only:
		return "\n\nCheck token (or SMTP_SITE_TOKEN), or username and password, in the provider's configuration."
	case kind == site.Unauthorized:
		return "\n\nCheck token, or username and password, in its entry of the provider's sites."
	case kind == site.Blocked && e.platform == platform.WordPress && statusOf(err) == http.StatusUnauthorized:
		return "\n\nIf that is a login of the web server: set username and password to it, and token to a token of the plugin (wp site-smtp token create)."
	case kind == site.Unexpected && !missesAPI(err):
	case kind == site.Unexpected && e.endsInAdmin() != "":
		return fmt.Sprintf("\n\nurl ends in %s, which is not part of the site's address. Remove that: the provider adds what the platform needs.", e.endsInAdmin())
	case kind == site.Unexpected && e.platform == platform.WordPress:
		return "\n\nIs url the address of the WordPress site, and is the plugin Site SMTP installed and activated, or its single file in wp-content/mu-plugins? How to get it: " + wordPressGuide
	case kind == site.Unexpected && e.platform == platform.SiteAdmin:
		return "\n\nIs url that of a site that speaks the site admin API, at <url>/admin/api/v1? For a WordPress with the plugin, a PocketBase or a listmonk, set platform."
	}
	return ""
}

const wordPressGuide = "https://registry.terraform.io/providers/sitemail/smtp/latest/docs/guides/platform-wordpress"

// statusOf is the status of the answer that err is about; 0 for none.
func statusOf(err error) int {
	failed, ok := errors.AsType[*adminapi.Error](err)
	if !ok {
		return 0
	}
	return failed.Status
}

// missesAPI reports whether a call met something else than the platform's admin API: no such address, or no answer of an API.
func missesAPI(err error) bool {
	failed, ok := errors.AsType[*adminapi.Error](err)
	return ok && (failed.Kind == adminapi.Malformed || failed.Kind == adminapi.Refused &&
		(failed.Status == http.StatusNotFound || failed.Status == http.StatusMethodNotAllowed || failed.Front != ""))
}

// adminPaths are where the platforms have their pages for people and their APIs, which people copy along with the address.
var adminPaths = map[string][]string{
	platform.SiteAdmin:  {"/admin/api/v1", "/admin/api", "/admin"},
	platform.WordPress:  {"/wp-admin", "/wp-login.php", "/wp-json"},
	platform.PocketBase: {"/_", "/api"},
	platform.Listmonk:   {"/admin", "/api"},
}

// endsInAdmin is the path of the admin page or of the API that the url of e ends in; empty for none.
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

// addReadError reports a failed refresh, which on_unreachable can turn into a warning where the site is not there. An import has
// no last known state to go on with.
func addReadError(diags *diag.Diagnostics, e *entry, imported bool, err error) {
	if !imported && e.tolerates(err) {
		diags.AddWarning("Site cannot be reached and keeps its last known state", fmt.Sprintf("%s: %s", e.label, err))
		return
	}
	if notThere(err) && !imported {
		err = fmt.Errorf("%w\n\n%s %s", err, toleranceAdvice, waysOut)
	}
	e.addSiteError(diags, "reading it", nowhere, err)
}

// toleranceAdvice is how the plan of all others goes on beside a site that does not answer.
const toleranceAdvice = "To plan the other sites without it, set on_unreachable = \"warn\" for it."

// addLeavingError reports a site that could not be left as on_destroy says, and still is in the state.
func (e *entry) addLeavingError(diags *diag.Diagnostics, how site.OnDestroy, err error) {
	if notThere(err) {
		err = fmt.Errorf("%w\n\nThe state keeps the resource: destroy it again when the site answers. %s", err, waysOut)
	}
	e.addSiteError(diags, "leaving it (on_destroy = \""+string(how)+"\")", nowhere, err)
}

// tolerates reports whether a failed read is to be a warning: the site is not there, and on_unreachable says so.
func (e *entry) tolerates(err error) bool {
	return notThere(err) && e.onUnreachable == onUnreachableWarn
}

// notThere reports whether a site failed to answer, whatever is in its place.
func notThere(err error) bool {
	kind := site.KindOf(err)
	return kind == site.Unreachable || kind == site.Blocked || kind == site.NoAnswer || errors.Is(err, context.DeadlineExceeded)
}

func addWrongSite(diags *diag.Diagnostics, label, pinned, answers string) {
	diags.AddAttributeError(path.Root("site"), summaries[site.WrongSite], fmt.Sprintf(
		"%s: the settings were applied to the site with id %q, and now the one with id %q answers. Nothing was sent to it. Check the url. If the site "+
			"was rebuilt, set repin = true beside its url and apply once.", label, pinned, answers))
}

// addWrongImport reports that the site that was asked for by its id is not the one at its key.
func addWrongImport(diags *diag.Diagnostics, label, asked, answers string) {
	diags.AddAttributeError(path.Root("site"), summaries[site.WrongSite], fmt.Sprintf(
		"%s: the import asks for the site with id %q, but the one with id %q answers there. Nothing was imported. Check site and site_id of the import, or omit "+
			"site_id to import the site that answers.", label, asked, answers))
}

// addIdleRepin warns of a repin that has done its work, and would let the next wrong site pass.
func (e *entry) addIdleRepin(diags *diag.Diagnostics) {
	if e.repin {
		diags.AddWarning("repin is no longer needed", e.label+": the managed site answers, so repin = true has no further effect. Remove it: while it is set, any other site "+
			"that answers at this url gets the mail password.")
	}
}

// addPasswordDrift says why a password that the configuration did not change is to be set again.
func (e *entry) addPasswordDrift(diags *diag.Diagnostics, m settingsModel, now site.State) {
	found := "someone has set a password there since the last apply"
	if !now.PasswordSet {
		found = "it no longer has a password"
	}
	at := path.Root("password_wo_version")
	switch {
	case m.oauth2().versions() != oauth2Model{}.versions():
		at = path.Root("oauth2")
		found = strings.ReplaceAll(found, "password", "secret")
	case m.PasswordWOVersion.IsNull() && m.Password.IsNull():
		return
	case m.PasswordWOVersion.IsNull():
		at = path.Root("password")
	}
	diags.AddAttributeWarning(at, "Password was changed at the site", fmt.Sprintf("%s: %s. The next apply tests and saves the configured password again.", e.label, found))
}

// addNotKept reports attributes that a site, which took a change, has otherwise than it was asked for; false for none.
func addNotKept(diags *diag.Diagnostics, label string, attributes []string) bool {
	if len(attributes) == 0 {
		return false
	}
	diags.AddError(summaries[site.Unexpected], fmt.Sprintf(
		"%s: the site accepted the change and did not keep what was saved: %s differs. This is a bug of the site; its admin page shows what it holds.",
		label, quotedList(attributes)))
	return true
}

// addLateReplacement reports a site argument that was not known when the change was planned, and leads to another site.
func addLateReplacement(diags *diag.Diagnostics, label, pinned, answers string) {
	diags.AddAttributeError(path.Root("site"), summaries[site.WrongSite], fmt.Sprintf(
		"%s: which site this resource manages became known only now. It is the one with id %q; until now it was the one with id %q. Nothing was changed at "+
			"either. Apply again (without -refresh=false): that plan leaves the old site and sets up the new one.", label, answers, pinned))
}

// locator says where the setting of that name is configured, by the names of [site.Settings.Fields] and "password" and
// "recipient"; false when nowhere.
type locator func(field string) (path.Path, bool)

// add reports an error at the setting, where that is configured.
func (locate locator) add(diags *diag.Diagnostics, field, summary, detail string) {
	if at, ok := locate(field); ok {
		diags.AddAttributeError(at, summary, detail)
		return
	}
	diags.AddError(summary, detail)
}

// atSite is for calls that depend on which site it is.
func atSite(string) (path.Path, bool) { return path.Root("site"), true }

// nowhere is for calls that no setting is part of.
func nowhere(string) (path.Path, bool) { return path.Empty(), false }

// inAction locates in an smtp_send_test action.
func inAction(field string) (path.Path, bool) {
	if field == "password" {
		field = "password_wo"
	}
	return path.Root(field), field != ""
}

// addTestCutShort reports a change that failed before anything was written, though not by the verdict of a test.
func (e *entry) addTestCutShort(diags *diag.Diagnostics, timeout string, locate locator, err error) {
	const kept = "Nothing was saved, and the site's mail is as it was. A test message may still be on its way."
	refused, ok := errors.AsType[*refusedBeforeError](err)
	switch {
	case ok:
		locate.add(diags, "password", refused.summary, fmt.Sprintf("%s: %s. Nothing was saved.", e.label, refused))
	case errors.Is(err, context.Canceled):
		diags.AddError("Run was interrupted", fmt.Sprintf("%s: the test was cut short. %s", e.label, kept))
	case errors.Is(err, context.DeadlineExceeded):
		diags.AddAttributeError(path.Root("timeouts").AtName(timeout), "Test took too long", fmt.Sprintf(
			"%s: the test was cut short when the time for this change was over: %s. %s\n\nRaise %s in the timeouts block, or find out why the site or its mail server is slow.",
			e.label, err, kept, timeout))
	default:
		e.addSiteError(diags, "testing the new mail settings (nothing was saved)", locate, err)
	}
}

// addApplyError reports a change that was not made, in the time that timeouts has for it under the name of timeout. now is what the
// site holds by the procedure's account.
func addApplyError(ctx context.Context, diags *diag.Diagnostics, a attempt, timeout string, locate locator, now site.State, err error) {
	e, c := a.entry, a.change
	addUntested(diags, e.label, err)
	failed, ok := errors.AsType[*site.TestError](err)
	if !ok && c.Steps().SendsTest && !*a.saving {
		e.addTestCutShort(diags, timeout, locate, err)
		return
	}
	if !ok {
		e.addSiteError(diags, "saving its mail settings", locate, err)
		return
	}
	failure := diagnosis.Failure{
		Result:   failed.Result,
		Settings: failed.Settings,
		Machine:  theSite,
		State:    stateAfter(e.label, now, err),
		Attempts: failed.Attempts,
		Spent:    failed.Spent,
		Secrets:  []secret.Text{c.Candidate.Password, c.PriorPassword},
	}
	if failed.Local {
		failure.Machine = thisMachine
		addFailure(diags, e.label, locate, failure, "")
		return
	}
	addFailure(diags, e.label, locate, failure, e.explainFromHere(ctx, c, failed.Result))
}

// addMailWarnings reports what the site tells of its mail: that it was switched off by what happened there, or that it fails.
func addMailWarnings(diags *diag.Diagnostics, label string, now site.State) {
	if now.Notice != "" {
		diags.AddWarning("Site reports a problem with its mail settings", fmt.Sprintf("%s: %s", label, untrusted.Line(now.Notice)))
	}
	failing := now.Failing()
	if failing == nil || !now.Enabled {
		return
	}
	verdict := diagnosis.Of(failing.Result, now.Settings)
	said := mailServerSaid(failing.Result)
	diags.AddWarning("Site's mail is failing", fmt.Sprintf("%s: the last mail of the site, at %s, was not sent: %s\n\n%s. %s %s",
		label, failing.At.UTC().Format(time.RFC3339), said, verdict.Summary, verdict.Cause, verdict.Remedy))
}

// mailServerSaid is the reply that a mail failed with, or the error where there was none.
func mailServerSaid(r site.TestResult) string {
	if r.Reply != nil {
		return untrusted.Brief(r.Reply.String(), 300)
	}
	return untrusted.Brief(r.Error, 300)
}

// addUntested reports, beside whatever made a change fail, that mail may be on with settings that did not pass.
func addUntested(diags *diag.Diagnostics, label string, err error) {
	partial, ok := errors.AsType[*site.PartialError](err)
	if !ok || partial.Undo == nil {
		return
	}
	diags.AddAttributeError(path.Root("enabled"), "Mail may be on with settings that did not pass a test", fmt.Sprintf(
		"%s: the settings were saved for their test, and the provider could not make sure that mail is off again: %s\n\nApply again as soon as the site answers: the apply "+
			"begins with this. Or switch mail off in the site's admin page now.", label, partial.Undo))
}

// addFailure reports a test that did not pass. locate says where the setting at fault is configured; fromHere, which may be
// empty, is what else was found out about it.
func addFailure(diags *diag.Diagnostics, label string, locate locator, failure diagnosis.Failure, fromHere string) {
	verdict := failure.Diagnosis()
	what := "the test message was not accepted"
	switch {
	case failure.Result.Stage == site.StageArrival:
		what = arrivalFailed(failure.Result)
	case failure.Machine == thisMachine:
		what = "the settings were refused before a test message was sent"
	}
	detail := fmt.Sprintf("%s: %s.\n\n%s%s", label, what, failure.Text(), fromHere)
	locate.add(diags, verdict.Attribute, verdict.Summary, detail)
}

// arrivalFailed says what became of a message that was accepted.
func arrivalFailed(r site.TestResult) string {
	switch r.Shortfall {
	case site.NotArrived:
		return "the test message was accepted, and did not arrive"
	case site.InJunk, site.Filtered:
		return "the test message was accepted, and went to " + shown(r.Arrival.Folder)
	case site.Unchecked:
		return "the test message was accepted and delivered, and the receiving server did not check its sender"
	case site.Unaligned, site.Unauthenticated, site.NoPolicy:
		return "the test message was accepted and delivered, and its sender was not authenticated"
	}
	if !r.Unsent {
		return "the test message was accepted, but then the test inbox could not be read, so that nobody knows whether the message arrived"
	}
	return "the test inbox cannot be read, and nothing is saved before a test message is found in it"
}

// stateAfter says what a failed test left at the site: nearly always what was there before. err is nil for a test that no
// change was part of.
func stateAfter(label string, now site.State, err error) string {
	if partial, ok := errors.AsType[*site.PartialError](err); ok {
		return stateAfterWrites(label, now, partial.Left)
	}
	switch {
	case now.Settings.IsZero():
		return fmt.Sprintf("Nothing was saved. %s has no mail settings and sends no mail.", label)
	case now.Enabled:
		return fmt.Sprintf("Nothing was saved. %s still sends mail through %s with the settings that it had.", label, shown(now.Settings.Host))
	default:
		return fmt.Sprintf("Nothing was saved. Mail of %s stays off, and its settings are as they were.", label)
	}
}

// stateAfterWrites is for platforms that test only what they have saved.
func stateAfterWrites(label string, now site.State, left site.Left) string {
	switch {
	case left == site.LeftRestored:
		return fmt.Sprintf("%s sends mail through %s again, with the settings that it had.", label, shown(now.Settings.Host))
	case left == site.LeftToOthers:
		return fmt.Sprintf("Somebody else changed %s in the meantime, and that was left as it is.", label)
	case left != site.LeftOff:
		return fmt.Sprintf("Mail of %s may be on with settings that did not pass the test.", label)
	case now.Settings.IsZero():
		return fmt.Sprintf("Mail of %s is off: its settings were cleared.", label)
	default:
		return fmt.Sprintf("Mail of %s is off. The settings for %s are saved; the next apply tests again.", label, shown(now.Settings.Host))
	}
}

// explainFromHere tries a candidate from this machine whose test failed at a site that does not say why. It is empty where
// the site said why, where it is switched off, and where there is no password to try. A login that the server refused is
// never repeated: that could lock the account.
func (e *entry) explainFromHere(ctx context.Context, c site.Change, failed site.TestResult) string {
	unexplained := failed.Status == site.Failed && diagnosis.Of(failed, c.Candidate.Settings).ID == diagnosis.Unknown
	if !unexplained || e.check == nil || c.Candidate.LacksPassword() {
		return ""
	}
	const intro = "\n\nTried from this machine too, without sending a message. The site is in another network and may see something else.\n\n"
	result, err := e.limiter.Do(ctx, c.Candidate.Settings, func(ctx context.Context) (site.TestResult, error) { return e.check(ctx, c.Candidate), nil })
	if err != nil {
		return ""
	}
	if result.Status == site.Passed {
		return intro + fmt.Sprintf("From here, %s can be reached%s. The fault is then with the site's own way to it, or with the message: look at the site's log.",
			c.Candidate.Settings.Host, loginAccepted(c.Candidate))
	}
	return intro + diagnosis.Failure{
		Result:   result,
		Settings: c.Candidate.Settings,
		Machine:  thisMachine,
		Secrets:  []secret.Text{c.Candidate.Password},
	}.Text()
}

func loginAccepted(c site.Candidate) string {
	if c.Settings.Username == "" {
		return ""
	}
	return " and accepts the login"
}
