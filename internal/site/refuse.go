package site

import (
	"reflect"
	"slices"
)

// Refuse lists what the platform cannot hold of a change: what no apply of it could ever come to. A plan shows it, and
// Apply calls nothing.
func (c Capabilities) Refuse(change Change) []Refusal {
	return slices.Concat(c.refuseSwitch(change), c.refuseSettings(change), c.refusePassword(change), c.refuseRecipient(change.Recipient))
}

func (c Capabilities) refuseSwitch(change Change) []Refusal {
	var reason string
	switch {
	case change.Enabled && c.NoVerdict:
		reason = "the platform cannot say whether a test message was accepted, so mail is never enabled."
	case change.Enabled && c.Testing == TestsEnabled && c.Off == OffNever:
		reason = "the platform can test only while mail is on, and could not switch it off when the test fails."
	case !change.Enabled && c.Off == OffByClearing:
		reason = `the platform cannot keep settings while mail is off. To stop mail, clear them: set on_destroy = "clear", apply, then remove the resource.`
	case !change.Enabled && c.Off == OffNever:
		reason = "the platform has no way to switch mail off."
	default:
		return nil
	}
	return []Refusal{{"enabled", reason}}
}

func (c Capabilities) refuseSettings(change Change) []Refusal {
	var refusals []Refusal
	for _, f := range change.Candidate.Settings.Fields() {
		for _, lack := range c.Lacks {
			if lack.Field == f.Name && lack.fits(f.Value) && (lack.When == nil || lack.When(change.Candidate.Settings)) {
				refusals = append(refusals, Refusal{f.Name, lack.Reason})
			}
		}
	}
	if c.PasswordStays && change.Prior.PasswordSet && change.Candidate.Settings.Username == "" {
		refusals = append(refusals, Refusal{"username", "the platform cannot forget a password that it has, and would go on to log in with it."})
	}
	return refusals
}

func (l Lack) fits(value any) bool {
	if l.Value == nil {
		return !reflect.ValueOf(value).IsZero()
	}
	return l.Value == value
}

func (c Capabilities) refusePassword(change Change) []Refusal {
	if !change.Candidate.LacksPassword() {
		return nil
	}
	steps := change.Steps()
	switch {
	case c.TestNeedsPassword && steps.Test:
		return []Refusal{{"password", "the platform does not test with the password that it has stored."}}
	case c.SaveNeedsPassword && steps.Save && change.Enabled:
		return []Refusal{{"password", "the platform loses its stored password with every write that does not bring it along."}}
	}
	return nil
}

func (c Capabilities) refuseRecipient(recipient string) []Refusal {
	if recipient == "" {
		return nil
	}
	switch c.Addressee {
	case ToCaller:
		return []Refusal{{"recipient", "the platform sends its test message to the account that the provider logs in with, and to nobody else."}}
	case ToFixed:
		return []Refusal{{"recipient", "the platform sends its test message to an address that is set up at the site, and to nobody else."}}
	}
	return nil
}

// RefuseDestroy says why the platform cannot be left in this way; false when it can.
func (c Capabilities) RefuseDestroy(how OnDestroy) (Refusal, bool) {
	var reason string
	switch {
	case how == Keep:
	case c.Off == OffNever:
		reason = `the platform has no way to switch mail off: set on_destroy = "keep".`
	case how == Disable && c.Off == OffByClearing:
		reason = `the platform cannot keep settings while mail is off: set on_destroy = "clear" or "keep".`
	case how == Clear && c.PasswordStays:
		reason = `the platform cannot forget a password that it has: set on_destroy = "disable" or "keep".`
	}
	return Refusal{"on_destroy", reason}, reason != ""
}

// RefuseTest says why the platform cannot make this test of its own, at a site that holds now; false when it can.
func (c Capabilities) RefuseTest(t Test, now State) (Refusal, bool) {
	var field, reason string
	switch {
	case c.Testing == TestsInSave:
		reason = "the platform tests only in the course of saving."
	case c.NoVerdict:
		reason = "the platform cannot say whether a test message was accepted."
	case t.Candidate != nil && c.Testing != TestsCandidates:
		reason = "the platform tests only what it has saved. Leave the settings out to test those."
	case t.Candidate == nil && c.Testing == TestsEnabled && !now.Enabled:
		reason = "the platform tests only while mail is on, and it is off."
	case t.Candidate == nil && c.TestNeedsPassword && now.Settings.Username != "":
		field, reason = "password", "the platform does not test with the password that it has stored."
	default:
		if refusals := c.refuseRecipient(t.Recipient); len(refusals) > 0 {
			return refusals[0], true
		}
	}
	return Refusal{field, reason}, reason != ""
}

// Warnings lists what a change risks at the site until its test has passed, one sentence or two each.
func (c Capabilities) Warnings(change Change) []string {
	if c.Testing != TestsSaved && c.Testing != TestsEnabled || !change.Steps().Test {
		return nil
	}
	var warnings []string
	if change.untestedIsOn() {
		warnings = append(warnings, "Mail is on with settings that are not known to have passed a test. They are tested first, and mail is switched off unless they pass.")
		if !change.affectsDelivery() {
			return warnings
		}
	}
	switch {
	case c.Testing == TestsEnabled:
		warnings = append(warnings, "The platform can test only while mail is on, so mail is on with the new settings while they are tested. If the run is killed in that time, "+
			"they stay on untested until the next apply, which begins with testing them.")
	case change.Prior.Enabled:
		warnings = append(warnings, "The platform can test only what it has saved, so mail is off until the new settings have passed the test.")
	}
	switch {
	case !change.Prior.Enabled:
	case c.canRestore(change):
		warnings = append(warnings, "If the test fails, the settings that work now are put back.")
	default:
		warnings = append(warnings, "If the test fails, mail is off: the settings that work now cannot be put back without their password.")
	}
	return warnings
}

// canRestore reports whether what is on is known to have passed, and can be written again as it was.
func (c Capabilities) canRestore(change Change) bool {
	if !change.Prior.Enabled || change.Prior.Verification == nil {
		return false
	}
	if change.Prior.Settings.Username == "" {
		return !c.PasswordStays
	}
	return !change.PriorPassword.IsEmpty()
}
