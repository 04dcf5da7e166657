package site

import (
	"context"
	"time"
)

// Bringing a site to rest goes on when the run is cancelled: for settleTime and in settleAttempts at most.
const (
	settleTime     = time.Minute
	settleAttempts = 3
)

// Two ends of a change that are no *[PartialError]: nothing was written, or what passed is on.
const (
	leftAsItWas Left = -1 - iota
	leftPassed
)

// conclude ends a change that may have written to the site: nil when what passed is on, else with failure. Then the site
// has again what worked before where that can be put back, or mail is off.
func (r *run) conclude(ctx context.Context, failure error) error {
	if !r.made && r.lost == nil {
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

// settle tries a few times to leave no untested mail on.
func (r *run) settle(ctx context.Context) (left Left, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	for range settleAttempts {
		if left, err = r.setRight(ctx); err == nil {
			break
		}
	}
	return left, err
}

// setRight looks at what the site holds, for an answer may have been lost and others may have been there, and does what
// it takes.
func (r *run) setRight(ctx context.Context) (Left, error) {
	now, err := readSame(ctx, r.site, r.Prior)
	if err != nil {
		return LeftUntested, err
	}
	if r.untouched(now) {
		r.held = r.Prior
		return leftAsItWas, nil
	}
	saved := r.held
	ours := now.Settings == r.untested || r.made && now.Settings == saved.Settings
	r.held, r.settling = now, true
	switch {
	// What passed is on, as it was found right after the test, or as the write that was to switch it on has left it.
	case ours && now.Enabled && r.passed != nil && (r.lost != nil || compare(saved, now) == nil):
		r.verify(*r.passed)
		return leftPassed, nil
	// It is on, and somebody wrote to the site since it passed, a password perhaps.
	case ours && now.Enabled && r.passed != nil:
		return LeftToOthers, nil
	// What is ours is not to stay, nobody else has moved the switch, and what worked before can be put back: that is tried once.
	case ours && now.Enabled == saved.Enabled && !r.restoring && r.can.canRestore(r.Change):
		return r.restore(ctx)
	// Mail is off, whoever did that: nothing untested is sent with.
	case !now.Enabled:
		return LeftOff, nil
	// What did not pass is on, and nothing can be put back for it.
	case ours:
		if err := r.switchOff(ctx); err != nil {
			return LeftUntested, err
		}
		return LeftOff, nil
	// The answer to putting back was lost, and it was done.
	case r.restoring && now.Settings == r.Prior.Settings:
		return r.restored(), nil
	}
	// Mail is on with settings that are neither ours nor those of before.
	return LeftToOthers, nil
}

// untouched reports whether the only write, whose answer was lost, was not made.
func (r *run) untouched(now State) bool {
	if r.made || r.lost == nil || r.settling || len(changes(r.Prior, now)) > 0 {
		return false
	}
	if r.can.Unguarded {
		return now.Settings != r.lost.Settings || now.Enabled != r.lost.Enabled
	}
	return now.Revision == r.Prior.Revision
}

func (r *run) restore(ctx context.Context) (Left, error) {
	r.restoring, r.passed = true, nil
	if err := r.write(ctx, Save{Settings: r.Prior.Settings, Password: r.PriorPassword, Enabled: true}); err != nil {
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
	w := Save{Settings: r.held.Settings}
	if r.can.SaveNeedsPassword && w.Settings == r.Candidate.Settings {
		w.Password = r.Candidate.Password
	}
	return r.write(ctx, w)
}

func (r *run) clear(ctx context.Context) error {
	if err := guard(ctx, r.site, r.can, r.held); err != nil {
		return err
	}
	if err := r.site.Clear(ctx, r.held.Revision); err != nil {
		return err
	}
	r.made, r.saved = true, false
	now, err := readSame(ctx, r.site, r.Prior)
	if err != nil {
		return err
	}
	r.held = now
	return compare(State{SiteID: now.SiteID, Revision: now.Revision}, now)
}
