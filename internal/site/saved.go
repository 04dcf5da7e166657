package site

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// testSaved is for platforms that test only what they have saved. If they can do so while mail is off, the candidate is saved
// disabled, tested, then enabled. Otherwise it is enabled, tested, and switched off again if it does not pass.
func (r *run) testSaved(ctx context.Context) error {
	if done, err := r.repair(ctx); done || err != nil {
		return err
	}
	if err := r.check(ctx); err != nil {
		return r.conclude(ctx, err)
	}
	r.untested = r.Candidate.Settings
	r.candidateSaved = !r.affectsDelivery() && r.Candidate.Password.IsEmpty()
	mailOn := r.can.Testing == TestsEnabled
	var between func(context.Context) error
	if mailOn {
		between = r.switchOff
	}
	result, err := r.repeat(ctx, r.Candidate.Settings, func(ctx context.Context) (TestResult, error) {
		if !r.candidateSaved || r.held.Enabled != mailOn {
			if err := r.save(ctx, mailOn); err != nil {
				return TestResult{}, err
			}
		}
		return r.trySaved(ctx)
	}, between)
	if err != nil {
		return r.conclude(ctx, err)
	}
	if mailOn {
		return r.finish(ctx, result)
	}
	r.passed = &result
	if err := r.save(ctx, true); err != nil {
		return r.conclude(ctx, err)
	}
	r.verify(result)
	return nil
}

// finish makes sure that what passed is what was saved and is on: some products send in another way while their SMTP settings are
// off, and report that the test passed.
func (r *run) finish(ctx context.Context, passed TestResult) error {
	saved := r.held
	r.passed = &passed
	switch left, err := r.settle(ctx); left {
	case leftPassed:
		return nil
	case LeftUntested:
		return &PartialError{Left: left, Err: &Error{Kind: KindOf(err), Message: "the site cannot be read after its test", Err: err}, Undo: err}
	default:
		return &PartialError{Left: left, Err: staleError(saved, r.held, nil)}
	}
}

// repair deals with mail that is on without a pass, as a killed run leaves it or an import finds it: it passes now, or it is switched
// off. It may well work, so it stays on as long as its test fails for a transient reason. If the change wanted nothing else, it is
// then done.
func (r *run) repair(ctx context.Context) (done bool, err error) {
	if !r.untestedIsOn() {
		return false, nil
	}
	result, err := r.repeat(ctx, r.Prior.Settings, r.trySaved, nil)
	if err == nil {
		return r.confirm(ctx, result)
	}
	failure, failed := errors.AsType[*TestError](err)
	if !failed {
		return false, err
	}
	r.untested = r.Prior.Settings
	if left, err := r.settle(ctx); !r.written || err != nil || left != LeftOff || !r.affectsDelivery() || result.Status != Failed {
		return false, &PartialError{Left: left, Err: failure, Undo: err}
	}
	r.warn(fmt.Sprintf("Mail was on with settings that never passed a test: %s. Now it is off, until the new ones pass.", failure))
	return false, nil
}

// trySaved tests what the site has saved.
func (r *run) trySaved(ctx context.Context) (TestResult, error) {
	if err := ctx.Err(); err != nil {
		return TestResult{}, err
	}
	return r.site.Test(ctx, r.testOfSaved())
}

// confirm makes sure that the test was one of r.Prior.
func (r *run) confirm(ctx context.Context, passed TestResult) (done bool, err error) {
	now, err := readSame(ctx, r.site, r.Prior)
	if err == nil {
		err = compare(r.Prior, now)
	}
	if err != nil {
		return false, err
	}
	r.held = now
	r.verify(passed)
	// Which password passed is unknown, unless the site would have reported a new one.
	r.Prior, r.PriorPassword = r.held, secret.Text{}
	return r.Steps() == Steps{} && (r.Candidate.Password.IsEmpty() || now.PasswordID != ""), nil
}

// errOutOfReach means that a check says nothing about the mail server, good or bad.
var errOutOfReach = errors.New("out of reach from this machine")

// check tries the candidate's login from this machine, before anything is saved. Only a refusal by the mail server itself counts
// against the candidate: a network may let the site through and not this machine.
func (r *run) check(ctx context.Context) error {
	if r.procedure.Check == nil || r.Candidate.LacksPassword() {
		return nil
	}
	try := func(ctx context.Context) (TestResult, error) {
		result := r.procedure.Check(ctx, r.Candidate)
		if result.Status == Passed || result.Reply != nil {
			return result, ctx.Err()
		}
		r.warn(fmt.Sprintf("The login could not be tried from this machine: it failed at stage %s. The site's own test decides.", result.Stage))
		return TestResult{}, cmp.Or(ctx.Err(), errOutOfReach)
	}
	// It sends no message, so none can arrive.
	_, err := r.repeatAttempts(ctx, r.Candidate.Settings, nil, func(ctx context.Context) (TestResult, int, error) {
		return r.limited(ctx, r.Candidate.Settings, try, nil)
	})
	if errors.Is(err, errOutOfReach) {
		return nil
	}
	if failed, ok := errors.AsType[*TestError](err); ok {
		failed.Local = true
	}
	return err
}
