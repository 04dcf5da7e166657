package site_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var stale = &site.Error{Kind: site.Stale, Message: "If-Match does not match"}

// applyStale applies a change to a site that was changed to now in the meantime, and returns the error.
func applyStale(t *testing.T, now call) error {
	t.Helper()
	c := toOtherHost()
	now.ask = read{}
	s := play(t, call{ask: testOf(c), result: passed}, call{ask: saveOf(c), err: stale}, now)
	got, err := procedure(t).Apply(t.Context(), s, c)
	checkState(t, got, c.Prior)
	if site.KindOf(err) != site.Stale || !errors.Is(err, stale) {
		t.Errorf("got error %#v, want one of kind %s around that of the site", err, site.Stale)
	}
	return err
}

// elsewhere is the working site after somebody else's write.
func elsewhere() site.State {
	now := working()
	now.Revision, now.LastWriteID, now.UpdatedBy = "8", "w8", "anna"
	now.UpdatedAt = time.Date(2026, 11, 23, 12, 30, 0, 0, time.FixedZone("", 3600))
	return now
}

func TestStaleChangeSaysWhatChanged(t *testing.T) {
	const (
		before = `the site was changed by "anna" at 2026-11-23T11:30:00Z, after it was read: `
		behind = `. That was not overwritten. Plan again to see the change and decide.`
	)
	tests := []struct {
		name string
		edit func(*site.State)
		want string
	}{
		{"Setting", func(s *site.State) { s.Settings.Port = 465 }, before + `port is "465" instead of "587"` + behind},
		{"SwitchedOff", func(s *site.State) { s.Enabled = false }, before + `enabled is false instead of true` + behind},
		{"NewPassword", func(s *site.State) { s.PasswordID = "p8" }, before + `a new password` + behind},
		{"NoPassword", func(s *site.State) { s.PasswordSet, s.PasswordID = false, "" }, before + `no password` + behind},
		{
			"Several", func(s *site.State) { s.Settings.FromName, s.Enabled, s.PasswordID = "B", false, "p8" },
			before + `from_name is "B" instead of "Client A", enabled is false instead of true, a new password` + behind,
		},
		{"SameSettingsAgain", func(*site.State) {}, before + `written again with the same settings` + behind},
		{
			"UnknownWriter", func(s *site.State) { s.UpdatedBy, s.Settings.Port = "", 465 },
			`the site was changed at 2026-11-23T11:30:00Z, after it was read: port is "465" instead of "587"` + behind,
		},
		{
			"UnknownTime", func(s *site.State) { s.UpdatedAt, s.Settings.Port = time.Time{}, 465 },
			`the site was changed by "anna", after it was read: port is "465" instead of "587"` + behind,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := elsewhere()
			tt.edit(&now)
			if got := applyStale(t, call{state: now}).Error(); got != tt.want {
				t.Errorf("error:\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestStaleChangeNamesEverySetting(t *testing.T) {
	for i := range numSettings() {
		now := elsewhere()
		name := alter(&now.Settings, i)
		if got := applyStale(t, call{state: now}).Error(); !strings.Contains(got, ": "+name+" is ") {
			t.Errorf("%s changed, but the error says %q", name, got)
		}
	}
}

func TestStaleChangeQuotesWhatTheSiteSays(t *testing.T) {
	now := elsewhere()
	now.UpdatedBy, now.Settings.FromName = "\x1b[2Janna\n", "\x1b[2J\nApply complete!"
	if got := applyStale(t, call{state: now}).Error(); strings.ContainsAny(got, "\x1b\n") {
		t.Errorf("error %q holds control characters of the site", got)
	}
}

func TestStaleChangeWithoutLoginTellsOfNoPassword(t *testing.T) {
	c := toOtherHost()
	c.Prior.Settings.Username, c.Prior.PasswordSet, c.Prior.PasswordID = "", false, ""
	now := c.Prior
	now.Settings.Port = 465
	s := play(t, call{ask: testOf(c), result: passed}, call{ask: saveOf(c), err: stale}, call{ask: read{}, state: now})
	if _, err := procedure(t).Apply(t.Context(), s, c); site.KindOf(err) != site.Stale || strings.Contains(err.Error(), "password") {
		t.Errorf("got error %v, want one of kind %s without a word on passwords", err, site.Stale)
	}
}

// A site that was cleared has no time of a write to tell.
func TestStaleChangeOfAClearedSite(t *testing.T) {
	got := applyStale(t, call{state: unconfigured()}).Error()
	for _, want := range []string{"the site was changed, after it was read: ", `host is "" instead of "smtp.example.com"`, "enabled is false", "no password"} {
		if !strings.Contains(got, want) {
			t.Errorf("error %q does not say %q", got, want)
		}
	}
}

func TestStaleChangeThatCannotBeReadStaysWhatTheSiteSaid(t *testing.T) {
	for _, kind := range kinds {
		checkSame(t, applyStale(t, call{err: &site.Error{Kind: kind, Message: "no"}}), stale)
	}
}

// What another site holds is not what changed.
func TestStaleChangeWhenAnotherSiteAnswers(t *testing.T) {
	now := elsewhere()
	now.SiteID = "another"
	checkSame(t, applyStale(t, call{state: now}), stale)
}
