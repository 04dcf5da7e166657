package site

import (
	"context"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Change is what is wanted of a site, beside what the site held when the change was planned.
type Change struct {
	// Prior is what the site held; its revision guards the write, its SiteID the password.
	Prior State
	// Candidate is what the site will hold. Its password may be unknown (empty) if nothing needs it.
	Candidate Candidate
	// PriorPassword is the password with which Prior.Settings passed, if the caller still has it: a platform that tests only
	// what it has saved needs it to restore settings that worked.
	PriorPassword secret.Text
	// SetPassword says that the password is new, even if nothing else is.
	SetPassword bool
	Enabled     bool
	// Recipient of the test message, if one is sent; empty if the platform chooses the [Addressee].
	Recipient string
	// RetryFor is how long to repeat a test that failed for a transient reason; 0 tests once.
	RetryFor time.Duration
	// Require says how far the test message must get; the zero value is [Accepted]. Wait is how long it may take to arrive.
	Require Requirement
	Wait    time.Duration
}

// Steps says what a change does. A plan shows it; [Procedure.Apply] carries it out.
type Steps struct {
	// SendsTest: a test message is sent.
	SendsTest bool
	// Writes: the site is written to.
	Writes bool
}

// Steps decides what a change takes. If nothing that affects delivery changed, it takes nothing: no test, no message.
func (c Change) Steps() Steps {
	if !c.Enabled {
		return Steps{Writes: c.affectsDelivery() || c.Prior.Enabled}
	}
	due := c.affectsDelivery() || !c.Prior.Enabled || !c.Prior.Verification.Meets(c.Require)
	return Steps{SendsTest: due, Writes: due}
}

func (c Change) affectsDelivery() bool {
	return c.SetPassword || c.Prior.Settings != c.Candidate.Settings
}

// untestedIsOn reports whether mail is on with settings that are not known to have passed a test.
func (c Change) untestedIsOn() bool { return c.Prior.Enabled && c.Prior.Verification == nil }

// NeedsPassword reports whether the change requires the password: a site uses a stored password only with the settings it was
// entered for, so it requires one with every changed setting, even if none is stored yet.
func (c Change) NeedsPassword() bool {
	return c.Candidate.LacksPassword() && (c.affectsDelivery() || c.Steps().SendsTest && !c.Prior.PasswordSet)
}

// Procedure makes changes to sites in the one order that never leaves mail enabled with settings that did not pass a
// test. The one exception is a platform that [TestsEnabled]: if the run is killed during the test, mail stays on untested until
// the next run, which fixes that first.
type Procedure struct {
	// Diagnose explains failed tests that the site itself did not explain. Apply needs it.
	Diagnose func(TestResult, Settings) Diagnosis
	// Check logs in to the mail server from this machine and sends no message; nil skips that. Apply calls it before it saves
	// anything, for platforms that can test only what they have saved.
	Check func(context.Context, Candidate) TestResult
	// Inbox receives the test messages. Apply needs it for a change that requires more than [Accepted].
	Inbox Inbox
	// Limiter is shared by all procedures whose tests may reach the same mail servers; nil means no limit.
	Limiter *TestLimiter
	// Writer names who makes the change, in the identifiers of its writes: see [NewWriteID].
	Writer string
	// TakenOver reports whether another writer has since taken a site over, so that Destroy must leave it alone; nil means never.
	TakenOver func(State) bool
	// Saving, if set, is called before each write. Whatever fails before the first call is the test.
	Saving func()
	// Warn receives one sentence about a problem that did not stop a change; nil drops it.
	Warn func(string)
}

// Apply makes the change in the order that the platform's [Capabilities] require. Even with an error, it returns what the site now
// holds as far as that is known: c.Prior if it wrote nothing. The error is a *[TestError] if the test did not pass; ctx.Err() if
// ctx was done before the next request; of kind [Invalid] for what the platform cannot hold, and [NotInForce] for what cannot be
// adopted; otherwise that of the request. If something was written on the way to a test, a *[PartialError] wraps it. A write that
// failed with kind [NoAnswer] may still have been made: only reading the site tells.
func (p Procedure) Apply(ctx context.Context, s Site, c Change) (State, error) {
	if c.NeedsPassword() {
		return c.Prior, &Error{Kind: PasswordRequired, Field: "password", Message: "the change needs the password: a site uses a stored password only with the settings it was entered for"}
	}
	if c.Require.Looks() && p.Inbox == nil {
		return c.Prior, &Error{Kind: Invalid, Field: "require", Message: "no inbox is configured in which to look for the test message"}
	}
	if refusal, refused := c.RefuseAdoption(); refused {
		return c.Prior, &Error{Kind: NotInForce, Field: refusal.Field, Message: refusal.Reason}
	}
	can := CapabilitiesOf(s)
	if refusals := can.Refuse(c); len(refusals) > 0 {
		return c.Prior, &Error{Kind: Invalid, Field: refusals[0].Field, Message: refusals[0].Reason}
	}
	r := &run{Change: c, procedure: p, site: s, can: can, began: time.Now(), held: c.Prior}
	err := r.carryOut(ctx)
	return r.held, err
}
