package site

// Capable is what a [Site] also implements when its platform differs from the site admin contract.
type Capable interface {
	// Capabilities are the same for every site of the platform, and known before any call.
	Capabilities() Capabilities
}

// CapabilitiesOf returns what the platform of s declares, or the zero Capabilities where it declares nothing.
func CapabilitiesOf(s Site) Capabilities {
	if capable, ok := s.(Capable); ok {
		return capable.Capabilities()
	}
	return Capabilities{}
}

// Capabilities say what a platform can do, and so in which order [Procedure] works and what a plan refuses. The zero
// Capabilities are those of the site admin contract; a platform declares only in what it differs.
type Capabilities struct {
	// Testing says what the site can send a test message with.
	Testing Testing
	// Addressee says who gets the test message.
	Addressee Addressee
	// Off says how mail is switched off.
	Off Off
	// NoVerdict: the site cannot say whether a test passed, for example because it only puts the message into a queue. Mail
	// is never enabled then.
	NoVerdict bool
	// TestNeedsPassword: the site does not test with the password that it has stored.
	TestNeedsPassword bool
	// SaveNeedsPassword: a write without the password loses the stored one.
	SaveNeedsPassword bool
	// PasswordStays: a stored password can be replaced and not removed, so that the settings cannot be cleared and, once a
	// password is set, cannot be without a username.
	PasswordStays bool
	// Unguarded: the site takes a write whatever was written since it was read. Its states have no Revision; Procedure
	// reads the site again just before each write and compares, which leaves a short gap and, with HidesPasswords, overlooks
	// that somebody changed the password alone.
	Unguarded bool
	// ForgetsVerification: the site does not keep that its settings passed a test. Its states have no Verification; Procedure
	// adds it to what Apply returns, and whoever keeps that puts it into [Change.Prior] as long as settings and PasswordID
	// are the same. With HidesPasswords, a new password alone that a killed run left on is tested when the same change is
	// made again, and not seen before.
	ForgetsVerification bool
	// HidesPasswords: the site does not tell that somebody set a password. Its states have no PasswordID, and PasswordSet may
	// be a guess.
	HidesPasswords bool
	// Lacks lists what the site has no place for.
	Lacks []Lack
}

// Testing says what a site can send a test message with.
type Testing int

const (
	// TestsCandidates: with settings and password that are not saved; [Test.Candidate] is set, unless the stored password
	// is meant. The candidate is tested before anything is written.
	TestsCandidates Testing = iota
	// TestsSaved: with what is saved, also while mail is off; [Test.Candidate] is nil. The candidate is saved with mail off,
	// tested, then enabled. Such a platform has [OffBySwitch].
	TestsSaved
	// TestsEnabled: with what is saved, only while mail is on; [Test.Candidate] is nil. The candidate is enabled, tested, and
	// switched off again unless it passed. This is the one way in which mail can be on untested: for as long as the test
	// takes and, if the run is killed in that time, until the next one.
	TestsEnabled
	// TestsInSave: a [Save] with Enabled tests first and keeps nothing unless the test passed; its Recipient is set. A failed
	// test is a *[TestError] that Save returns, with the result alone. Test is never called.
	TestsInSave
)

// Addressee says who gets a test message.
type Addressee int

const (
	// ToRecipient: whom [Test.Recipient] names.
	ToRecipient Addressee = iota
	// ToCaller: the account that calls the admin API.
	ToCaller
	// ToFixed: an address that was set up at the site.
	ToFixed
)

// Off says how a site's mail is switched off.
type Off int

const (
	// OffBySwitch: a [Save] without Enabled keeps the settings and stops mail.
	OffBySwitch Off = iota
	// OffByClearing: settings that are saved are on; only Clear stops mail.
	OffByClearing
	// OffNever: mail cannot be stopped, only led elsewhere.
	OffNever
)

// Lack is something that a platform has no place for.
type Lack struct {
	// Field is a setting by its name in [Settings.Fields].
	Field string
	// Value is what the setting cannot be, of the setting's own type; nil stands for everything but the zero value.
	Value any
	// When limits the lack to some settings; nil stands for all.
	When func(Settings) bool
	// Reason says why in one sentence, for the person whose plan has it.
	Reason string
}

// Refusal is a value that a platform cannot hold.
type Refusal struct {
	// Field is a setting by its name in [Settings.Fields], or "enabled", "password", "recipient" or "on_destroy".
	Field string
	// Reason says why in one sentence.
	Reason string
}
