package site_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// checkedApply applies the change of scene to a site behind a check from here, and returns the calls and warnings.
func checkedApply(t *testing.T, can site.Capabilities, scene string, edit func(*site.Change), result site.TestResult) (calls, warnings []string, err error) {
	t.Helper()
	r := &run{model: newModel(can, false), can: can}
	c := scenes[scene](r)
	edit(&c)
	r.model.acceptsAll = true
	s := &traced{model: r.model}
	p := site.Procedure{
		Diagnose: func(site.TestResult, site.Settings) site.Diagnosis { return site.Diagnosis{ID: "x"} },
		Check: func(_ context.Context, got site.Candidate) site.TestResult {
			s.calls = append(s.calls, "check")
			if got.Settings != c.Candidate.Settings || got.Password.Reveal() != c.Candidate.Password.Reveal() {
				t.Errorf("got checks %+v, want %+v", got, c.Candidate)
			}
			return result
		},
		Warn: func(sentence string) { warnings = append(warnings, sentence) },
	}
	_, err = p.Apply(t.Context(), s, c)
	return s.calls, warnings, err
}

func unedited(*site.Change) {}

var (
	refusedHere     = site.TestResult{Status: site.Failed, Stage: site.StageAuth, Reply: &site.Reply{Code: 535, Text: "no"}}
	unreachableHere = site.TestResult{Status: site.Failed, Stage: site.StageConnect, Error: "no route " + newPassword.Reveal()}
)

func TestCheckFromHere(t *testing.T) {
	saved := []string{"save off with password", "test saved", "save on"}
	tests := []struct {
		name   string
		can    site.Capabilities
		scene  string
		edit   func(*site.Change)
		result site.TestResult
		want   []string
		warns  bool
	}{
		{"PassedGoesOn", savesOff, "WorkingElsewhere", unedited, passed, append([]string{"check"}, saved...), false},
		{"CutOffWarnsAndGoesOn", savesOff, "WorkingElsewhere", unedited, unreachableHere, append([]string{"check"}, saved...), true},
		{"RefusedStopsHere", savesOff, "WorkingElsewhere", unedited, refusedHere, []string{"check"}, false},
		{"RefusedStopsHereWhereTestsNeedMailOn", savesOn, "WorkingElsewhere", unedited, refusedHere, []string{"check"}, false},
		{
			"NoLoginToTry", savesOff, "Off", func(c *site.Change) { c.Candidate.Password = secret.Text{} }, refusedHere,
			[]string{"test saved", "save on"},
			false,
		},
		{
			"WithoutLogin", savesOff, "NeverConfigured", func(c *site.Change) { c.Candidate = site.Candidate{Settings: relay()} }, passed,
			[]string{"check", "save off", "test saved", "save on"},
			false,
		},
		{"NotWhereCandidatesAreTested", site.Capabilities{}, "WorkingElsewhere", unedited, refusedHere, []string{"test candidate", "save on with password"}, false},
		{
			"NotWhereTheSaveTests", inSave, "WorkingElsewhere", unedited, refusedHere,
			[]string{"save on for " + recipient + " with password"},
			false,
		},
		{
			"NotForMailThatIsOff", savesOff, "WorkingElsewhere", func(c *site.Change) { c.Enabled = false }, refusedHere,
			[]string{"save off with password"},
			false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			calls, warnings, err := checkedApply(t, tt.can, tt.scene, tt.edit, tt.result)
			if !slices.Equal(calls, tt.want) {
				t.Errorf("requests:\n got %q\nwant %q", calls, tt.want)
			}
			failed, stopped := errors.AsType[*site.TestError](err)
			if stops := len(tt.want) == 1 && tt.want[0] == "check"; stopped != stops || (err != nil) != stops {
				t.Errorf("got error %v, want one: %t", err, stops)
			}
			if stopped && (!failed.Local || failed.Attempts != 1 || failed.Result.Diagnosis == nil) {
				t.Errorf("got error %+v, want a diagnosis of one attempt from here", failed)
			}
			if (len(warnings) == 1) != tt.warns || tt.warns && !strings.Contains(warnings[0], "stage connect") {
				t.Errorf("got warnings %q, want one with the stage: %t", warnings, tt.warns)
			}
			if strings.Contains(strings.Join(warnings, ""), newPassword.Reveal()) {
				t.Errorf("warnings %q show the password", warnings)
			}
		})
	}
}

func relay() site.Settings {
	return site.Settings{Host: "relay.example.test", Port: 25, Encryption: site.NoEncryption, FromAddress: "site@example.com"}
}

// A refusal that can heal is waited for, before anything is saved.
func TestCheckFromHereIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		result := refusedHere
		result.Diagnosis = &site.Diagnosis{Retry: site.RetryShort}
		calls, _, err := checkedApply(t, savesOff, "NeverConfigured", func(c *site.Change) { c.RetryFor = time.Minute }, result)
		failed, ok := errors.AsType[*site.TestError](err)
		if !ok || !failed.Local || failed.Attempts != len(calls) || failed.Attempts < 3 || slices.Contains(calls, "save off with password") {
			t.Errorf("error %+v after %q, want only checks, counted", err, calls)
		}
	})
}

// A check that was cut short by a cancellation has nothing to say.
func TestCheckFromHereCancelled(t *testing.T) {
	for _, result := range []site.TestResult{passed, refusedHere, unreachableHere} {
		r := &run{model: newModel(savesOff, false), can: savesOff}
		c := scenes["NeverConfigured"](r)
		s := &traced{model: r.model}
		ctx, cancel := context.WithCancel(t.Context())
		p := site.Procedure{Check: func(context.Context, site.Candidate) site.TestResult {
			cancel()
			return result
		}}
		if _, err := p.Apply(ctx, s, c); !errors.Is(err, context.Canceled) || len(s.calls) > 0 {
			t.Errorf("error %v after %q, want %v after no calls", err, s.calls, context.Canceled)
		}
	}
}

// A warning is dropped where nobody takes it.
func TestWarningsNeedNoTaker(t *testing.T) {
	r := &run{model: newModel(savesOff, false), can: savesOff, cutOff: true}
	c := scenes["NeverConfigured"](r)
	r.model.acceptsAll = true
	if _, err := (site.Procedure{Check: r.login}).Apply(t.Context(), r.model, c); err != nil {
		t.Error(err)
	}
}
