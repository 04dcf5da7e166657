package site_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Mail that a killed run left on is off before anything else is tried, and that is told.
func TestRepairIsToldAndOutlivesARefusedCandidate(t *testing.T) {
	r := &run{model: newModel(savesOn, false), can: savesOn}
	c := scenes["LeftOnUntestedToGoElsewhere"](r)
	c.Candidate.Password = newPassword
	var warnings []string
	p := explaining(site.Diagnosis{ID: "x", Summary: "of the check"})
	p.Check = func(context.Context, site.Candidate) site.TestResult { return refusedHere }
	p.Warn = func(sentence string) { warnings = append(warnings, sentence) }
	s := &traced{model: r.model}
	now, err := p.Apply(t.Context(), s, c)
	if want := []string{"test saved", "read", "save off", "read"}; !slices.Equal(s.calls, want) {
		t.Errorf("requests:\n got %q\nwant %q", s.calls, want)
	}
	checkLeft(t, err, site.LeftOff)
	if now.Enabled {
		t.Errorf("mail is on: %+v", now)
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "heals short") || !strings.Contains(warnings[0], "off") {
		t.Errorf("got warnings %q, want one that says what was found", warnings)
	}
}

// A test in doubt may have been taken, so that nothing is tested after it.
func TestRepairInDoubtIsTheEnd(t *testing.T) {
	c := toOtherHost()
	c.Prior.Verification = nil
	on := c.Prior
	off := switchedOff(on)
	// The password at hand belongs to the new settings, and is never written with those of before.
	for _, can := range []site.Capabilities{savesOn, {Testing: site.TestsEnabled, SaveNeedsPassword: true}} {
		s := playOn(t, can, call{ask: testOfSaved(c), result: inDoubt()}, call{ask: read{}, state: on}, call{ask: offOf(on), state: off})
		now, err := procedure(t).Apply(t.Context(), s, c)
		checkLeft(t, err, site.LeftOff)
		checkState(t, now, off)
		if failed, ok := errors.AsType[*site.TestError](err); !ok || failed.Settings != on.Settings {
			t.Errorf("%+v does not say that the earlier settings were tested", failed)
		}
	}
}

// An answer that was lost on the way to rest does not make untested mail pass for what it was.
func TestRepairSwitchesOffAgain(t *testing.T) {
	c := toOtherHost()
	c.Prior.Verification = nil
	c.Candidate.Settings = c.Prior.Settings
	on := c.Prior
	off := switchedOff(on)
	s := playOn(t, savesOn,
		call{ask: testOfSaved(c), result: healing(site.RetryNever)},
		call{ask: read{}, state: on},
		call{ask: offOf(on), err: &site.Error{Kind: site.NoAnswer, Message: "the connection closed"}},
		call{ask: read{}, state: on},
		call{ask: offOf(on), state: off})
	now, err := procedure(t).Apply(t.Context(), s, c)
	checkLeft(t, err, site.LeftOff)
	checkState(t, now, off)
}

// What somebody else made of the site during the repair is not written over.
func TestRepairLeavesWhatOthersDid(t *testing.T) {
	c := toOtherHost()
	c.Prior.Verification = nil
	theirs := elsewhere()
	theirs.Settings.Host = "smtp.example.org"
	for left, now := range map[site.Left]site.State{site.LeftToOthers: theirs, site.LeftOff: switchedOff(theirs)} {
		s := playOn(t, savesOn, call{ask: testOfSaved(c), result: healing(site.RetryNever)}, call{ask: read{}, state: now})
		got, err := procedure(t).Apply(t.Context(), s, c)
		checkLeft(t, err, left)
		checkState(t, got, now)
	}
	// Nor after a write that the site altered.
	on, altered := c.Prior, switchedOff(c.Prior)
	altered.Settings.Port = 25
	s := playOn(t, savesOn, call{ask: testOfSaved(c), result: healing(site.RetryNever)}, call{ask: read{}, state: on},
		call{ask: offOf(on), state: altered}, call{ask: read{}, state: theirs})
	got, err := procedure(t).Apply(t.Context(), s, c)
	checkLeft(t, err, site.LeftToOthers)
	checkState(t, got, theirs)
}

// Which password passed is not known where the site does not tell: the one at hand is written and tested, and none is
// taken for the one that worked.
func TestRepairVouchesForNoPassword(t *testing.T) {
	t.Run("WritesTheConfiguredPassword", func(t *testing.T) {
		for id, want := range map[string][]string{
			"":   {"test saved", "read", "save on with password", "test saved", "read"},
			"p7": {"test saved", "read"},
		} {
			r := &run{model: newModel(savesOn, false), can: savesOn}
			c := scenes["LeftOnUntested"](r)
			r.model.state.PasswordID, c.Prior.PasswordID = id, id
			r.model.acceptsAll = true
			s := &traced{model: r.model}
			if _, err := procedure(t).Apply(t.Context(), s, c); err != nil {
				t.Error(err)
			}
			if !slices.Equal(s.calls, want) {
				t.Errorf("password ID %q: requests:\n got %q\nwant %q", id, s.calls, want)
			}
		}
	})
	t.Run("NoneIsNeededWithoutLogin", func(t *testing.T) {
		c := imported()
		c.Candidate.Settings = relay()
		c.Prior.Settings, c.Prior.PasswordSet, c.Prior.PasswordID = relay(), false, ""
		verified := c.Prior
		verified.Verification = &site.Verification{Recipient: recipient}
		s := playOn(t, savesOn, call{ask: testOfSaved(c), result: passed}, call{ask: read{}, state: verified})
		now, err := procedure(t).Apply(t.Context(), s, c)
		if err != nil {
			t.Error(err)
		}
		checkState(t, now, verified)
	})
	t.Run("DoesNotRestoreThePriorPassword", func(t *testing.T) {
		c := toOtherHost()
		c.Prior.Verification, c.PriorPassword = nil, password
		on := candidateOn(c)
		off := switchedOff(on)
		s := playOn(t, savesOn,
			call{ask: testOfSaved(c), result: passed},
			call{ask: read{}, state: working()},
			call{ask: saveOf(c), state: on},
			call{ask: testOfSaved(c), result: healing(site.RetryNever)},
			call{ask: read{}, state: on},
			call{ask: offOf(on), state: off})
		now, err := procedure(t).Apply(t.Context(), s, c)
		checkLeft(t, err, site.LeftOff)
		checkState(t, now, off)
	})
}

// A repair that gave no verdict changes nothing.
func TestRepairWithoutVerdictIsTheEnd(t *testing.T) {
	c := toOtherHost()
	c.Prior.Verification = nil
	for _, kind := range kinds {
		refusal := &site.Error{Kind: kind, Message: "no"}
		checkRefused(t, playOn(t, savesOn, call{ask: testOfSaved(c), err: refusal}), c, refusal)
	}
}

// imported is a change of a working site that nothing is known of, which wants nothing but that its mail stays on.
func imported() site.Change {
	c := toOtherHost()
	c.Prior.Verification = nil
	c.Candidate = site.Candidate{Settings: c.Prior.Settings}
	return c
}

// Mail that works is not switched off because its server had too much to do for a while.
func TestRepairIsRepeatedWhileItsFailureCanHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := imported()
		c.RetryFor = time.Hour
		tested := call{ask: testOfSaved(c), result: healing(site.RetryShort)}
		s := playOn(t, savesOn, tested, tested, call{ask: testOfSaved(c), result: passed}, call{ask: read{}, state: working()})
		now, err := procedure(t).Apply(t.Context(), s, c)
		if err != nil {
			t.Error(err)
		}
		checkState(t, now, working())
	})
}

func TestRepairIsNotRepeated(t *testing.T) {
	for name, tt := range map[string]struct {
		retryFor time.Duration
		result   site.TestResult
	}{
		"WhenNotAsked": {0, healing(site.RetryShort)},
		"Permanent":    {time.Hour, healing(site.RetryNever)},
		"InDoubt":      {time.Hour, inDoubt()},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := imported()
				c.RetryFor = tt.retryFor
				off := switchedOff(c.Prior)
				s := playOn(t, savesOn, call{ask: testOfSaved(c), result: tt.result}, call{ask: read{}, state: c.Prior}, call{ask: offOf(c.Prior), state: off})
				now, err := procedure(t).Apply(t.Context(), s, c)
				checkLeft(t, err, site.LeftOff)
				checkState(t, now, off)
			})
		})
	}
}

// When the time is over, mail is off, and the error counts the tests.
func TestRepairEndsWithItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &run{model: newModel(savesOn, false), can: savesOn}
		c := scenes["LeftOnUntested"](r)
		c.Candidate.Password, c.RetryFor = secret.Text{}, time.Minute
		s := &traced{model: r.model}
		began := time.Now()
		now, err := procedure(t).Apply(t.Context(), s, c)
		checkLeft(t, err, site.LeftOff)
		failed, ok := errors.AsType[*site.TestError](err)
		if !ok || failed.Attempts < 3 || failed.Attempts != len(s.calls)-2 || failed.Settings != c.Prior.Settings {
			t.Errorf("got %+v after %q, want some tests, counted", failed, s.calls)
		}
		if spent := time.Since(began); now.Enabled || spent != time.Minute {
			t.Errorf("got enabled %t after %v, want mail off after 1m", now.Enabled, spent)
		}
	})
}

// Many sites that were imported share a relay that takes three tests at a time: none of them is switched off.
func TestRepairIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, relay := procedure(t), &busyServer{takes: 3}
		p.Limiter = site.NewTestLimiter(10, isCrowded)
		var running sync.WaitGroup
		for range 50 {
			r := &run{model: newModel(forgetsOn, false), can: forgetsOn}
			r.configure(true)
			r.known = site.State{}
			c := r.change("smtp.example.com", secret.Text{})
			c.SetPassword = false
			r.model.acceptsAll = true
			running.Go(func() {
				if _, err := p.Apply(t.Context(), relayed{r.model, relay}, c); err != nil || r.model.counter != 1 {
					t.Errorf("got %v after %d writes, want only the first", err, r.model.counter)
				}
			})
		}
		running.Wait()
		if relay.peak > 10 {
			t.Errorf("got %d concurrent tests, want at most 10", relay.peak)
		}
	})
}
