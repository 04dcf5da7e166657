package site_test

import (
	"context"
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var errKilled = errors.New("the run was killed")

// run is one sequence of changes to one site.
type run struct {
	model *model
	can   site.Capabilities
	// known is what the last change that succeeded left, and password the last one that was set.
	known    site.State
	password secret.Text
	// excused: an untested candidate may be on, for its test was cut short and the platform tests only what is on.
	excused bool
	// cutOff: submission servers cannot be reached from here.
	cutOff bool
}

// failer is what a broken promise is reported to.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// prior is what the site holds as a refresh sees it.
func (r *run) prior() site.State {
	now := r.model.now()
	if r.can.ForgetsVerification && r.remembers(now) {
		now.Verification = r.known.Verification
	}
	return now
}

// remembers reports whether now is what the last change that succeeded left, as far as the site tells.
func (r *run) remembers(now site.State) bool {
	return now.Settings == r.known.Settings && now.PasswordID == r.known.PasswordID
}

// survive turns a killed run into an error.
func (r *run) survive(f func() error) (err error) {
	defer func() {
		switch got := recover().(type) {
		case nil:
		case kill:
			err = errKilled
		default:
			panic(got)
		}
	}()
	return f()
}

// carryOut applies c and keeps what is to be kept for the next change.
func (r *run) carryOut(ctx context.Context, u *unreliable, c site.Change) (now site.State, err error) {
	err = r.survive(func() (err error) {
		now, err = site.Procedure{Check: r.login}.Apply(ctx, u, c)
		return err
	})
	partial, isPartial := errors.AsType[*site.PartialError](err)
	switch {
	case err == nil && (c.Steps().SendsTest || c.Steps().Writes):
		r.known, r.password = now, c.Candidate.Password
	case isPartial:
		r.known = site.State{}
	}
	loud := isPartial && partial.Left == site.LeftUntested
	if r.can.Testing == site.TestsEnabled && (loud || errors.Is(err, errKilled)) {
		r.excused = true
	}
	return now, err
}

// login is the check from here: it sees what the submission servers think of the login, or nothing.
func (r *run) login(_ context.Context, c site.Candidate) site.TestResult {
	switch {
	case r.cutOff:
		return site.TestResult{Status: site.Failed, Stage: site.StageConnect}
	case r.model.accepts(fingerprintOf(c.Settings, c.Password.Reveal())):
		return site.TestResult{Status: site.Passed}
	}
	result := healing(site.RetryShort)
	result.Reply = &site.Reply{Code: 535}
	return result
}

// promises hold after every step, whatever happened in it.
func (r *run) promises(f failer) {
	f.Helper()
	m := r.model
	exposed := m.on() && !m.safe()
	if exposed && !r.excused {
		f.Fatalf("mail is on with settings that never passed a test: %+v", m.state)
	}
	r.excused = exposed
	for _, rule := range m.broken {
		f.Fatal(rule)
	}
}

// checkOutcome compares what the procedure says with what the site holds.
func (r *run) checkOutcome(f failer, before model, u *unreliable, c site.Change, now site.State, err error) {
	f.Helper()
	if partial, ok := errors.AsType[*site.PartialError](err); ok {
		r.checkLeft(f, u, c, now, partial)
		return
	}
	switch {
	case err != nil && (now.Revision != c.Prior.Revision || now.Settings != c.Prior.Settings || now.Enabled != c.Prior.Enabled):
		f.Fatalf("got error %v with the written state %+v", err, now)
	case err != nil && u.writes > 0 && r.can.Unguarded && u.edited:
		// A lost write that somebody undid looks as if it had never been made.
	case err != nil && u.writes > 0 && !r.mayBeLost(c, err):
		f.Fatalf("got error %v after %d writes", err, u.writes)
	case err != nil && u.writes == 0:
		r.checkUntouched(f, before, u, err)
	case err == nil:
		r.checkHolds(f, now)
		if c.Enabled && c.Steps().SendsTest && !r.model.safe() {
			f.Fatalf("reported as passed without a test: %+v", now)
		}
		if u.writes > 1 && r.can.Testing != site.TestsSaved && r.can.Testing != site.TestsEnabled {
			f.Fatalf("got %d writes, want at most 1", u.writes)
		}
	}
}

// mayBeLost reports whether the answer to the only write of c may be lost and is left at that.
func (r *run) mayBeLost(c site.Change, err error) bool {
	looks := r.can.Testing == site.TestsSaved || r.can.Testing == site.TestsEnabled
	return site.KindOf(err) == site.NoAnswer && !(looks && c.Steps().SendsTest)
}

// checkLeft holds the error to what it says about the site.
func (r *run) checkLeft(f failer, u *unreliable, c site.Change, now site.State, e *site.PartialError) {
	f.Helper()
	m := r.model
	var right bool
	switch e.Left {
	case site.LeftOff:
		right = !m.on()
	case site.LeftRestored:
		right = m.on() && m.safe() && m.state.Settings == c.Prior.Settings
	case site.LeftToOthers:
		right = u.edited
	case site.LeftUntested:
		right = e.Undo != nil
	}
	if !right {
		f.Fatalf("%v: the site holds %+v, tested: %t", e, m.state, m.safe())
	}
	if e.Undo == nil {
		r.checkHolds(f, now)
	}
}

func (r *run) checkHolds(f failer, said site.State) {
	f.Helper()
	now := r.model.now()
	if said.Revision != now.Revision || said.Settings != now.Settings || said.Enabled != now.Enabled || said.PasswordID != now.PasswordID {
		f.Fatalf("the procedure returned %+v, but the site holds %+v", said, now)
	}
}

// checkUntouched wants the site as it was before the failure, unless somebody else edited it.
func (r *run) checkUntouched(f failer, before model, u *unreliable, failure error) {
	f.Helper()
	if !u.edited && (r.model.state != before.state || r.model.password != before.password) {
		f.Fatalf("got error %v, but the site holds %+v instead of %+v", failure, r.model.state, before.state)
	}
}
