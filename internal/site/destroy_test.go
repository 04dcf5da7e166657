package site_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// leave destroys the working site over these calls.
func leave(t *testing.T, how site.OnDestroy, calls ...call) error {
	t.Helper()
	return procedure(t).Destroy(t.Context(), play(t, calls...), working(), how)
}

// offOf is the write that switches mail off and leaves the rest of s as it is, without the password.
func offOf(s site.State) site.SaveRequest {
	return site.SaveRequest{Settings: s.Settings, Revision: s.Revision, SiteID: s.SiteID}
}

func switchedOff(s site.State) site.State {
	s.Enabled = false
	s.Revision += "+"
	return s
}

func TestDestroyKeepCallsNothing(t *testing.T) {
	if err := leave(t, site.OnDestroyKeep); err != nil {
		t.Error(err)
	}
}

func TestDestroyUnknownWayCallsNothing(t *testing.T) {
	for _, how := range []site.OnDestroy{"", "wipe"} {
		if err := leave(t, how); site.KindOf(err) != site.Unsupported {
			t.Errorf("%q: %v, want an error of kind %s", how, err, site.Unsupported)
		}
	}
}

func TestDestroyDisable(t *testing.T) {
	now, changed := working(), elsewhere()
	changed.Settings.Host, changed.PasswordID = "smtp.example.test", "p8"
	off := switchedOff(changed)
	tests := []struct {
		name  string
		calls []call
	}{
		{"SwitchesOff", []call{{ask: read{}, state: now}, {ask: offOf(now), state: switchedOff(now)}}},
		{"SwitchesOffChangedSettings", []call{{ask: read{}, state: changed}, {ask: offOf(changed), state: off}}},
		{"IsOffAlready", []call{{ask: read{}, state: off}}},
		{"WasCleared", []call{{ask: read{}, state: unconfigured()}}},
		{"ChangedInBetween", []call{
			{ask: read{}, state: now},
			{ask: offOf(now), err: stale},
			{ask: read{}, state: changed},
			{ask: offOf(changed), state: off},
		}},
		{"SwitchedOffInBetween", []call{
			{ask: read{}, state: now},
			{ask: offOf(now), err: stale},
			{ask: read{}, state: off},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := leave(t, site.OnDestroyDisable, tt.calls...); err != nil {
				t.Error(err)
			}
		})
	}
}

// What Terraform believes may be old: mail that somebody switched on since is switched off too.
func TestDestroyDisableDoesNotTrustWhatWasRead(t *testing.T) {
	prior, now := switchedOff(working()), elsewhere()
	s := play(t, call{ask: read{}, state: now}, call{ask: offOf(now), state: switchedOff(now)})
	if err := procedure(t).Destroy(t.Context(), s, prior, site.OnDestroyDisable); err != nil {
		t.Error(err)
	}
}

func TestDestroyDisableGivesUpOnASiteThatChangesAllTheTime(t *testing.T) {
	now := working()
	var calls []call
	for range 3 {
		calls = append(calls, call{ask: read{}, state: now}, call{ask: offOf(now), err: stale})
	}
	checkSame(t, leave(t, site.OnDestroyDisable, calls...), stale)
}

func TestDestroyDisableNoticesMailThatIsStillOn(t *testing.T) {
	now := working()
	err := leave(t, site.OnDestroyDisable, call{ask: read{}, state: now}, call{ask: offOf(now), state: now})
	if site.KindOf(err) != site.Unexpected {
		t.Errorf("got error %v, want one of kind %s", err, site.Unexpected)
	}
}

func TestDestroyClear(t *testing.T) {
	now := working()
	noLogin, onlyPassword := unconfigured(), unconfigured()
	noLogin.Settings = site.Settings{Host: "relay.example.test", Port: 25}
	onlyPassword.PasswordSet = true
	tests := []struct {
		name  string
		calls []call
	}{
		{"Clears", []call{{ask: read{}, state: now}, {ask: clearing()}}},
		{"ClearsSettingsWithoutPassword", []call{{ask: read{}, state: noLogin}, {ask: clearing()}}},
		{"ClearsPasswordWithoutSettings", []call{{ask: read{}, state: onlyPassword}, {ask: clearing()}}},
		{"IsClearedAlready", []call{{ask: read{}, state: unconfigured()}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := leave(t, site.OnDestroyClear, tt.calls...); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDestroyClearRefusesWhatSomebodyChanged(t *testing.T) {
	now := elsewhere()
	now.Settings.Port = 465
	err := leave(t, site.OnDestroyClear, call{ask: read{}, state: now}, call{ask: clearing(), err: stale}, call{ask: read{}, state: now})
	const want = `the site was changed by "anna" at 2026-11-23T11:30:00Z, after it was read: port is "465" instead of "587". ` +
		`That was not overwritten. Plan again to see the change and decide.`
	if site.KindOf(err) != site.Stale || err.Error() != want {
		t.Errorf("got error %v, want one of kind %s: %s", err, site.Stale, want)
	}
}

func TestDestroyClearStaleAndUnreadable(t *testing.T) {
	err := leave(t, site.OnDestroyClear,
		call{ask: read{}, state: working()}, call{ask: clearing(), err: stale}, call{ask: read{}, err: errors.New("gone")})
	checkSame(t, err, stale)
}

func TestDestroyLeavesAnotherSiteAlone(t *testing.T) {
	another := working()
	another.SiteID = "another"
	for _, how := range []site.OnDestroy{site.OnDestroyDisable, site.OnDestroyClear} {
		for name, now := range map[string]site.State{"On": another, "Off": switchedOff(another), "Unconfigured": {SiteID: "another"}} {
			t.Run(string(how)+"/"+name, func(t *testing.T) {
				if err := leave(t, how, call{ask: read{}, state: now}); site.KindOf(err) != site.WrongSite {
					t.Errorf("got error %v, want one of kind %s", err, site.WrongSite)
				}
			})
		}
	}
}

func TestDestroyOfASiteThatWasNeverPinned(t *testing.T) {
	prior, now := working(), working()
	prior.SiteID = ""
	for how, write := range map[site.OnDestroy]call{
		site.OnDestroyDisable: {ask: offOf(now), state: switchedOff(now)},
		site.OnDestroyClear:   {ask: clearing()},
	} {
		s := play(t, call{ask: read{}, state: now}, write)
		if err := procedure(t).Destroy(t.Context(), s, prior, how); err != nil {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func TestDestroyEndsAtARefusal(t *testing.T) {
	now := working()
	writes := map[site.OnDestroy]any{site.OnDestroyDisable: offOf(now), site.OnDestroyClear: clearing()}
	for how, write := range writes {
		for _, kind := range kinds {
			refusal := &site.Error{Kind: kind, Message: "no"}
			t.Run(string(how)+"/OfTheRead/"+string(kind), func(t *testing.T) {
				checkSame(t, leave(t, how, call{ask: read{}, err: refusal}), refusal)
			})
			if kind == site.Stale {
				continue // It has tests of its own.
			}
			t.Run(string(how)+"/OfTheWrite/"+string(kind), func(t *testing.T) {
				checkSame(t, leave(t, how, call{ask: read{}, state: now}, call{ask: write, err: refusal}), refusal)
			})
		}
	}
}

func TestDestroyCancelled(t *testing.T) {
	now := working()
	writes := map[site.OnDestroy]call{
		site.OnDestroyDisable: {ask: offOf(now), state: switchedOff(now)},
		site.OnDestroyClear:   {ask: clearing()},
	}
	for how, write := range writes {
		t.Run(string(how)+"/DuringTheRead", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			s := play(t, call{ask: read{}, state: now, during: cancel})
			if err := procedure(t).Destroy(ctx, s, now, how); !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v, want %v", err, context.Canceled)
			}
		})
		t.Run(string(how)+"/DuringACompletedWrite", func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			write.during = cancel
			if err := procedure(t).Destroy(ctx, play(t, call{ask: read{}, state: now}, write), now, how); err != nil {
				t.Error(err)
			}
		})
	}
}
