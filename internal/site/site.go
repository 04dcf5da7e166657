// Package site says what a site's mail settings are and holds the one procedure that changes them: test the
// candidate, save, enable. It uses nothing but the standard library and package secret; every other package of this
// module takes its words from here.
package site

import (
	"context"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Site is one site's mail configuration behind its admin API. A platform implements it; [Procedure] alone decides the order of the
// calls, from the [Capabilities] that a platform declares by being [Capable]. Methods return *[Error] for every failure that has a
// [Kind].
type Site interface {
	// Read returns what the site holds now.
	Read(ctx context.Context) (State, error)
	// Test sends one message with the candidate and saves nothing. An error means that there is no verdict; a failed
	// test is a result. It reaches an SMTP server at most once, even if the request is retried.
	Test(ctx context.Context, t TestRequest) (TestResult, error)
	// Save writes the settings, the password and the switch in one step, guarded by the revision.
	Save(ctx context.Context, s SaveRequest) (State, error)
	// Clear removes settings and password in one step, guarded by the revision.
	Clear(ctx context.Context, c ClearRequest) error
}

// TokenLogins is implemented by a [Site] that itself says with which grants it obtains tokens; none if it logs in only with passwords.
// A platform that never can declares the setting "grant" unsupported.
type TokenLogins interface {
	Grants(ctx context.Context) ([]Grant, error)
}

// State is what a site holds.
type State struct {
	// SiteID is stable for the life of a site and differs between sites.
	SiteID   string
	Settings Settings
	// Unknown names the settings that the site does not know, because it implements an older version of the contract.
	Unknown SettingNames
	Enabled bool
	// Revision changes with every write; opaque.
	Revision string
	// UpdatedAt is the time of the last write; zero if there was none. UpdatedBy names who made it, if the site says.
	UpdatedAt time.Time
	UpdatedBy string
	// LastWriteID is the identifier that the last writer gave its write; empty if it gave none.
	LastWriteID string
	PasswordSet bool
	// PasswordID is a random value that changes whenever anyone sets a password; empty if none is set.
	PasswordID string
	// Verification is that of exactly these settings and this password; nil if they never passed a test.
	Verification *Verification
	// Notice is why mail is off or the password is gone although nobody changed that; empty if the site does not say.
	Notice string
	// LastSuccess is when a message of the site other than a test was last accepted; zero if the site does not say.
	LastSuccess time.Time
	// LastFailure is the last one that was not; nil if the site does not say.
	LastFailure *MailFailure
	// Outdated is the version of the site's software if it is older than the one that this provider comes with; otherwise empty.
	Outdated string
	// InForce is what sends the site's mail if these settings do not; nil if they do, and if the site does not say.
	InForce *InForce
}

// Failing returns the site's last message if it was not accepted; nil if no failure is known.
func (s State) Failing() *MailFailure {
	if s.LastFailure == nil || !s.LastFailure.At.After(s.LastSuccess) {
		return nil
	}
	return s.LastFailure
}

// MailFailure is a message of the site other than a test that was not accepted.
type MailFailure struct {
	At     time.Time
	Result TestResult
}

// IsClear reports whether the site holds nothing: neither settings nor a password.
func (s State) IsClear() bool { return s.Settings.IsZero() && !s.PasswordSet }

// TestRequest asks for one test message.
type TestRequest struct {
	// Candidate is what to test; nil tests what the site has saved.
	Candidate *Candidate
	Recipient string
	// SiteID, if set, must be that of the site, or nothing is sent.
	SiteID string
}

// SaveRequest asks for one write.
type SaveRequest struct {
	Settings Settings
	// Password replaces the stored one, unless it is empty.
	Password secret.Text
	// Adopt takes the password of what is in force, as [Candidate.Adopt].
	Adopt   bool
	Enabled bool
	// Revision is the one that was read; the site refuses the write if it has changed since.
	Revision string
	// Recipient of the test message that a platform with [TestsInSave] sends; otherwise empty.
	Recipient string
	// SiteID, if set, must be that of the site, or nothing is written.
	SiteID string
	// Writer becomes part of the identifier of the write, if the site keeps one: see [NewWriteID].
	Writer string
}

// ClearRequest asks for settings and password to be removed.
type ClearRequest struct {
	// Revision is the one that was read; the site refuses the request if it has changed since.
	Revision string
	// SiteID, if set, must be that of the site, or nothing is removed.
	SiteID string
}

// Preset is a mail service as a site's own admin page offers it.
type Preset struct {
	ID, Name, Host string
	Port           int
	Encryption     Encryption
}

// PresetLister is implemented by a [Site] whose product offers presets of its own.
type PresetLister interface {
	Presets(ctx context.Context) ([]Preset, error)
}
