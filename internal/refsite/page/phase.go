package page

import (
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// phase is how far a site has got from empty settings to enabled mail.
type phase string

// The phases. In changed, the last pass was with different settings or a different password.
const (
	empty   phase = "empty"
	saved   phase = "saved"
	changed phase = "changed"
	tested  phase = "tested"
	enabled phase = "enabled"
)

func phaseOf(o core.Overview) phase {
	switch {
	case o.Enabled:
		return enabled
	case o.Settings.IsZero():
		return empty
	case o.Pass != nil:
		return tested
	}
	for _, t := range o.Tests {
		switch {
		case t.Status == site.Passed && t.OfSaved:
			return saved
		case t.Status == site.Passed && !isMistyped(t, o):
			return changed
		}
	}
	return saved
}

// describe returns the phase in a sentence, and the next step.
func describe(p phase, o core.Overview, now time.Time) (summary, next string) {
	switch p {
	case enabled:
		if v := o.Verification; v != nil {
			summary = "These settings passed a test on " + when(v.TestedAt) + "."
		}
		return summary, "Saving a change disables mail until a test passes."
	case empty:
		return "Nothing is saved yet.", "Choose your mail service or enter its server, then save."
	case tested:
		return "The saved settings passed a test " + ago(now.Sub(o.Pass.TestedAt)) + ".", "Enable mail to send with these settings."
	case changed:
		return "The settings were changed after the last test that passed.", "Test the saved settings, then enable mail."
	}
	if len(o.Tests) > 0 && !o.Tests[0].Running {
		if summary, next := describeLast(o.Tests[0], o); summary != "" {
			return summary, next
		}
	}
	return "The settings are saved and not tested yet.", "Send a test message."
}

// describeLast describes the result of the last test. It returns "" if that tested different settings.
func describeLast(t core.PastTest, o core.Overview) (summary, next string) {
	because := "."
	if t.Diagnosis != nil {
		because = ": " + sentence(t.Diagnosis.Summary)
	}
	switch {
	case t.Status == site.Failed && isMistyped(t, o):
		return "The last test failed" + because, "Its password was not the saved one: test again with the saved password."
	case isMistyped(t, o):
		return "The password typed for the last test is not the saved one.", "Test again with the saved password, or save the new one first."
	case !t.OfSaved:
		return "", ""
	case t.Status == site.Failed:
		return "The last test of the saved settings failed" + because, "Follow the diagnosis below, then test again."
	case t.Status == site.InDoubt:
		return "The server may or may not have accepted the last test message.", "Look for the message, then test again."
	}
	return "The last pass is too old to enable mail.", "Test again, then enable mail."
}

// Step is a phase as the page shows it.
type Step struct {
	Name string
	// State is done, here or ahead. Warn marks a step that has to be repeated.
	State string
	Warn  bool
}

// Steps returns the steps to enabled mail, and how far the site has got.
func (p phase) Steps() []Step {
	reached := map[phase]int{empty: 0, saved: 1, changed: 2, tested: 2, enabled: 3}[p]
	names := []string{"Empty", "Saved", "Tested", "Enabled"}
	if p == changed {
		names[2] = "Changed since test"
	}
	var steps []Step
	for i, name := range names {
		s := Step{Name: name, State: "ahead"}
		switch {
		case i < reached:
			s.State = "done"
		case i == reached:
			s.State, s.Warn = "here", p == changed
		}
		steps = append(steps, s)
	}
	return steps
}
