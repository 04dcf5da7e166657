package site

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// phase is how far a change has got. It only moves forward.
type phase int

const (
	// applying: the candidate is tested and written.
	applying phase = iota
	// recovering: a step failed after a write; the site was read again and is being brought into a safe state.
	recovering
	// restoring: the settings that worked before were written again; that is tried once.
	restoring
)

// run is one change being made to a site.
type run struct {
	Change
	procedure Procedure
	site      Site
	can       Capabilities
	began     time.Time

	phase phase
	// held is what the site holds as far as is known; its revision guards the next write.
	held State
	// written: the site confirmed a write. unconfirmed is the last write whose answer was lost.
	written     bool
	unconfirmed *SaveRequest
	// candidateSaved: the site holds the candidate, its password included.
	candidateSaved bool
	// untested are saved settings that must not stay on unless passed is set: the site's successful test of them.
	untested Settings
	passed   *TestResult
}

// carryOut makes the requests of the change, in the order that fits the platform.
func (r *run) carryOut(ctx context.Context) error {
	switch steps := r.Steps(); {
	case !steps.Writes:
		return nil
	case !steps.SendsTest:
		return r.saveUntested(ctx)
	}
	switch r.can.Testing {
	case TestsSaved, TestsEnabled:
		return r.testSaved(ctx)
	case TestsInSave:
		return r.testInSave(ctx)
	default:
		return r.testCandidate(ctx)
	}
}

// saveUntested saves settings with mail off, for which no test is needed.
func (r *run) saveUntested(ctx context.Context) error {
	if err := r.save(ctx, false); err != nil {
		return err
	}
	if r.can.ForgetsVerification && !r.affectsDelivery() {
		r.held.Verification = r.Prior.Verification
	}
	return nil
}

// testCandidate tests first, then saves and enables in one write: a failed test leaves the site as it was.
func (r *run) testCandidate(ctx context.Context) error {
	request := r.testOfSaved()
	if !r.Candidate.LacksPassword() {
		request.Candidate = &r.Candidate
	}
	test := func(ctx context.Context) (TestResult, error) { return r.site.Test(ctx, request) }
	result, err := r.repeat(ctx, r.Candidate.Settings, test, nil)
	if err != nil {
		return err
	}
	if err := r.save(ctx, true); err != nil {
		return err
	}
	r.verify(result)
	return nil
}

// testInSave leaves the test to the site, which saves nothing unless it passed.
func (r *run) testInSave(ctx context.Context) error {
	result, err := r.repeat(ctx, r.Candidate.Settings, func(ctx context.Context) (TestResult, error) {
		err := r.save(ctx, true)
		if failed, ok := errors.AsType[*TestError](err); ok {
			return failed.Result, nil
		}
		return TestResult{Status: Passed, Stage: StageData, Recipient: r.Recipient, TestedAt: time.Now()}, err
	}, nil)
	if err != nil {
		return err
	}
	r.verify(result)
	return nil
}

func (r *run) testOfSaved() TestRequest {
	return TestRequest{Recipient: r.Recipient, SiteID: r.Prior.SiteID}
}

// verify records the pass if the site does not, and where the message arrived, which no site knows.
func (r *run) verify(passed TestResult) {
	switch v := r.held.Verification; {
	case r.can.ForgetsVerification:
		r.held.Verification = new(passed.Verification())
	case v != nil && v.MessageID == passed.MessageID && passed.Arrival != nil:
		arrived := *v
		arrived.Arrival = passed.Arrival
		r.held.Verification = &arrived
	}
}

func (r *run) warn(sentence string) {
	if r.procedure.Warn != nil {
		r.procedure.Warn(sentence)
	}
}

// save writes the candidate. Its password is sent once, or every time if the site would lose it otherwise.
func (r *run) save(ctx context.Context, enabled bool) error {
	w := SaveRequest{Settings: r.Candidate.Settings, Password: r.Candidate.Password, Adopt: r.Candidate.Adopt, Enabled: enabled}
	if r.candidateSaved && !r.can.SaveNeedsPassword {
		w.Password, w.Adopt = secret.Text{}, false
	}
	if enabled && r.can.Testing == TestsInSave {
		w.Recipient = r.Recipient
	}
	err := r.write(ctx, w)
	r.candidateSaved = r.candidateSaved || err == nil
	return err
}

// write makes one write, guarded by what the site holds, and checks that the site kept it.
func (r *run) write(ctx context.Context, w SaveRequest) error {
	if err := guard(ctx, r.site, r.can, r.held); err != nil {
		return err
	}
	w.Revision, w.SiteID, w.Writer = r.held.Revision, r.held.SiteID, r.procedure.Writer
	if r.procedure.Saving != nil {
		r.procedure.Saving()
	}
	saved, err := r.site.Save(ctx, w)
	switch KindOf(err) {
	case NoAnswer, Unexpected, "":
		r.unconfirmed = &w
	case Stale:
		err = explainStale(ctx, r.site, r.held, err)
	}
	if err != nil {
		return err
	}
	r.written, r.unconfirmed, r.held = true, nil, saved
	return checkKept(w, saved)
}

// checkKept compares what the site says it holds with what was written.
func checkKept(w SaveRequest, saved State) error {
	if diff := differences(w.Settings, w.Enabled, saved); len(diff) > 0 {
		return &Error{Kind: Unexpected, Message: "the site did not keep what was saved: " + strings.Join(diff, ", ")}
	}
	return nil
}
