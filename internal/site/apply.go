package site

import (
	"context"
	"fmt"
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
	// Diagnose explains failed tests that the site itself did not explain.
	Diagnose func(TestResult, Settings) Diagnosis
}

// Apply tests the candidate, then saves and enables it in one guarded write. It returns what the site now holds, also
// beside an error. The error is a *[TestError] when the test did not pass, else mostly an *[Error]; either way nothing
// was written unless the returned State says so.
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
	return save(ctx, s, c)
}

func save(ctx context.Context, s Site, c Change) (State, error) {
	if err := ctx.Err(); err != nil {
		return c.Prior, err
	}
	saved, err := s.Save(ctx, Save{
		Settings: c.Candidate.Settings,
		Password: c.Candidate.Password,
		Enabled:  c.Enabled,
		Revision: c.Prior.Revision,
		SiteID:   c.Prior.SiteID,
	})
	if KindOf(err) == Stale {
		return c.Prior, explainStale(ctx, s, c.Prior, err)
	}
	if err != nil {
		return c.Prior, err
	}
	if diff := saved.Settings.Diff(c.Candidate.Settings); len(diff) > 0 || saved.Enabled != c.Enabled {
		return saved, &Error{Kind: Unexpected, Message: fmt.Sprintf("the site did not keep what was saved: %s", differences(c.Candidate.Settings, c.Enabled, saved))}
	}
	return saved, nil
}

// explainStale reads the site once more to say what somebody else changed, and by whom.
func explainStale(ctx context.Context, s Site, prior State, stale error) error {
	now, err := s.Read(ctx)
	if err != nil {
		return stale
	}
	what := differences(prior.Settings, prior.Enabled, now)
	if now.PasswordID != prior.PasswordID {
		what = strings.TrimPrefix(what+", another password", ", ")
	}
	if what == "" {
		what = "written again with the same settings"
	}
	by := ""
	if now.UpdatedBy != "" {
		by = " by " + now.UpdatedBy
	}
	return &Error{Kind: Stale, Err: stale, Message: fmt.Sprintf(
		"the site was changed%s at %s, after it was read: %s. Nothing was saved. Plan again to see the change and decide.",
		by, now.UpdatedAt.UTC().Format(time.RFC3339), what)}
}

// differences says in which settings, and in which position of the switch, a site differs from what was expected.
func differences(want Settings, enabled bool, got State) string {
	var parts []string
	wanted := want.Fields()
	for i, f := range got.Settings.Fields() {
		if f.Value != wanted[i].Value {
			parts = append(parts, fmt.Sprintf("%s is %q instead of %q", f.Name, fmt.Sprint(f.Value), fmt.Sprint(wanted[i].Value)))
		}
	}
	if got.Enabled != enabled {
		parts = append(parts, fmt.Sprintf("enabled is %t instead of %t", got.Enabled, enabled))
	}
	return strings.Join(parts, ", ")
}
