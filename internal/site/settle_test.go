package site_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var gone = &site.Error{Kind: site.Unreachable, Message: "no connection"}

// candidateOn is what a site holds after the candidate of c was enabled for its test.
func candidateOn(c site.Change) site.State {
	s := after(c)
	s.Verification = nil
	return s
}

// settling plays what follows on the failed test of a platform that tests only what is on.
func settling(t *testing.T, calls ...call) (site.State, error) {
	t.Helper()
	c := toOtherHost()
	calls = append([]call{{ask: saveOf(c), state: candidateOn(c)}, {ask: testOfSaved(c), result: healing(site.RetryNever)}}, calls...)
	now, err := procedure(t).Apply(t.Context(), playOn(t, savesOn, calls...), c)
	if _, ok := errors.AsType[*site.TestError](err); !ok {
		t.Errorf("error %v does not say why the test failed", err)
	}
	return now, err
}

// checkLeft wants err to be of a change that failed on its way and left this.
func checkLeft(t *testing.T, err error, want site.Left) *site.PartialError {
	t.Helper()
	partial, ok := errors.AsType[*site.PartialError](err)
	if !ok {
		t.Fatalf("got error %v, want a *PartialError", err)
	}
	if partial.Left != want || (partial.Undo != nil) != (want == site.LeftUntested) {
		t.Errorf("%v: left %d, undo %v; want left %d", err, partial.Left, partial.Undo, want)
	}
	return partial
}

func TestSettlingTriesAgain(t *testing.T) {
	on := candidateOn(toOtherHost())
	off := switchedOff(on)
	lost := &site.Error{Kind: site.NoAnswer, Message: "the connection closed"}
	tests := []struct {
		name  string
		calls []call
	}{
		{"AfterAFailedRead", []call{{ask: read{}, err: gone}, {ask: read{}, state: on}, {ask: offOf(on), state: off}}},
		{"AfterAFailedWrite", []call{{ask: read{}, state: on}, {ask: offOf(on), err: gone}, {ask: read{}, state: on}, {ask: offOf(on), state: off}}},
		{"AfterALostResponse", []call{{ask: read{}, state: on}, {ask: offOf(on), err: lost}, {ask: read{}, state: off}}},
		{"AfterTwoFailures", []call{{ask: read{}, err: gone}, {ask: read{}, err: gone}, {ask: read{}, state: on}, {ask: offOf(on), state: off}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now, err := settling(t, tt.calls...)
			checkLeft(t, err, site.LeftOff)
			checkState(t, now, off)
		})
	}
}

// When nothing can be done, the error says loudly that mail may be on.
func TestSettlingThatFailsIsLoud(t *testing.T) {
	on := candidateOn(toOtherHost())
	unread := call{ask: read{}, err: gone}
	tests := []struct {
		name  string
		calls []call
	}{
		{"SiteCannotBeRead", []call{unread, unread, unread}},
		{"SiteCannotBeWritten", []call{
			{ask: read{}, state: on},
			{ask: offOf(on), err: gone},
			{ask: read{}, state: on},
			{ask: offOf(on), err: gone},
			{ask: read{}, state: on},
			{ask: offOf(on), err: gone},
		}},
		{"SiteStaysOn", []call{
			{ask: read{}, state: on},
			{ask: offOf(on), state: on},
			{ask: read{}, state: on},
			{ask: offOf(on), state: on},
			{ask: read{}, state: on},
			{ask: offOf(on), state: on},
		}},
		{"AnotherSiteAnswers", []call{{ask: read{}, state: site.State{SiteID: "another"}}, unread, unread}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now, err := settling(t, tt.calls...)
			partial := checkLeft(t, err, site.LeftUntested)
			checkState(t, now, on)
			for _, want := range []string{"MAY BE ON", partial.Undo.Error(), partial.Err.Error()} {
				if !strings.Contains(partial.Error(), want) {
					t.Errorf("error %q does not say %q", partial, want)
				}
			}
		})
	}
}

func TestSettlingLeavesWhatOthersDid(t *testing.T) {
	c := toOtherHost()
	theirs := elsewhere()
	theirs.Settings.Host = "smtp.example.org"
	theirsOff := switchedOff(theirs)
	t.Run("On", func(t *testing.T) {
		now, err := settling(t, call{ask: read{}, state: theirs})
		checkLeft(t, err, site.LeftToOthers)
		checkState(t, now, theirs)
	})
	t.Run("Off", func(t *testing.T) {
		now, err := settling(t, call{ask: read{}, state: theirsOff})
		checkLeft(t, err, site.LeftOff)
		checkState(t, now, theirsOff)
	})
	t.Run("AfterAPassedTest", func(t *testing.T) {
		s := playOn(t, savesOn, call{ask: saveOf(c), state: candidateOn(c)}, call{ask: testOfSaved(c), result: passed}, call{ask: read{}, state: theirs})
		now, err := procedure(t).Apply(t.Context(), s, c)
		if site.KindOf(err) != site.Stale || !strings.Contains(err.Error(), "anna") {
			t.Fatalf("got error %v, want one of kind %s that says who it was", err, site.Stale)
		}
		checkLeft(t, err, site.LeftToOthers)
		checkState(t, now, theirs)
	})
	t.Run("SameSettingsWrittenAgain", func(t *testing.T) {
		again := candidateOn(c)
		again.Revision = "9"
		s := playOn(t, savesOn, call{ask: saveOf(c), state: candidateOn(c)}, call{ask: testOfSaved(c), result: passed}, call{ask: read{}, state: again})
		now, err := procedure(t).Apply(t.Context(), s, c)
		checkLeft(t, err, site.LeftToOthers)
		checkState(t, now, again)
	})
	t.Run("SwitchedOffByOthers", func(t *testing.T) {
		c := c
		c.PriorPassword = password
		off := switchedOff(candidateOn(c))
		s := playOn(t, savesOn, call{ask: saveOf(c), state: candidateOn(c)}, call{ask: testOfSaved(c), result: healing(site.RetryNever)}, call{ask: read{}, state: off})
		now, err := procedure(t).Apply(t.Context(), s, c)
		checkLeft(t, err, site.LeftOff)
		checkState(t, now, off)
	})
}

// A pass counts once the site was seen to be on with what was tested, and only then.
func TestPassIsConfirmed(t *testing.T) {
	c := toOtherHost()
	apply := func(calls ...call) (site.State, error) {
		calls = append([]call{{ask: saveOf(c), state: candidateOn(c)}, {ask: testOfSaved(c), result: passed}}, calls...)
		return procedure(t).Apply(t.Context(), playOn(t, savesOn, calls...), c)
	}
	unread := call{ask: read{}, err: gone}
	t.Run("AtTheThirdRead", func(t *testing.T) {
		now, err := apply(unread, unread, call{ask: read{}, state: after(c)})
		if err != nil {
			t.Error(err)
		}
		checkState(t, now, after(c))
	})
	t.Run("Never", func(t *testing.T) {
		now, err := apply(unread, unread, unread)
		if partial := checkLeft(t, err, site.LeftUntested); !errors.Is(partial.Err, gone) {
			t.Errorf("got error %v, want one around %v", err, gone)
		}
		checkState(t, now, candidateOn(c))
	})
	t.Run("InACanceledRun", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := playOn(t, savesOn,
			call{ask: saveOf(c), state: candidateOn(c)}, call{ask: testOfSaved(c), result: passed, during: cancel}, call{ask: read{}, state: after(c)})
		now, err := procedure(t).Apply(ctx, s, c)
		if err != nil {
			t.Error(err)
		}
		checkState(t, now, after(c))
	})
}

// What the site made of a candidate is as untested as the candidate.
func TestWhatTheSiteDidNotKeepIsSwitchedOff(t *testing.T) {
	c := toOtherHost()
	kept := candidateOn(c)
	kept.Settings.FromName = "another"
	off := switchedOff(kept)
	s := playOn(t, savesOn, call{ask: saveOf(c), state: kept}, call{ask: read{}, state: kept}, call{ask: offOf(kept), state: off})
	now, err := procedure(t).Apply(t.Context(), s, c)
	if site.KindOf(err) != site.Unexpected {
		t.Fatalf("got error %v, want one of kind %s", err, site.Unexpected)
	}
	checkLeft(t, err, site.LeftOff)
	checkState(t, now, off)
}

// When what worked before cannot be put back, mail is off.
func TestRestoringThatFailsSwitchesOff(t *testing.T) {
	c := toOtherHost()
	c.PriorPassword = password
	on := candidateOn(c)
	off := switchedOff(on)
	back := site.SaveRequest{Settings: c.Prior.Settings, Password: password, Enabled: true, Revision: on.Revision, SiteID: on.SiteID}
	refused := &site.Error{Kind: site.Invalid, Field: "host", Message: "no"}
	lost := &site.Error{Kind: site.NoAnswer, Message: "the connection closed"}
	wasBack := elsewhere()
	for name, tt := range map[string]struct {
		calls []call
		left  site.Left
		want  site.State
	}{
		"Refused": {[]call{{ask: back, err: refused}, {ask: read{}, state: on}, {ask: offOf(on), state: off}}, site.LeftOff, off},
		"Lost":    {[]call{{ask: back, err: lost}, {ask: read{}, state: wasBack}}, site.LeftRestored, wasBack},
	} {
		t.Run(name, func(t *testing.T) {
			calls := append([]call{
				{ask: saveOf(c), state: on},
				{ask: testOfSaved(c), result: healing(site.RetryNever)},
				{ask: read{}, state: on},
			}, tt.calls...)
			now, err := procedure(t).Apply(t.Context(), playOn(t, savesOn, calls...), c)
			checkLeft(t, err, tt.left)
			checkState(t, now, tt.want)
		})
	}
}

// What was restored, or may have been, is not what passed the test of the candidate.
func TestLostRestoringIsNoPass(t *testing.T) {
	c := toOtherHost()
	c.Candidate.Settings, c.SetPassword, c.PriorPassword = c.Prior.Settings, true, password
	saved := switchedOff(candidateOn(c))
	on := candidateOn(c)
	on.Revision = "9"
	off := switchedOff(on)
	first, enable := saveOf(c), saveOf(c)
	first.Enabled = false
	enable.Password, enable.Revision = secret.Text{}, saved.Revision
	back := enable
	back.Password = password
	s := playOn(t, savesOff,
		call{ask: first, state: saved}, call{ask: testOfSaved(c), result: passed},
		call{ask: enable, err: &site.Error{Kind: site.Invalid, Message: "no"}}, call{ask: read{}, state: saved},
		call{ask: back, err: &site.Error{Kind: site.NoAnswer, Message: "the connection closed"}}, call{ask: read{}, state: on},
		call{ask: offOf(on), state: off})
	now, err := procedure(t).Apply(t.Context(), s, c)
	checkLeft(t, err, site.LeftOff)
	checkState(t, now, off)
}

// A site without revisions that holds neither what it held nor what was written was changed by someone else.
func TestLostWriteAtAnUnguardedSiteThatOthersChanged(t *testing.T) {
	c := toOtherHost()
	theirs := elsewhere()
	theirs.Settings.Host = "smtp.example.org"
	for left, now := range map[site.Left]site.State{site.LeftToOthers: theirs, site.LeftOff: switchedOff(theirs)} {
		s := playOn(t, unguarded,
			call{ask: read{}, state: working()},
			call{ask: saveOf(c), err: &site.Error{Kind: site.NoAnswer, Message: "the connection closed"}},
			call{ask: read{}, state: now})
		got, err := procedure(t).Apply(t.Context(), s, c)
		checkLeft(t, err, left)
		checkState(t, got, now)
	}
}

// Whether a lost write of a password was made, only the revision can tell.
func TestLostWriteOfAPasswordAlone(t *testing.T) {
	c := toOtherHost()
	c.Candidate.Settings, c.SetPassword, c.Prior.PasswordID = c.Prior.Settings, true, ""
	lost := &site.Error{Kind: site.NoAnswer, Message: "the connection closed"}
	made := c.Prior
	made.Revision = "8"
	off := switchedOff(made)
	t.Run("Made", func(t *testing.T) {
		s := playOn(t, savesOn, call{ask: saveOf(c), err: lost}, call{ask: read{}, state: made}, call{ask: offOf(made), state: off})
		now, err := procedure(t).Apply(t.Context(), s, c)
		checkLeft(t, err, site.LeftOff)
		checkState(t, now, off)
	})
	t.Run("NotMade", func(t *testing.T) {
		checkRefused(t, playOn(t, savesOn, call{ask: saveOf(c), err: lost}, call{ask: read{}, state: c.Prior}), c, lost)
	})
}

// After a cancellation the site is still brought to rest, with a context that is not done.
func TestSettlingOutlivesACancellation(t *testing.T) {
	c := toOtherHost()
	on := candidateOn(c)
	off := switchedOff(on)
	ctx, cancel := context.WithCancel(t.Context())
	s := playOn(t, savesOn,
		call{ask: saveOf(c), state: on},
		call{ask: testOfSaved(c), err: context.Canceled, during: cancel},
		call{ask: read{}, state: on},
		call{ask: offOf(on), state: off})
	now, err := procedure(t).Apply(ctx, s, c)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	checkState(t, now, off)
}

// hanging is a site that never answers once it was tested.
type hanging struct{ *model }

func (s hanging) Read(ctx context.Context) (site.State, error) {
	<-ctx.Done()
	return site.State{}, ctx.Err()
}

func TestSettlingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &run{model: newModel(savesOn, false), can: savesOn}
		c := scenes["NeverConfigured"](r)
		start := time.Now()
		_, err := procedure(t).Apply(t.Context(), hanging{r.model}, c)
		if partial := checkLeft(t, err, site.LeftUntested); !errors.Is(partial.Undo, context.DeadlineExceeded) {
			t.Errorf("got undo error %v, want %v", partial.Undo, context.DeadlineExceeded)
		}
		if spent := time.Since(start); spent != time.Minute {
			t.Errorf("it took %v, want a minute", spent)
		}
	})
}

// An enabling after a pass whose answer was lost is decided by reading.
func TestLostEnablingAfterAPass(t *testing.T) {
	c := toOtherHost()
	saved := switchedOff(candidateOn(c))
	lost := &site.Error{Kind: site.NoAnswer, Message: "the connection closed"}
	first, second := saveOf(c), saveOf(c)
	first.Enabled = false
	second.Password, second.Revision = offOf(saved).Password, saved.Revision
	apply := func(found site.State) (site.State, error) {
		s := playOn(t, savesOff,
			call{ask: first, state: saved}, call{ask: testOfSaved(c), result: passed}, call{ask: second, err: lost}, call{ask: read{}, state: found})
		return procedure(t).Apply(t.Context(), s, c)
	}
	t.Run("Made", func(t *testing.T) {
		now, err := apply(after(c))
		if err != nil {
			t.Error(err)
		}
		checkState(t, now, after(c))
	})
	t.Run("RefusedBecauseOthersEnabledIt", func(t *testing.T) {
		theirs := candidateOn(c)
		theirs.Revision, theirs.UpdatedBy = "9", "anna"
		s := playOn(t, savesOff,
			call{ask: first, state: saved}, call{ask: testOfSaved(c), result: passed},
			call{ask: second, err: stale}, call{ask: read{}, state: theirs}, call{ask: read{}, state: theirs})
		now, err := procedure(t).Apply(t.Context(), s, c)
		if site.KindOf(err) != site.Stale {
			t.Fatalf("got error %v, want one of kind %s", err, site.Stale)
		}
		checkLeft(t, err, site.LeftToOthers)
		checkState(t, now, theirs)
	})
	t.Run("NotMade", func(t *testing.T) {
		now, err := apply(saved)
		if !errors.Is(err, lost) {
			t.Errorf("got error %v, want one around %v", err, lost)
		}
		checkLeft(t, err, site.LeftOff)
		checkState(t, now, saved)
	})
}

func TestPartialErrorSaysWhatWasLeft(t *testing.T) {
	for left, want := range map[site.Left]string{
		site.LeftOff:      "no; now mail is off",
		site.LeftRestored: "no; now the settings that worked before are back",
		site.LeftToOthers: "no; now the site is as somebody else left it meanwhile",
	} {
		if got := (&site.PartialError{Left: left, Err: errors.New("no")}).Error(); got != want {
			t.Errorf("got error %q, want %q", got, want)
		}
	}
	loud := &site.PartialError{Left: site.LeftUntested, Err: fmt.Errorf("no"), Undo: gone}
	if want := "no; now MAIL MAY BE ON WITH SETTINGS THAT DID NOT PASS A TEST: no connection"; loud.Error() != want {
		t.Errorf("got error %q, want %q", loud, want)
	}
}

// A write that failed without the site refusing it may have been made: nobody knows, so the site is looked at, whatever the error.
func TestAWriteThatMayHaveBeenMadeIsSettled(t *testing.T) {
	c := toOtherHost()
	on := candidateOn(c)
	for name, failure := range map[string]error{
		"NoAnswer":   &site.Error{Kind: site.NoAnswer, Message: "the connection closed"},
		"Unexpected": &site.Error{Kind: site.Unexpected, Message: "a page came back"},
		"NoKind":     errors.New("something else"),
	} {
		t.Run(name, func(t *testing.T) {
			now, err := procedure(t).Apply(t.Context(), playOn(t, savesOn,
				call{ask: saveOf(c), err: failure}, call{ask: read{}, state: on}, call{ask: offOf(on), state: switchedOff(on)}), c)
			checkLeft(t, err, site.LeftOff)
			if !errors.Is(err, failure) {
				t.Errorf("error %v does not say why", err)
			}
			checkState(t, now, switchedOff(on))
		})
	}
	for _, kind := range []site.Kind{site.Invalid, site.Unreachable, site.Unauthorized, site.Blocked, site.RateLimited, site.WrongSite, site.Unsupported} {
		t.Run(string(kind), func(t *testing.T) {
			refusal := &site.Error{Kind: kind, Message: "not made"}
			if _, err := procedure(t).Apply(t.Context(), playOn(t, savesOn, call{ask: saveOf(c), err: refusal}), c); !errors.Is(err, refusal) {
				t.Errorf("got %v", err)
			}
		})
	}
}
