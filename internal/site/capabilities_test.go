package site_test

import (
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// undeclared is a site whose platform declares nothing.
type undeclared struct{ site.Site }

func TestCapabilitiesOf(t *testing.T) {
	if got := site.CapabilitiesOf(undeclared{}); !reflect.DeepEqual(got, site.Capabilities{}) {
		t.Errorf("a platform that declares nothing: got %+v, want what the contract requires", got)
	}
	want := site.Capabilities{Testing: site.TestsEnabled, UnsupportedValues: []site.UnsupportedValue{{Field: "host"}}}
	if got := site.CapabilitiesOf(playOn(t, want)); !reflect.DeepEqual(got, want) {
		t.Errorf("a platform that declares %+v: got %+v", want, got)
	}
}

// A site without revisions is read just before each write, and left alone when somebody else was there.
func TestUnguardedSite(t *testing.T) {
	c := toOtherHost()
	theirs := working()
	theirs.Settings.Port = 465
	newPassword := working()
	newPassword.PasswordID = "p8"
	kept := after(c)
	unread := &site.Error{Kind: site.Unreachable, Message: "no connection"}
	tests := []struct {
		name  string
		calls []call
		want  site.State
		kind  site.Kind
	}{
		{"AsItWas", []call{{ask: read{}, state: working()}, {ask: saveOf(c), state: kept}}, kept, ""},
		{"Changed", []call{{ask: read{}, state: theirs}}, c.Prior, site.Stale},
		{"AnotherPassword", []call{{ask: read{}, state: newPassword}}, c.Prior, site.Stale},
		{"AnotherSite", []call{{ask: read{}, state: site.State{SiteID: "another"}}}, c.Prior, site.WrongSite},
		{"CannotBeRead", []call{{ask: read{}, err: unread}}, c.Prior, site.Unreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			calls := append([]call{{ask: testOf(c), result: passed}}, tt.calls...)
			now, err := procedure(t).Apply(t.Context(), playOn(t, candidates, calls...), c)
			if site.KindOf(err) != tt.kind || (err == nil) != (tt.kind == "") {
				t.Errorf("got error %v, want one of kind %q", err, tt.kind)
			}
			checkState(t, now, tt.want)
		})
	}
}

// forgetful is the state without what a platform does not keep.
func forgetful(s site.State) site.State {
	s.Verification = nil
	return s
}

func TestVerificationThatTheSiteForgets(t *testing.T) {
	result := site.TestResult{
		Status: site.Passed, Stage: site.StageData, Recipient: recipient, MessageID: "m1@example.com",
		TestedAt: time.Date(2026, 11, 23, 10, 0, 2, 0, time.UTC), Reply: &site.Reply{Code: 250, EnhancedCode: "2.0.0", Text: "Ok"},
	}
	verified := func(s site.State) site.State {
		s.Verification = &site.Verification{TestedAt: result.TestedAt, Recipient: recipient, Reply: "250 2.0.0 Ok", MessageID: "m1@example.com"}
		return s
	}
	forgets := site.Capabilities{ForgetsVerification: true}
	c := toOtherHost()
	apply := func(t *testing.T, can site.Capabilities, c site.Change, want site.State, calls ...call) {
		t.Helper()
		now, err := procedure(t).Apply(t.Context(), playOn(t, can, calls...), c)
		if err != nil {
			t.Error(err)
		}
		checkState(t, now, want)
	}
	t.Run("ComesFromTheTest", func(t *testing.T) {
		apply(t, forgets, c, verified(after(c)), call{ask: testOf(c), result: result}, call{ask: saveOf(c), state: forgetful(after(c))})
	})
	t.Run("WithoutReply", func(t *testing.T) {
		silent, want := result, verified(after(c))
		silent.Reply = nil
		want.Verification.Reply = ""
		apply(t, forgets, c, want, call{ask: testOf(c), result: silent}, call{ask: saveOf(c), state: forgetful(after(c))})
	})
	t.Run("ComesFromASiteThatKeepsIt", func(t *testing.T) {
		apply(t, site.Capabilities{}, c, after(c), call{ask: testOf(c), result: result}, call{ask: saveOf(c), state: after(c)})
	})
	t.Run("SurvivesSwitchingOff", func(t *testing.T) {
		c := site.Change{Prior: working(), Candidate: site.Candidate{Settings: working().Settings}}
		off := forgetful(switchedOff(working()))
		want := off
		want.Verification = c.Prior.Verification
		apply(t, forgets, c, want, call{ask: saveOf(c), state: off})
	})
	t.Run("IsDroppedWithOtherSettings", func(t *testing.T) {
		c := c
		c.Enabled = false
		apply(t, forgets, c, forgetful(after(c)), call{ask: saveOf(c), state: forgetful(after(c))})
	})
}

// inSaveOf is the write that c makes on a platform that tests in it.
func inSaveOf(c site.Change) site.SaveRequest {
	w := saveOf(c)
	w.Recipient = c.Recipient
	return w
}

func TestSiteThatTestsInTheSave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := toOtherHost()
		c.RetryFor = time.Hour
		can := site.Capabilities{Testing: site.TestsInSave, ForgetsVerification: true}
		s := playOn(t, can,
			call{ask: inSaveOf(c), err: &site.TestError{Result: healing(site.RetryShort)}},
			call{ask: inSaveOf(c), err: &site.TestError{Result: healing(site.RetryShort)}},
			call{ask: inSaveOf(c), state: forgetful(after(c))})
		now, err := procedure(t).Apply(t.Context(), s, c)
		if err != nil {
			t.Fatal(err)
		}
		want := after(c)
		want.Verification = &site.Verification{TestedAt: time.Now(), Recipient: recipient}
		checkState(t, now, want)
	})
}

// What a site refuses in a save that tests is told as any failed test, and changes nothing.
func TestSiteThatRefusesInTheSave(t *testing.T) {
	c := toOtherHost()
	for _, result := range []site.TestResult{failure(site.Failed, site.StageAuth), failure(site.InDoubt, site.StageData)} {
		p := explaining(site.Diagnosis{ID: "x", Retry: site.RetryShort})
		retrying := c
		if result.Status == site.InDoubt {
			retrying.RetryFor = time.Hour // Which must not be used.
		}
		failed := applyFailing(t, p, playOn(t, inSave, call{ask: inSaveOf(c), err: &site.TestError{Result: result}}), retrying)
		if failed.Attempts != 1 || failed.Result.Status != result.Status || failed.Result.Diagnosis.ID != "x" {
			t.Errorf("got error %+v, want the result with a diagnosis", failed)
		}
	}
	for _, kind := range kinds {
		refusal := &site.Error{Kind: kind, Message: "no"}
		calls := []call{{ask: inSaveOf(c), err: refusal}}
		if kind == site.Stale {
			calls = append(calls, call{ask: read{}, err: errors.New("and then it went away")})
		}
		checkRefused(t, playOn(t, inSave, calls...), c, refusal)
	}
}

// Mail that is to be off needs no test, wherever tests are made.
func TestSiteThatTestsInTheSaveIsSwitchedOffWithoutOne(t *testing.T) {
	c := toOtherHost()
	c.Enabled = false
	now, err := procedure(t).Apply(t.Context(), playOn(t, inSave, call{ask: saveOf(c), state: after(c)}), c)
	if err != nil {
		t.Error(err)
	}
	checkState(t, now, after(c))
}

func TestDestroyOnPlatformsThatCannot(t *testing.T) {
	for name, can := range map[string]site.Capabilities{
		"Never":         {Off: site.OffNever},
		"ByClearing":    {Off: site.OffByClearing},
		"PasswordStays": {PasswordStays: true},
	} {
		for _, how := range site.OnDestroys() {
			refusal, refused := can.RefuseDestroy(how)
			if !refused {
				continue
			}
			t.Run(name+"/"+string(how), func(t *testing.T) {
				err := procedure(t).Destroy(t.Context(), playOn(t, can), working(), how)
				if site.KindOf(err) != site.Unsupported || err.Error() != refusal.Reason {
					t.Errorf("got error %v, want one of kind %s: %s", err, site.Unsupported, refusal.Reason)
				}
			})
		}
	}
}

// Without revisions, clearing is guarded by the read that comes before it; switching off is right whatever is there.
func TestDestroyOfAnUnguardedSite(t *testing.T) {
	changed := working()
	changed.Settings.Port = 465
	can := site.Capabilities{Unguarded: true}
	if err := procedure(t).Destroy(t.Context(), playOn(t, can, call{ask: read{}, state: changed}), working(), site.OnDestroyClear); site.KindOf(err) != site.Stale {
		t.Errorf("got error %v, want one of kind %s", err, site.Stale)
	}
	for how, calls := range map[site.OnDestroy][]call{
		site.OnDestroyClear:   {{ask: read{}, state: working()}, {ask: clearing()}},
		site.OnDestroyDisable: {{ask: read{}, state: changed}, {ask: offOf(changed), state: switchedOff(changed)}},
	} {
		if err := procedure(t).Destroy(t.Context(), playOn(t, can, calls...), working(), how); err != nil {
			t.Errorf("%s: %v", how, err)
		}
	}
}
