package site

import (
	"fmt"
	"reflect"
	"slices"
)

// Capable is implemented by a [Site] whose platform differs from the site admin contract.
type Capable interface {
	// Capabilities are the same for every site of the platform, and known before any request.
	Capabilities() Capabilities
}

// CapabilitiesOf returns what the platform of s declares, or the zero Capabilities if it declares nothing.
func CapabilitiesOf(s Site) Capabilities {
	if capable, ok := s.(Capable); ok {
		return capable.Capabilities()
	}
	return Capabilities{}
}

// Capabilities say what a platform can do, which decides the order in which [Procedure] works and what a plan refuses. The zero
// Capabilities are those of the site admin contract; a platform declares only the differences.
type Capabilities struct {
	// Testing says which settings the site can test.
	Testing Testing
	// Addressee says who receives the test message.
	Addressee Addressee
	// Off says how mail is switched off.
	Off Off
	// NoVerdict: the site cannot say whether a test passed, for example because it only queues the message. Mail is then never
	// enabled.
	NoVerdict bool
	// TestNeedsPassword: the site does not test with its stored password.
	TestNeedsPassword bool
	// SaveNeedsPassword: a write without the password loses the stored one.
	SaveNeedsPassword bool
	// PasswordStays: a stored password can be replaced but not removed. So the settings cannot be cleared and, once a password is
	// set, always have a username.
	PasswordStays bool
	// Unguarded: the site accepts a write even if it was changed since it was read. Its states have no Revision. Procedure
	// reads the site again just before each write and compares, which leaves a short gap and, with HidesPasswords, misses a
	// change of the password alone.
	Unguarded bool
	// ForgetsVerification: the site does not record that its settings passed a test. Its states have no Verification. Procedure
	// adds it to what Apply returns; the caller stores it, and puts it into [Change.Prior] while settings and PasswordID are the
	// same. With HidesPasswords, if a killed run left only a new password on, it is tested when the same change is made again,
	// and not noticed before.
	ForgetsVerification bool
	// HidesPasswords: the site does not say that a password was set. Its states have no PasswordID, and PasswordSet may be a
	// guess.
	HidesPasswords bool
	// Settings names the settings that the platform has; nil means all.
	Settings []string
	// UnsupportedValues lists the values of settings that the site cannot hold.
	UnsupportedValues []UnsupportedValue
}

// Testing says which settings a site can test.
type Testing int

const (
	// TestsCandidates: settings and a password that are not saved; [TestRequest.Candidate] is set, unless the stored password is
	// meant. The candidate is tested before anything is written.
	TestsCandidates Testing = iota
	// TestsSaved: what is saved, even while mail is off; [TestRequest.Candidate] is nil. The candidate is saved with mail off,
	// tested, then enabled. Such a platform has [OffBySwitch].
	TestsSaved
	// TestsEnabled: what is saved, only while mail is on; [TestRequest.Candidate] is nil. The candidate is enabled, tested, and
	// switched off again unless it passed. Only here can mail be on untested: during the test and, if the run is killed then,
	// until the next run.
	TestsEnabled
	// TestsInSave: a [SaveRequest] with Enabled tests first and saves nothing unless the test passed; its Recipient is set. For a
	// failed test Save returns a *[TestError] that holds only the result. Test is never called, so a caller that stops after
	// refused logins sees only those of [Procedure.Check].
	TestsInSave
)

// Addressee says who receives a test message.
type Addressee int

const (
	// ToRecipient: the address in [TestRequest.Recipient].
	ToRecipient Addressee = iota
	// ToCaller: the account that calls the admin API.
	ToCaller
	// ToFixed: an address that is configured at the site.
	ToFixed
)

// Off says how a site's mail is switched off.
type Off int

const (
	// OffBySwitch: a [SaveRequest] without Enabled keeps the settings and stops mail.
	OffBySwitch Off = iota
	// OffByClearing: settings that are saved are on; only Clear stops mail.
	OffByClearing
	// OffNever: mail cannot be stopped, only redirected.
	OffNever
)

// UnsupportedValue is a value of a setting that a platform cannot hold.
type UnsupportedValue struct {
	// Field is a setting by its name in [Settings.Fields].
	Field string
	// Value is the value that is not supported, of the setting's own type; nil means everything but the zero value.
	Value any
	// When limits it to some settings; nil means all.
	When func(Settings) bool
	// Reason says why in one sentence, for the person who planned it.
	Reason string
}

// Refusal is a value that a platform cannot hold.
type Refusal struct {
	// Field is a setting by its name in [Settings.Fields], or "enabled", "password", "recipient", "require" or "on_destroy".
	Field string
	// Reason says why in one sentence.
	Reason string
}

// Refuse lists what the platform cannot hold of a change, which no apply could achieve. A plan shows it, and Apply makes no request.
func (c Capabilities) Refuse(change Change) []Refusal {
	return slices.Concat(c.refuseSwitch(change), c.refuseSettings(change), c.refusePassword(change), c.refuseRecipient(change.Recipient), c.refuseRequirement(change))
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
	refusals := c.refuseValues(change.Prior, change.Candidate.Settings)
	if c.PasswordStays && change.Prior.PasswordSet && change.Candidate.Settings.Username == "" {
		refusals = append(refusals, Refusal{"username", "the platform cannot remove a stored password, and would keep logging in with it."})
	}
	return refusals
}

// refuseValues lists the settings that the site, as read in now, cannot hold.
func (c Capabilities) refuseValues(now State, s Settings) []Refusal {
	var refusals []Refusal
	for i, f := range s.Fields() {
		before := len(refusals)
		for _, unsupported := range c.UnsupportedValues {
			if unsupported.Field == f.Name && unsupported.matches(f.Value) && (unsupported.When == nil || unsupported.When(s)) {
				refusals = append(refusals, Refusal{f.Name, unsupported.Reason})
			}
		}
		switch {
		case !f.IsSet() || len(refusals) > before:
		case allSettings[i].OfToken() && f.Name != "grant" && slices.ContainsFunc(refusals, func(r Refusal) bool { return r.Field == "grant" }):
			// One refusal is enough: there is no login with a token.
		case c.Settings != nil && !slices.Contains(c.Settings, f.Name):
			refusals = append(refusals, Refusal{f.Name, "the platform has no such setting."})
		case now.Unknown.Has(f.Name):
			refusals = append(refusals, Refusal{f.Name, fmt.Sprintf(
				"the site does not know this setting. It came with version %s of the site admin contract: update the site's software, or remove %s.",
				allSettings[i].Since, f.Name)})
		}
	}
	return refusals
}

func (u UnsupportedValue) matches(value any) bool {
	if u.Value == nil {
		return !reflect.ValueOf(value).IsZero()
	}
	return u.Value == value
}

func (c Capabilities) refusePassword(change Change) []Refusal {
	if !change.Candidate.LacksPassword() {
		return nil
	}
	steps := change.Steps()
	switch {
	case c.TestNeedsPassword && steps.SendsTest:
		return []Refusal{{"password", "the platform does not test with the password that it has stored."}}
	case c.SaveNeedsPassword && steps.Writes && change.Enabled:
		return []Refusal{{"password", "the platform loses its stored password with every write that does not include it."}}
	}
	return nil
}

func (c Capabilities) refuseRecipient(recipient string) []Refusal {
	if recipient == "" {
		return nil
	}
	switch c.Addressee {
	case ToCaller:
		return []Refusal{{"recipient", "the platform sends its test message only to the account that the provider logs in with."}}
	case ToFixed:
		return []Refusal{{"recipient", "the platform sends its test message only to an address that is configured at the site."}}
	}
	return nil
}

func (c Capabilities) refuseRequirement(change Change) []Refusal {
	if c.Testing != TestsInSave || !change.Require.Looks() {
		return nil
	}
	return []Refusal{{"require", `the platform tests while saving, and enables mail as soon as the message is accepted: only "accepted" can be required.`}}
}

// RefuseDestroy says why a site of the platform cannot be left in this way; false if it can.
func (c Capabilities) RefuseDestroy(how OnDestroy) (Refusal, bool) {
	var reason string
	switch {
	case how == OnDestroyKeep:
	case c.Off == OffNever:
		reason = `the platform has no way to switch mail off: set on_destroy = "keep".`
	case how == OnDestroyDisable && c.Off == OffByClearing:
		reason = `the platform cannot keep settings while mail is off: set on_destroy = "clear" or "keep".`
	case how == OnDestroyClear && c.PasswordStays:
		reason = `the platform cannot remove a stored password: set on_destroy = "disable" or "keep".`
	}
	return Refusal{"on_destroy", reason}, reason != ""
}

// RefuseTest says why the platform cannot make this test by itself, at a site that holds now; false if it can.
func (c Capabilities) RefuseTest(t TestRequest, now State) (Refusal, bool) {
	var field, reason string
	switch {
	case c.Testing == TestsInSave:
		reason = "the platform tests only while saving."
	case c.NoVerdict:
		reason = "the platform cannot say whether a test message was accepted."
	case t.Candidate != nil && c.Testing != TestsCandidates:
		reason = "the platform tests only what it has saved. Leave the settings out to test those."
	case t.Candidate == nil && c.Testing == TestsEnabled && !now.Enabled:
		reason = "the platform tests only while mail is on, and it is off."
	case t.Candidate == nil && c.TestNeedsPassword && now.Settings.Username != "":
		field, reason = "password", "the platform does not test with the password that it has stored."
	default:
		refusals := c.refuseRecipient(t.Recipient)
		if t.Candidate != nil {
			refusals = append(refusals, c.refuseValues(now, t.Candidate.Settings)...)
		}
		if len(refusals) > 0 {
			return refusals[0], true
		}
	}
	return Refusal{field, reason}, reason != ""
}

// Warnings lists the risks of a change until its test has passed, in one or two sentences each.
func (c Capabilities) Warnings(change Change) []string {
	if c.Testing != TestsSaved && c.Testing != TestsEnabled || !change.Steps().SendsTest {
		return nil
	}
	var warnings []string
	if change.untestedIsOn() {
		warnings = append(warnings, "Mail is on with settings that are not known to have passed a test. They are tested first; if they fail, mail is switched off.")
		if !change.affectsDelivery() {
			return warnings
		}
	}
	switch {
	case c.Testing == TestsEnabled:
		warnings = append(warnings, "The platform can test only while mail is on, so mail is on with the new settings while they are tested. If the run is killed during the test, "+
			"they stay on untested until the next apply, which tests them first.")
		if change.Require.Looks() {
			warnings = append(warnings, fmt.Sprintf("Mail stays on with the new settings for up to %s while the inbox is checked for the test message.", change.Wait))
		}
	case change.Prior.Enabled:
		warnings = append(warnings, "The platform can test only what it has saved, so mail is off until the new settings have passed the test.")
	}
	switch {
	case !change.Prior.Enabled:
	case c.canRestore(change):
		warnings = append(warnings, "If the test fails, the current settings are restored.")
	default:
		warnings = append(warnings, "If the test fails, mail is off: the current settings cannot be restored without their password.")
	}
	return warnings
}

// canRestore reports whether the settings that are on are known to have passed, and can be written again.
func (c Capabilities) canRestore(change Change) bool {
	if !change.Prior.Enabled || change.Prior.Verification == nil {
		return false
	}
	if change.Prior.Settings.Username == "" {
		return !c.PasswordStays
	}
	return !change.PriorPassword.IsEmpty()
}
