package site_test

import (
	"context"
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// fault is what can happen to one call.
type fault string

const (
	noFault      fault = "no fault"
	unreachable  fault = "unreachable"      // The call is not carried out.
	answerLost   fault = "answer lost"      // It is, and nobody hears of it.
	cancelBefore fault = "cancelled before" // It is not carried out, for the run was cancelled.
	cancelAfter  fault = "cancelled after"  // It is, while the run was cancelled.
	editBefore   fault = "edited before"    // Somebody else changed the site first.
	healBefore   fault = "healed before"    // The submission servers began to accept every login.
	doubt        fault = "in doubt"         // The server's word on the test message was lost.
	killBefore   fault = "killed before"    // The process was gone by then.
	killAfter    fault = "killed after"     // The process went before the answer came.
)

// kill ends the run at once, as a killed process does: nothing is deferred that calls the site.
type kill struct{}

// unreliable is the model behind a network and among other people. It notes what came through.
type unreliable struct {
	*model
	next   func(call string) fault
	edit   func()
	cancel context.CancelFunc

	// calls counts those that were made, tests and writes those that were carried out.
	calls, tests, writes int
	edited               bool
	// doubtful is what a test in doubt was made with.
	doubtful *fingerprint
}

// call makes one call with its fault.
func (u *unreliable) call(ctx context.Context, name string, carryOut func() error) error {
	u.calls++
	f := u.next(name)
	if f == editBefore && u.can.Unguarded && (u.edited || name == "save" || name == "clear") {
		f = noFault // Such platforms are declared to hide what comes after the last look, and what was there and back.
	}
	switch f {
	case killBefore:
		panic(kill{})
	case unreachable:
		return &site.Error{Kind: site.Unreachable, Message: "no connection"}
	case cancelBefore:
		u.cancel()
	case editBefore:
		u.edited = true
		u.edit()
	case healBefore:
		u.acceptsAll = true
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := carryOut(); err != nil {
		return err
	}
	switch f {
	case killAfter:
		panic(kill{})
	case cancelAfter:
		u.cancel()
	case doubt:
		if name == "test" {
			return &site.TestError{Result: inDoubt()}
		}
	case answerLost:
		return &site.Error{Kind: site.NoAnswer, Message: "the connection closed"}
	}
	return nil
}

func (u *unreliable) Read(ctx context.Context) (now site.State, err error) {
	err = u.call(ctx, "read", func() error {
		now, err = u.model.Read(ctx)
		return err
	})
	return now, err
}

func (u *unreliable) Test(ctx context.Context, t site.TestRequest) (result site.TestResult, err error) {
	u.mayAct(ctx, "a test")
	tried := fingerprint{u.state.Settings, u.password}
	if t.Candidate != nil {
		tried = fingerprintOf(t.Candidate.Settings, t.Candidate.Password.Reveal())
	}
	if u.doubtful != nil && *u.doubtful == tried {
		u.broken = append(u.broken, "a test in doubt was repeated")
	}
	if u.can.Testing == site.TestsEnabled && !u.on() && !u.edited {
		u.broken = append(u.broken, "tested while mail was off")
	}
	err = u.call(ctx, "test", func() error {
		u.tests++
		result, err = u.model.Test(ctx, t)
		return err
	})
	if failed, ok := errors.AsType[*site.TestError](err); ok {
		u.doubtful = &tried
		return failed.Result, nil
	}
	return result, err
}

func (u *unreliable) Save(ctx context.Context, w site.SaveRequest) (now site.State, err error) {
	u.mayAct(ctx, "a write")
	err = u.call(ctx, "save", func() error {
		if now, err = u.model.Save(ctx, w); err == nil {
			u.writes++
		}
		return err
	})
	return now, err
}

func (u *unreliable) Clear(ctx context.Context, c site.ClearRequest) error {
	u.mayAct(ctx, "a clearing")
	return u.call(ctx, "clear", func() error {
		err := u.model.Clear(ctx, c)
		if err == nil {
			u.writes++
		}
		return err
	})
}

func (u *unreliable) mayAct(ctx context.Context, what string) {
	if ctx.Err() != nil {
		u.broken = append(u.broken, what+" was begun in a cancelled run")
	}
}
