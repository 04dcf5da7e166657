package site_test

import (
	"fmt"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// TestSteps has a row for each combination of what Steps looks at.
func TestSteps(t *testing.T) {
	none, save, both := site.Steps{}, site.Steps{Writes: true}, site.Steps{SendsTest: true, Writes: true}
	tests := []struct {
		enabled, wasEnabled, changed, verified, setPassword bool
		want                                                site.Steps
	}{
		// To be disabled: nothing is tested; written where something is new or mail is on.
		{false, false, false, false, false, none},
		{false, false, false, false, true, save},
		{false, false, false, true, false, none},
		{false, false, false, true, true, save},
		{false, false, true, false, false, save},
		{false, false, true, false, true, save},
		{false, false, true, true, false, save},
		{false, false, true, true, true, save},
		{false, true, false, false, false, save},
		{false, true, false, false, true, save},
		{false, true, false, true, false, save},
		{false, true, false, true, true, save},
		{false, true, true, false, false, save},
		{false, true, true, false, true, save},
		{false, true, true, true, false, save},
		{false, true, true, true, true, save},
		// To be enabled from disabled: always tested, for a pass may be long ago.
		{true, false, false, false, false, both},
		{true, false, false, false, true, both},
		{true, false, false, true, false, both},
		{true, false, false, true, true, both},
		{true, false, true, false, false, both},
		{true, false, true, false, true, both},
		{true, false, true, true, false, both},
		{true, false, true, true, true, both},
		// To stay enabled: nothing where nothing is new and the pass is known.
		{true, true, false, false, false, both},
		{true, true, false, false, true, both},
		{true, true, false, true, false, none},
		{true, true, false, true, true, both},
		{true, true, true, false, false, both},
		{true, true, true, false, true, both},
		{true, true, true, true, false, both},
		{true, true, true, true, true, both},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		name := fmt.Sprintf("enabled=%t,was=%t,changed=%t,verified=%t,password=%t", tt.enabled, tt.wasEnabled, tt.changed, tt.verified, tt.setPassword)
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			c := site.Change{Prior: working(), Enabled: tt.enabled, SetPassword: tt.setPassword}
			c.Candidate = site.Candidate{Settings: c.Prior.Settings, Password: password}
			c.Prior.Enabled = tt.wasEnabled
			if tt.changed {
				c.Candidate.Settings.Port++
			}
			if !tt.verified {
				c.Prior.Verification = nil
			}
			if got := c.Steps(); got != tt.want {
				t.Errorf("got steps %+v, want %+v", got, tt.want)
			}
		})
	}
	if len(seen) != 1<<5 {
		t.Errorf("got rows for %d of %d combinations", len(seen), 1<<5)
	}
}

func TestStepsNoticeEverySetting(t *testing.T) {
	for _, enabled := range []bool{false, true} {
		for i := range numSettings() {
			c := site.Change{Prior: working(), Enabled: enabled}
			c.Prior.Enabled = enabled
			c.Candidate.Settings = c.Prior.Settings
			name := alter(&c.Candidate.Settings, i)
			if got, want := c.Steps(), (site.Steps{SendsTest: enabled, Writes: true}); got != want {
				t.Errorf("%s changed, enabled %t: steps %+v, want %+v", name, enabled, got, want)
			}
		}
	}
}

// What is no setting calls nothing.
func TestStepsOverlookWhatIsNoSetting(t *testing.T) {
	c := site.Change{Prior: working(), Enabled: true, Recipient: "else@example.com", RetryFor: 1}
	c.Candidate = site.Candidate{Settings: c.Prior.Settings, Password: password}
	if got := c.Steps(); got != (site.Steps{}) {
		t.Errorf("got steps %+v for a change that does not affect delivery", got)
	}
}
