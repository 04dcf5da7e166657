package site

import (
	"context"
	"time"
)

// A site is brought into a safe state even after a cancellation, for at most settleTime and settleAttempts.
const (
	settleTime     = time.Minute
	settleAttempts = 3
)

// Two outcomes of a change that are not a *[PartialError]: nothing was written, or what passed is on.
const (
	leftAsItWas Left = -1 - iota
	leftPassed
)

// conclude ends a change that may have written to the site: it returns nil if what passed is on, and otherwise failure. In that case
// the settings that worked before are restored if possible, or mail is off.
func (r *run) conclude(ctx context.Context, failure error) error {
	if !r.written && r.unconfirmed == nil {
		return failure
	}
	left, err := r.settle(ctx)
	switch left {
	case leftAsItWas:
		return failure
	case leftPassed:
		return nil
	}
	return &PartialError{Left: left, Err: failure, Undo: err}
}

// settle tries a few times to make sure that no untested mail stays on.
func (r *run) settle(ctx context.Context) (left Left, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	for range settleAttempts {
		if left, err = r.makeSafe(ctx); err == nil {
			break
		}
	}
	return left, err
}

// finding is what reading the site shows after a failure, when a response may have been lost and others may have written to the site.
type finding int

const (
	// foundUnwritten: the only write, whose response was lost, never reached the site.
	foundUnwritten finding = iota
	// foundPassed: what passed is on, unchanged since the test or since the write that enabled it.
	foundPassed
	// foundWrittenSince: what passed is on, but someone has written to the site since, perhaps a password.
	foundWrittenSince
	// foundRestorable: the site holds what this run wrote, nobody else switched mail on or off, and what worked before can be restored.
	foundRestorable
	// foundOff: mail is off, whoever switched it off.
	foundOff
	// foundUntested: what this run wrote is on without a pass, and nothing can be restored instead.
	foundUntested
	// foundRestored: what worked before is on again, although the response to that write was lost.
	foundRestored
	// foundForeign: mail is on with settings that are neither this run's nor those of before.
	foundForeign
)

// find says what it means that the site, last known to hold r.held, now holds this.
func (r *run) find(now State) finding {
	ours := now.Settings == r.untested || r.written && now.Settings == r.held.Settings
	switch {
	case r.unwritten(now):
		return foundUnwritten
	case ours && now.Enabled && r.passed != nil && (r.unconfirmed != nil || compare(r.held, now) == nil):
		return foundPassed
	case ours && now.Enabled && r.passed != nil:
		return foundWrittenSince
	case ours && now.Enabled == r.held.Enabled && r.phase != restoring && r.can.canRestore(r.Change):
		return foundRestorable
	case !now.Enabled:
		return foundOff
	case ours:
		return foundUntested
	case r.phase == restoring && now.Settings == r.Prior.Settings:
		return foundRestored
	}
	return foundForeign
}

// makeSafe reads the site and does what it takes so that no untested mail stays on.
func (r *run) makeSafe(ctx context.Context) (Left, error) {
	now, err := readSame(ctx, r.site, r.Prior)
	if err != nil {
		return LeftUntested, err
	}
	found := r.find(now)
	if found == foundUnwritten {
		r.held = r.Prior
		return leftAsItWas, nil
	}
	r.held, r.phase = now, max(r.phase, recovering)
	switch found {
	case foundPassed:
		r.verify(*r.passed)
		return leftPassed, nil
	case foundRestorable:
		return r.restore(ctx)
	case foundRestored:
		return r.restored(), nil
	case foundOff:
		return LeftOff, nil
	case foundUntested:
		if err := r.switchOff(ctx); err != nil {
			return LeftUntested, err
		}
		return LeftOff, nil
	default:
		return LeftToOthers, nil
	}
}

// unwritten reports whether the only write, whose response was lost, was not made.
func (r *run) unwritten(now State) bool {
	if r.written || r.unconfirmed == nil || r.phase != applying || len(changes(r.Prior, now)) > 0 {
		return false
	}
	if r.can.Unguarded {
		return now.Settings != r.unconfirmed.Settings || now.Enabled != r.unconfirmed.Enabled
	}
	return now.Revision == r.Prior.Revision
}

func (r *run) restore(ctx context.Context) (Left, error) {
	r.phase, r.passed = restoring, nil
	if err := r.write(ctx, SaveRequest{Settings: r.Prior.Settings, Password: r.PriorPassword, Enabled: true}); err != nil {
		return LeftUntested, err
	}
	return r.restored(), nil
}

func (r *run) restored() Left {
	if r.can.ForgetsVerification {
		r.held.Verification = r.Prior.Verification
	}
	return LeftRestored
}

// switchOff stops mail with the settings that the site holds.
func (r *run) switchOff(ctx context.Context) error {
	if r.can.Off == OffByClearing {
		return r.clear(ctx)
	}
	w := SaveRequest{Settings: r.held.Settings}
	if r.can.SaveNeedsPassword && w.Settings == r.Candidate.Settings {
		w.Password = r.Candidate.Password
	}
	return r.write(ctx, w)
}

func (r *run) clear(ctx context.Context) error {
	if err := guard(ctx, r.site, r.can, r.held); err != nil {
		return err
	}
	if err := r.site.Clear(ctx, ClearRequest{Revision: r.held.Revision, SiteID: r.held.SiteID}); err != nil {
		return err
	}
	r.written, r.candidateSaved = true, false
	now, err := readSame(ctx, r.site, r.Prior)
	if err != nil {
		return err
	}
	r.held = now
	return compare(State{SiteID: now.SiteID, Revision: now.Revision}, now)
}
