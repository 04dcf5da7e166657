package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

const passwordMissing = "Password is missing"

// summaries are static, one a cause: Terraform groups equal ones, and people search for them.
var summaries = map[site.Kind]string{
	site.Stale:                "Site was changed by somebody else",
	site.WrongSite:            "Another site answers",
	site.Invalid:              "Site does not accept a value",
	site.PasswordRequired:     passwordMissing,
	site.VerificationRequired: "Site does not enable mail without a passed test",
	site.Unauthorized:         "Site does not accept the credentials",
	site.Blocked:              "Something in front of the site answered",
	site.RateLimited:          "Site wants fewer calls",
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

// addSiteError reports a failed call to the site that messages call label, while doing something.
func addSiteError(diags *diag.Diagnostics, label, doing string, locate locator, err error) {
	summary := "Site call failed"
	if errors.Is(err, context.DeadlineExceeded) {
		summary = "Site took too long"
	}
	var field string
	if e, ok := errors.AsType[*site.Error](err); ok {
		summary, field = summaries[e.Kind], e.Field
	}
	detail := fmt.Sprintf("%s: %s failed: %s", label, doing, err)
	if errors.Is(err, context.Canceled) {
		summary = "Run was interrupted"
		detail += "\n\nNobody waited for what the site made of the call. The next plan reads it."
	}
	locate.add(diags, field, summary, detail)
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
	addSiteError(diags, e.label, "reading it", nowhere, err)
}

// tolerates reports whether a failed read is to be a warning: the site is not there, and on_unreachable says so.
func (e *entry) tolerates(err error) bool {
	kind := site.KindOf(err)
	gone := kind == site.Unreachable || kind == site.Blocked || kind == site.NoAnswer || errors.Is(err, context.DeadlineExceeded)
	return gone && e.onUnreachable == onUnreachableWarn
}

func addWrongSite(diags *diag.Diagnostics, label, pinned, answers string) {
	diags.AddAttributeError(path.Root("site"), summaries[site.WrongSite], fmt.Sprintf(
		"%s: the settings were applied to the site with id %q, and now the one with id %q answers. Nothing was sent to it. Check the url. If the site "+
			"was rebuilt, set repin = true in its entry of the provider's sites and apply once.", label, pinned, answers))
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

// addApplyError reports a change that was not made. now is what the site holds by the procedure's account.
func addApplyError(ctx context.Context, diags *diag.Diagnostics, e *entry, c site.Change, locate locator, now site.State, err error) {
	addUntested(diags, e.label, err)
	failed, ok := errors.AsType[*site.TestError](err)
	if !ok {
		addSiteError(diags, e.label, "saving its mail settings", locate, err)
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

// addUntested reports, beside whatever made a change fail, that mail may be on with settings that did not pass.
func addUntested(diags *diag.Diagnostics, label string, err error) {
	partial, ok := errors.AsType[*site.PartialError](err)
	if !ok || partial.Undo == nil {
		return
	}
	diags.AddAttributeError(path.Root("enabled"), "Mail may be on with settings that did not pass a test", fmt.Sprintf(
		"%s: the settings were saved for their test, and that mail is off again could not be made sure: %s\n\nApply again as soon as the site answers: the apply "+
			"begins with this. Or switch mail off in the site's admin page now.", label, partial.Undo))
}

// addFailure reports a test that did not pass. locate says where the setting at fault is configured; fromHere, which may be
// empty, is what else was found out about it.
func addFailure(diags *diag.Diagnostics, label string, locate locator, failure diagnosis.Failure, fromHere string) {
	verdict := failure.Diagnosis()
	what := "the test message was not accepted"
	if failure.Machine == thisMachine {
		what = "the settings were refused before a test message was sent"
	}
	detail := fmt.Sprintf("%s: %s.\n\n%s%s", label, what, failure.Text(), fromHere)
	locate.add(diags, verdict.Attribute, verdict.Summary, detail)
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
