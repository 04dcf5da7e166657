package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// Names, for package diagnosis, of the machine that ran a test.
const (
	theSite     = "the site"
	thisMachine = "this machine"
)

// addTestCutShort reports a change that failed before anything was written, for another reason than a failed test.
func (e *entry) addTestCutShort(diags *diag.Diagnostics, timeout string, locate locator, err error) {
	const kept = "Nothing was saved, and the site's mail is unchanged. A test message may still arrive."
	refused, ok := errors.AsType[*refusedBeforeError](err)
	switch {
	case ok:
		locate.add(diags, "password", refused.summary, fmt.Sprintf(
			"%s: %s. Nothing was saved. The error of %s says what to do; then apply again.", e.label, refused, refused.first))
	case errors.Is(err, context.Canceled):
		diags.AddError("Run was interrupted", fmt.Sprintf("%s: the test was cut short. %s", e.label, kept))
	case errors.Is(err, context.DeadlineExceeded):
		diags.AddAttributeError(path.Root("timeouts").AtName(timeout), "Test took too long", fmt.Sprintf(
			"%s: the test did not finish before the timeout of this change: %s. %s\n\nRaise %s in the timeouts block, or find out why the site or its mail server is slow.",
			e.label, err, kept, timeout))
	default:
		e.addSiteError(diags, "testing the new mail settings (nothing was saved)", locate, err)
	}
}

// addApplyError reports a change that failed. timeout is the operation's name in the timeouts block; now is the site's state after the
// failure, as far as the procedure knows it.
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

// addMailWarnings reports problems that the site itself noticed: its mail was switched off there, or is failing.
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
	diags.AddWarning("Site's mail is failing", fmt.Sprintf("%s: the site's last message, at %s, was not sent: %s\n\n%s. %s %s",
		label, failing.At.UTC().Format(time.RFC3339), said, verdict.Summary, verdict.Cause, verdict.Remedy))
}

// mailServerSaid returns the reply with which a message was refused, or the error if there was no reply.
func mailServerSaid(r site.TestResult) string {
	if r.Reply != nil {
		return untrusted.Brief(r.Reply.String(), 300)
	}
	return untrusted.Brief(r.Error, 300)
}

// addUntested reports, in addition to the failure itself, that mail may be on with settings that did not pass a test.
func addUntested(diags *diag.Diagnostics, label string, err error) {
	partial, ok := errors.AsType[*site.PartialError](err)
	if !ok || partial.Undo == nil {
		return
	}
	diags.AddAttributeError(path.Root("enabled"), "Mail may be on with settings that did not pass a test", fmt.Sprintf(
		"%s: the settings were saved for their test, and the provider could not make sure that mail is off again: %s\n\nApply again as soon as the site answers: the apply "+
			"switches mail off first. Or switch it off in the site's admin page now.", label, partial.Undo))
}

// addFailure reports a test that did not pass. locate finds the setting at fault; fromHere, which may be empty, is what a try from
// this machine found out.
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

// arrivalFailed describes what happened to a message that was accepted.
func arrivalFailed(r site.TestResult) string {
	switch r.Shortfall {
	case site.NotArrived:
		return "the test message was accepted, but did not arrive"
	case site.InJunk, site.Filtered:
		return "the test message was accepted, but went to " + shown(r.Arrival.Folder)
	case site.Unchecked:
		return "the test message was accepted and delivered, but the receiving server did not check its sender"
	case site.Unaligned, site.Unauthenticated, site.NoPolicy:
		return "the test message was accepted and delivered, but its sender was not authenticated"
	}
	if !r.Unsent {
		return "the test message was accepted, but the test inbox could not be read, so it is not known whether the message arrived"
	}
	return "the test inbox cannot be read, and nothing is saved until a test message has been found in it"
}

// stateAfter describes the site after a failed test: almost always it is unchanged. err is nil for a test without a change.
func stateAfter(label string, now site.State, err error) string {
	if partial, ok := errors.AsType[*site.PartialError](err); ok {
		return stateAfterWrites(label, now, partial.Left)
	}
	switch {
	case now.Settings.IsZero() && now.InForce != nil:
		return fmt.Sprintf("Nothing was saved. %s still sends mail through %s, as before.", label, shown(now.InForce.By))
	case now.Settings.IsZero():
		return fmt.Sprintf("Nothing was saved. %s still has no mail settings.", label)
	case now.Enabled:
		return fmt.Sprintf("Nothing was saved. %s still sends mail through %s with the settings that it had.", label, shown(now.Settings.Host))
	default:
		return fmt.Sprintf("Nothing was saved. Mail of %s stays off, and its settings are unchanged.", label)
	}
}

// stateAfterWrites does the same for platforms that can test only saved settings.
func stateAfterWrites(label string, now site.State, left site.Left) string {
	switch {
	case left == site.LeftRestored:
		return fmt.Sprintf("%s sends mail through %s again, with the settings that it had.", label, shown(now.Settings.Host))
	case left == site.LeftToOthers:
		return fmt.Sprintf("Someone else changed %s in the meantime; that change was kept.", label)
	case left != site.LeftOff:
		return fmt.Sprintf("Mail of %s may be on with settings that did not pass the test.", label)
	case now.Settings.IsZero():
		return fmt.Sprintf("Mail of %s is off: its settings were cleared.", label)
	default:
		return fmt.Sprintf("Mail of %s is off. The settings for %s are saved; the next apply tests again.", label, shown(now.Settings.Host))
	}
}

// explainFromHere tries a candidate from this machine if its test failed at a site that does not say why. It returns "" if the site
// said why, if local_check is off, or if there is no password to try. It never retries a login that the server refused, because that
// could lock the account, and never uses a refresh token, because only the site can store the one that replaces it.
func (e *entry) explainFromHere(ctx context.Context, c site.Change, failed site.TestResult) string {
	unexplained := failed.Status == site.Failed && diagnosis.Of(failed, c.Candidate.Settings).ID == diagnosis.Unknown
	if !unexplained || e.check == nil || c.Candidate.LacksPassword() || c.Candidate.Settings.Grant == site.RefreshToken {
		return ""
	}
	const intro = "\n\nThe provider also tried this from this machine, without sending a message. The site is in a different network, so its result may differ.\n\n"
	result, err := e.limiter.Do(ctx, c.Candidate.Settings, func(ctx context.Context) (site.TestResult, error) { return e.check(ctx, c.Candidate), nil })
	if err != nil {
		return ""
	}
	if result.Status == site.Passed {
		return intro + fmt.Sprintf("From here, %s can be reached%s. The problem is then the site's connection to it, or the message: look at the site's log.",
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
