package site_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestApplyTestsThenSavesAndEnablesInOneWrite(t *testing.T) {
	tests := []struct {
		name string
		edit func(*site.Change)
	}{
		{"OverWorkingSettings", func(*site.Change) {}},
		{"OnSiteNeverConfigured", func(c *site.Change) { c.Prior = unconfigured() }},
		{"OnDisabledSite", func(c *site.Change) { c.Prior.Enabled = false }},
		{"NewPasswordAlone", func(c *site.Change) { c.Candidate.Settings, c.SetPassword = c.Prior.Settings, true }},
		{"EnablingWithKnownPassword", func(c *site.Change) { c.Candidate.Settings, c.Prior.Enabled = c.Prior.Settings, false }},
		{"WithoutLogin", func(c *site.Change) {
			c.Candidate.Settings.Username = ""
			c.Candidate.Password = secret.Text{}
		}},
		{"WithoutPinnedSite", func(c *site.Change) { c.Prior.SiteID = "" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := toOtherHost()
			tt.edit(&c)
			s := play(t, call{ask: testOf(c), result: passed}, call{ask: saveOf(c), state: after(c)})
			got, err := procedure(t).Apply(t.Context(), s, c)
			if err != nil {
				t.Error(err)
			}
			checkState(t, got, after(c))
		})
	}
}

func TestApplyTestsWhatIsSavedWithoutThePassword(t *testing.T) {
	tests := []struct {
		name string
		edit func(*site.State)
	}{
		{"EnablingWhatIsSaved", func(s *site.State) { s.Enabled = false }},
		{"VerifyingWhatIsEnabled", func(s *site.State) { s.Verification = nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := toOtherHost()
			tt.edit(&c.Prior)
			c.Candidate = site.Candidate{Settings: c.Prior.Settings}
			s := play(t, call{ask: testOfSaved(c), result: passed}, call{ask: saveOf(c), state: after(c)})
			got, err := procedure(t).Apply(t.Context(), s, c)
			if err != nil {
				t.Error(err)
			}
			checkState(t, got, after(c))
		})
	}
}

func TestApplyWithoutNewsCallsNothing(t *testing.T) {
	tests := []struct {
		name string
		edit func(*site.Change)
	}{
		{"Enabled", func(c *site.Change) { c.Candidate.Settings = c.Prior.Settings }},
		{"EnabledPasswordUnknown", func(c *site.Change) { c.Candidate = site.Candidate{Settings: c.Prior.Settings} }},
		{"Disabled", func(c *site.Change) {
			c.Candidate.Settings = c.Prior.Settings
			c.Enabled, c.Prior.Enabled = false, false
		}},
		{"NeverConfigured", func(c *site.Change) { *c = site.Change{Prior: unconfigured()} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := toOtherHost()
			tt.edit(&c)
			got, err := procedure(t).Apply(t.Context(), play(t), c)
			if err != nil {
				t.Error(err)
			}
			checkState(t, got, c.Prior)
		})
	}
}

func TestApplyDisabledSavesWithoutTest(t *testing.T) {
	tests := []struct {
		name string
		edit func(*site.Change)
	}{
		{"OtherSettings", func(*site.Change) {}},
		{"NewPasswordAlone", func(c *site.Change) {
			c.Prior.Enabled, c.SetPassword = false, true
			c.Candidate.Settings = c.Prior.Settings
		}},
		{"SwitchingOffWithLostPassword", func(c *site.Change) { c.Candidate = site.Candidate{Settings: c.Prior.Settings} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := toOtherHost()
			c.Enabled = false
			tt.edit(&c)
			got, err := procedure(t).Apply(t.Context(), play(t, call{ask: saveOf(c), state: after(c)}), c)
			if err != nil {
				t.Error(err)
			}
			checkState(t, got, after(c))
		})
	}
}

func TestApplyWithoutNeededPasswordCallsNothing(t *testing.T) {
	for _, enabled := range []bool{false, true} {
		c := toOtherHost()
		c.Enabled = enabled
		c.Candidate.Password = secret.Text{}
		got, err := procedure(t).Apply(t.Context(), play(t), c)
		checkState(t, got, c.Prior)
		refusal, ok := errors.AsType[*site.Error](err)
		if !ok || refusal.Kind != site.PasswordRequired || refusal.Field != "password" {
			t.Errorf("enabled %t: %v, want kind %s at the password", enabled, err, site.PasswordRequired)
		}
	}
}

// A refusal ends the change where it is, and is handed on as it is.
func TestApplyEndsAtARefusal(t *testing.T) {
	c := toOtherHost()
	for _, kind := range kinds {
		refusal := &site.Error{Kind: kind, Field: "host", Message: "no"}
		t.Run("OfTheTest/"+string(kind), func(t *testing.T) {
			s := play(t, call{ask: testOf(c), err: refusal})
			checkRefused(t, s, c, refusal)
		})
		t.Run("OfTheWrite/"+string(kind), func(t *testing.T) {
			calls := []call{{ask: testOf(c), result: passed}, {ask: saveOf(c), err: refusal}}
			if kind == site.Stale {
				calls = append(calls, call{ask: read{}, err: errors.New("and then it went away")})
			}
			checkRefused(t, play(t, calls...), c, refusal)
		})
	}
	t.Run("WithoutKind", func(t *testing.T) {
		refusal := errors.New("something else")
		checkRefused(t, play(t, call{ask: testOf(c), err: refusal}), c, refusal)
	})
}

// checkRefused applies c and wants exactly this error beside what the site held before.
func checkRefused(t *testing.T, s site.Site, c site.Change, want error) {
	t.Helper()
	got, err := procedure(t).Apply(t.Context(), s, c)
	checkSame(t, err, want)
	checkState(t, got, c.Prior)
}

// A RetryFor changes nothing about calls that gave no verdict: nobody knows whether the message is on its way.
func TestApplyDoesNotRepeatACallWithoutVerdict(t *testing.T) {
	for _, kind := range kinds {
		c := toOtherHost()
		c.RetryFor = 24 * time.Hour
		refusal := &site.Error{Kind: kind, Message: "no"}
		checkRefused(t, play(t, call{ask: testOf(c), err: refusal}), c, refusal)
	}
}

func TestApplyNoticesWhatTheSiteDidNotKeep(t *testing.T) {
	c := toOtherHost()
	applyKeeping := func(t *testing.T, kept site.State) error {
		t.Helper()
		s := play(t, call{ask: testOf(c), result: passed}, call{ask: saveOf(c), state: kept})
		got, err := procedure(t).Apply(t.Context(), s, c)
		if site.KindOf(err) != site.Unexpected {
			t.Fatalf("got error %v, want one of kind %s", err, site.Unexpected)
		}
		checkState(t, got, kept)
		return err
	}
	for i, wanted := range c.Candidate.Settings.Fields() {
		t.Run(wanted.Name, func(t *testing.T) {
			kept := after(c)
			name := alter(&kept.Settings, i)
			want := fmt.Sprintf("%s is %q instead of %q", name, fmt.Sprint(kept.Settings.Fields()[i].Value), fmt.Sprint(wanted.Value))
			if name == "username" { // at some services a token
				want = "username is different"
			}
			if err := applyKeeping(t, kept); !strings.HasSuffix(err.Error(), ": "+want) {
				t.Errorf("got error %q, want it to end in %s and nothing else", err, want)
			}
		})
	}
	t.Run("Enabled", func(t *testing.T) {
		kept := after(c)
		kept.Enabled = false
		if err := applyKeeping(t, kept); !strings.HasSuffix(err.Error(), ": enabled is false instead of true") {
			t.Errorf("error %q does not name the switch alone", err)
		}
	})
	t.Run("Everything", func(t *testing.T) {
		err := applyKeeping(t, unconfigured())
		for _, f := range c.Candidate.Settings.Fields() {
			if fmt.Sprint(f.Value) != "" && !strings.Contains(err.Error(), f.Name+" is ") {
				t.Errorf("error %q does not name %s", err, f.Name)
			}
		}
	})
	t.Run("HostileText", func(t *testing.T) {
		kept := after(c)
		kept.Settings.FromName = "\x1b[2J\nApply complete!"
		if err := applyKeeping(t, kept); strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("error %q holds control characters of the site", err)
		}
	})
}

// A site that was asked to switch off and is still on must not pass for off.
func TestApplyNoticesMailThatIsStillOn(t *testing.T) {
	c := toOtherHost()
	c.Enabled = false
	kept := after(c)
	kept.Enabled = true
	got, err := procedure(t).Apply(t.Context(), play(t, call{ask: saveOf(c), state: kept}), c)
	if site.KindOf(err) != site.Unexpected {
		t.Errorf("got error %v, want one of kind %s", err, site.Unexpected)
	}
	checkState(t, got, kept)
}

// Neither what a test needs nor what it says may hold the password.
func TestNoErrorHoldsThePassword(t *testing.T) {
	c := toOtherHost()
	kept := after(c)
	kept.Settings.Host = "else.example.test"
	s := play(t, call{ask: testOf(c), result: passed}, call{ask: saveOf(c), state: kept})
	_, err := procedure(t).Apply(t.Context(), s, c)
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		for _, holder := range []any{err, c, saveOf(c), testOf(c)} {
			if text := fmt.Sprintf(verb, holder); strings.Contains(text, newPassword.Reveal()) {
				t.Errorf("%s of a %T shows the password: %s", verb, holder, text)
			}
		}
	}
}
