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
	// Candidate is what the site is to hold. Its password may be unknown (empty) as long as nothing needs it.
	Candidate Candidate
	// PriorPassword is the one with which Prior.Settings passed, where the caller still has it: with it, mail that worked
	// can be put back on a platform that tests only what it has saved.
	PriorPassword secret.Text
	// SetPassword says that the password is new, though nothing else may be.
	SetPassword bool
	Enabled     bool
	// Recipient of the test message, should one be due; empty where the platform decides on the [Addressee].
	Recipient string
	// RetryFor is how long a test is repeated whose failure can heal by itself; 0 tests once.
	RetryFor time.Duration
	// Require says how far the test message must come; the zero value is [Accepted]. Wait is how long it may take to arrive.
	Require Requirement
	Wait    time.Duration
}

// Steps says what a change does. A plan shows it, [Procedure.Apply] carries it out.
type Steps struct {
	// SendsTest: a test message is sent.
	SendsTest bool
	// Writes: the site is written to.
	Writes bool
}

// Steps decides what a change takes. Where nothing that affects delivery changed, it is nothing: no test, no mail.
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

// NeedsPassword reports whether the change cannot be made without the password: a site uses a stored password only
// where it was entered for, and wants one with every changed setting, even if it has none yet.
func (c Change) NeedsPassword() bool {
	return c.Candidate.LacksPassword() && (c.affectsDelivery() || c.Steps().SendsTest && !c.Prior.PasswordSet)
}

// Procedure makes changes to sites in the one order that never leaves mail enabled with settings that did not pass a
// test. A platform that [TestsEnabled] is the one exception: it is left so when the run is killed during the test, and
// the next one begins with setting that right.
type Procedure struct {
	// Diagnose explains failed tests that the site itself did not explain. Apply needs it.
	Diagnose func(TestResult, Settings) Diagnosis
	// Check logs in to the submission server from this machine and sends nothing; nil leaves that out. Apply calls it for
	// platforms that can test only what they have saved, before it saves anything.
	Check func(context.Context, Candidate) TestResult
	// Inbox is where the test messages arrive. Apply needs it for a change that requires more than [Accepted].
	Inbox Inbox
	// Limiter is shared by all procedures whose tests may reach the same submission servers; nil bounds nothing.
	Limiter *TestLimiter
	// Writer names who makes the change, in the identifiers of its writes: see [NewWriteID].
	Writer string
	// TakenOver reports whether a site is not to be left by Destroy, because another one that writes to it has come since; nil
	// for never.
	TakenOver func(State) bool
	// Saving is called before each write; nil for nothing. Up to the first, what fails is the test.
	Saving func()
	// Warn takes one sentence about what did not stop a change; nil drops it.
	Warn func(string)
}

// Apply makes the change in the order that the platform's [Capabilities] ask for. It returns what the site now holds as
// far as that is known, which is c.Prior where it wrote nothing, also beside an error. The error is a *[PartialError]
// around the others when something was written on the way to a test; a *[TestError] when the test did not pass; ctx.Err()
// when ctx was done before the next call; of kind [Invalid] for what the platform cannot hold, and [NotInForce] for
// what cannot be adopted; else that of the call. A
// write that failed with kind [NoAnswer] may have been made all the same: only reading the site tells.
func (p Procedure) Apply(ctx context.Context, s Site, c Change) (State, error) {
	if c.NeedsPassword() {
		return c.Prior, &Error{Kind: PasswordRequired, Field: "password", Message: "the change needs the password: a site uses a stored password only where it was entered for"}
	}
	if c.Require.Looks() && p.Inbox == nil {
		return c.Prior, &Error{Kind: Invalid, Field: "require", Message: "no inbox is known in which the test message could be looked for"}
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
