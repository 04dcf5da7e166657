package page

import (
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// phase is how far a site is on its way to mail that is on.
type phase string

// The phases. In changed, it was with other settings or another password that a test passed last.
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
		case t.Status == site.Passed:
			return changed
		}
	}
	return saved
}

// describe says where the site stands and what comes next.
func describe(p phase, o core.Overview, now time.Time) (summary, next string) {
	switch p {
	case enabled:
		if v := o.Verification; v != nil {
			summary = "These settings passed a test on " + when(v.TestedAt) + "."
		}
		return summary, "A change of the settings turns mail off until they pass a test again."
	case empty:
		return "Nothing is saved yet.", "Choose your mail service or enter its server, then save."
	case tested:
		return "What is saved passed a test " + ago(now.Sub(o.Pass.TestedAt)) + ".", "Enable mail to send with these settings."
	case changed:
		return "The settings changed since the last test that passed.", "Test what is saved now, then enable mail."
	}
	if len(o.Tests) > 0 && o.Tests[0].OfSaved && !o.Tests[0].Running {
		switch o.Tests[0].Status {
		case site.Failed:
			return "The last test of what is saved failed.", "Follow the diagnosis, then test again."
		case site.InDoubt:
			return "Nobody can know whether the last test message was taken.", "Look for the message, then test again."
		case site.Passed:
			return "The last pass is too long ago to enable mail with.", "Test again, then enable mail."
		}
	}
	return "The settings are saved and not tested yet.", "Send a test message."
}

// Step is one of the phases that a site goes through.
type Step struct {
	Name string
	// State is done, here or ahead; Warn marks a step that is lost again.
	State string
	Warn  bool
}

// Steps are the way to mail that is on, as far as the site went.
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
