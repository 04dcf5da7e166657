package site

import (
	"context"
	"strings"
	"time"
)

// Change is what is wanted of a site, beside what the site held when the change was planned.
type Change struct {
	// Prior is what the site held; its revision guards the write, its SiteID the password.
	Prior State
	// Candidate is what the site is to hold. Its password may be unknown (empty) as long as nothing needs it.
	Candidate Candidate
	// SetPassword says that the password is new, though nothing else may be.
	SetPassword bool
	Enabled     bool
	// Recipient of the test message, should one be due.
	Recipient string
	// RetryFor is how long a test is repeated whose failure can heal by itself; 0 tests once.
	RetryFor time.Duration
}

// Steps are the calls that a change takes. A plan shows them, [Procedure.Apply] makes them.
type Steps struct {
	// Test: a test message is sent.
	Test bool
	// Save: the site is written to.
	Save bool
}

// Steps decides what a change takes. Where nothing that affects delivery changed, it is nothing: no test, no mail.
func (c Change) Steps() Steps {
	if !c.Enabled {
		return Steps{Save: c.affectsDelivery() || c.Prior.Enabled}
	}
	due := c.affectsDelivery() || !c.Prior.Enabled || c.Prior.Verification == nil
	return Steps{Test: due, Save: due}
}

func (c Change) affectsDelivery() bool {
	return c.SetPassword || c.Prior.Settings != c.Candidate.Settings
}

// NeedsPassword reports whether the change cannot be made without the password: a site uses a stored password only
// where it was entered for, and wants one with every changed setting, even if it has none yet.
func (c Change) NeedsPassword() bool {
	if c.Candidate.Settings.Username == "" || !c.Candidate.Password.IsEmpty() {
		return false
	}
	return c.affectsDelivery() || c.Steps().Test && !c.Prior.PasswordSet
}

// Procedure makes changes to sites in the one order that never leaves mail enabled with settings that did not pass a
// test.
type Procedure struct {
	// Diagnose explains failed tests that the site itself did not explain. Apply needs it.
	Diagnose func(TestResult, Settings) Diagnosis
}

// Apply tests the candidate, then saves and enables it in one guarded write. It returns what the site now holds, or
// c.Prior where it wrote nothing, also beside an error. The error is a *[TestError] when the test did not pass,
// ctx.Err() when ctx was done before the next call, else that of the call. A write that failed with kind [NoAnswer] may
// have been made all the same: only reading the site tells.
func (p Procedure) Apply(ctx context.Context, s Site, c Change) (State, error) {
	if c.NeedsPassword() {
		return c.Prior, &Error{Kind: PasswordRequired, Field: "password", Message: "the change needs the password: a site uses a stored password only where it was entered for"}
	}
	steps := c.Steps()
	if steps.Test {
		if err := p.test(ctx, s, c); err != nil {
			return c.Prior, err
		}
	}
	if !steps.Save {
		return c.Prior, nil
	}
	saved, err := save(ctx, s, c.Prior, Save{
		Settings: c.Candidate.Settings,
		Password: c.Candidate.Password,
		Enabled:  c.Enabled,
		Revision: c.Prior.Revision,
		SiteID:   c.Prior.SiteID,
	})
	if KindOf(err) == Stale {
		err = explainStale(ctx, s, c.Prior, err)
	}
	return saved, err
}

// save makes one write and checks that the site kept it. It returns prior beside the error of a write that was not made.
func save(ctx context.Context, s Site, prior State, w Save) (State, error) {
	if err := ctx.Err(); err != nil {
		return prior, err
	}
	saved, err := s.Save(ctx, w)
	if err != nil {
		return prior, err
	}
	if diff := differences(w.Settings, w.Enabled, saved); len(diff) > 0 {
		return saved, &Error{Kind: Unexpected, Message: "the site did not keep what was saved: " + strings.Join(diff, ", ")}
	}
	return saved, nil
}
