package site_test

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// TestNeedsPassword goes through every combination of what NeedsPassword looks at, and compares with the rules in words.
func TestNeedsPassword(t *testing.T) {
	const bits = 8
	for combination := range 1 << bits {
		bit := func(i int) bool { return combination>>i&1 == 1 }
		username, known, setPassword, changed := bit(0), bit(1), bit(2), bit(3)
		stored, enabled, wasEnabled, verified := bit(4), bit(5), bit(6), bit(7)

		c := site.Change{Prior: working(), Enabled: enabled, SetPassword: setPassword}
		c.Prior.PasswordSet, c.Prior.Enabled = stored, wasEnabled
		if !verified {
			c.Prior.Verification = nil
		}
		if !username {
			c.Prior.Settings.Username = ""
		}
		c.Candidate.Settings = c.Prior.Settings
		if changed {
			c.Candidate.Settings.Host = "smtp.example.test"
		}
		if known {
			c.Candidate.Password = password
		}

		var want bool
		switch written := c.Steps().Writes; {
		case !username: // There is no login.
		case known: // It is there.
		case !written: // Nothing is made of it.
		case setPassword: // It is what is to be written.
			want = true
		case changed: // A stored password is used only where it was entered for, and a site asks for the first one too.
			want = true
		case enabled && !stored: // Mail cannot be on without it.
			want = true
		}
		if got := c.NeedsPassword(); got != want {
			t.Errorf("username=%t known=%t setPassword=%t changed=%t stored=%t enabled=%t was=%t verified=%t: needed %t, want %t",
				username, known, setPassword, changed, stored, enabled, wasEnabled, verified, got, want)
		}
	}
}

// Each setting decides where a password goes or in whose name: none may change under a stored password.
func TestNeedsPasswordForEverySetting(t *testing.T) {
	for i := range numSettings() {
		c := site.Change{Prior: working(), Enabled: true}
		c.Candidate.Settings = c.Prior.Settings
		name := alter(&c.Candidate.Settings, i)
		if !c.NeedsPassword() {
			t.Errorf("changing %s does not need the password", name)
		}
		c.Candidate.Password = secret.New("")
		if !c.NeedsPassword() {
			t.Errorf("changing %s with an empty password does not need the password", name)
		}
	}
}

func TestPasswordIsNotNeededWithoutLogin(t *testing.T) {
	c := site.Change{Prior: working(), Enabled: true, SetPassword: true}
	c.Candidate.Settings = settingsAt("relay.example.test")
	c.Candidate.Settings.Username = ""
	if c.NeedsPassword() {
		t.Error("a server without login needs a password")
	}
}
