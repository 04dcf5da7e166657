package site_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestRefuse(t *testing.T) {
	disabled := func(c *site.Change) { c.Enabled = false }
	withoutPassword := func(c *site.Change) { c.Candidate.Password = secret.Text{} }
	unsupported := func(values ...site.UnsupportedValue) site.Capabilities {
		return site.Capabilities{UnsupportedValues: values}
	}
	all := func(edits ...func(*site.Change)) func(*site.Change) {
		return func(c *site.Change) {
			for _, edit := range edits {
				edit(c)
			}
		}
	}
	kept := func(c *site.Change) { c.Candidate.Settings = c.Prior.Settings }
	unverified := func(c *site.Change) { c.Prior.Verification = nil }
	wasOff := func(c *site.Change) { c.Prior.Enabled = false }
	noRecipient := func(c *site.Change) { c.Recipient = "" }
	tests := []struct {
		name string
		can  site.Capabilities
		edit func(*site.Change)
		// want is the field that is refused, with a word of the reason; "" when nothing is.
		want, word string
	}{
		{"Contract", site.Capabilities{}, unedited, "", ""},
		{"ContractOff", site.Capabilities{}, disabled, "", ""},

		{"NoVerdict", site.Capabilities{NoVerdict: true}, unedited, "enabled", "accepted"},
		{"NoVerdictOff", site.Capabilities{NoVerdict: true}, disabled, "", ""},
		{"NeverOff", site.Capabilities{Off: site.OffNever}, disabled, "enabled", "no way"},
		{"NeverOffAndOn", site.Capabilities{Off: site.OffNever}, unedited, "", ""},
		{"OffByClearing", clearsOff, disabled, "enabled", "clear"},
		{"OffByClearingAndOn", clearsOff, unedited, "", ""},
		{"TestsOnlyWhileOn", site.Capabilities{Testing: site.TestsEnabled, Off: site.OffNever}, unedited, "enabled", "while mail is on"},

		{"TestsOnlyWhileOnOff", site.Capabilities{Testing: site.TestsEnabled, Off: site.OffNever}, disabled, "enabled", "no way to switch mail off"},

		{"UnsupportedValue", unsupported(site.UnsupportedValue{Field: "encryption", Value: site.STARTTLS, Reason: "it is only opportunistic."}), unedited, "encryption", "opportunistic"},
		{"OtherValue", unsupported(site.UnsupportedValue{Field: "encryption", Value: site.NoEncryption, Reason: "x"}), unedited, "", ""},
		{"UnsupportedPort", unsupported(site.UnsupportedValue{Field: "port", Value: 587, Reason: "x"}), unedited, "port", "x"},
		{"UnsupportedSetting", unsupported(site.UnsupportedValue{Field: "from_name", Reason: "there is no name."}), unedited, "from_name", "no name"},
		{"UnsupportedSettingUnset", unsupported(site.UnsupportedValue{Field: "helo_name", Reason: "x"}), unedited, "", ""},
		{"UnsupportedAlsoWhenOff", unsupported(site.UnsupportedValue{Field: "from_name", Reason: "x"}), disabled, "from_name", "x"},

		{"PasswordStays", site.Capabilities{PasswordStays: true}, unedited, "", ""},
		{"PasswordStaysWithoutLogin", site.Capabilities{PasswordStays: true}, func(c *site.Change) { c.Candidate.Settings.Username = "" }, "username", "cannot remove"},
		{
			"PasswordWasNeverThere",
			site.Capabilities{PasswordStays: true},
			func(c *site.Change) { c.Candidate.Settings.Username, c.Prior.PasswordSet = "", false }, "", "",
		},

		{"TestNeedsPassword", site.Capabilities{TestNeedsPassword: true}, all(kept, unverified, withoutPassword), "password", "test"},
		{"TestNeedsPasswordAndHasIt", site.Capabilities{TestNeedsPassword: true}, all(kept, unverified), "", ""},
		{"TestNeedsPasswordButNoneIsDue", site.Capabilities{TestNeedsPassword: true}, all(kept, withoutPassword), "", ""},
		{"SaveNeedsPassword", site.Capabilities{SaveNeedsPassword: true}, all(kept, wasOff, withoutPassword), "password", "write"},
		{"SaveNeedsPasswordAndHasIt", site.Capabilities{SaveNeedsPassword: true}, all(kept, wasOff), "", ""},
		{"SaveNeedsNoPasswordToSwitchOff", site.Capabilities{SaveNeedsPassword: true}, all(kept, disabled, withoutPassword), "", ""},
		{"SaveNeedsNoPasswordWithoutLogin", site.Capabilities{SaveNeedsPassword: true, TestNeedsPassword: true}, func(c *site.Change) { c.Candidate = site.Candidate{Settings: relay()} }, "", ""},

		{"ToCaller", site.Capabilities{Addressee: site.ToCaller}, unedited, "recipient", "logs in"},
		{"ToFixed", site.Capabilities{Addressee: site.ToFixed}, unedited, "recipient", "configured"},
		{"ToCallerWithoutRecipient", site.Capabilities{Addressee: site.ToCaller}, noRecipient, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := toOtherHost()
			tt.edit(&c)
			got := tt.can.Refuse(c)
			if tt.want == "" {
				if len(got) > 0 {
					t.Errorf("got refusals %+v, want none", got)
				}
				return
			}
			if len(got) != 1 || got[0].Field != tt.want || !strings.Contains(got[0].Reason, tt.word) {
				t.Fatalf("refused %+v, want %s because of %q", got, tt.want, tt.word)
			}
			now, err := procedure(t).Apply(t.Context(), playOn(t, tt.can), c)
			if site.KindOf(err) != site.Invalid || err.Error() != fmt.Sprintf("%s: %s", tt.want, got[0].Reason) {
				t.Errorf("got error %v, want one of kind %s for the same reason", err, site.Invalid)
			}
			checkState(t, now, c.Prior)
		})
	}
}

// Every setting can be declared unsupported.
func TestRefuseEverySetting(t *testing.T) {
	var settings site.Settings
	for i := range numSettings() {
		alter(&settings, i)
	}
	var unsupported []site.UnsupportedValue
	settings.Grant, settings.TokenURL, settings.ClientID, settings.Scopes = site.ClientCredentials, "https://login.example.com/token", "id", "mail"
	var want []string
	for _, f := range settings.Fields() {
		unsupported = append(unsupported, site.UnsupportedValue{Field: f.Name, Reason: "x"})
		want = append(want, f.Name)
	}
	fields := func(settings site.Settings) (fields []string) {
		for _, r := range (site.Capabilities{UnsupportedValues: unsupported}).Refuse(site.Change{Candidate: site.Candidate{Settings: settings}}) {
			fields = append(fields, r.Field)
		}
		return fields
	}
	if got := fields(settings); !slices.Equal(got, want) {
		t.Errorf("got refusals %q, want %q", got, want)
	}
	if got := fields(site.Settings{}); len(got) > 0 {
		t.Errorf("got refusals %q for unset settings", got)
	}
}

// A platform that cannot log in with a token says so once, and not for each setting of such a login.
func TestRefuseLoginsWithATokenOnce(t *testing.T) {
	s := settingsAt("smtp.example.com")
	s.Grant, s.TokenURL, s.ClientID, s.Scopes = site.ClientCredentials, "https://login.example.com/token", "id", "mail"
	without := func(names ...string) (can site.Capabilities) {
		for _, f := range s.Fields() {
			if !slices.Contains(names, f.Name) {
				can.Settings = append(can.Settings, f.Name)
			}
		}
		return can
	}
	for _, tt := range []struct {
		can  site.Capabilities
		want []string
	}{
		{without(), nil},
		{without("grant", "token_url", "client_id", "scopes"), []string{"grant"}},
		{without("from_name", "grant", "token_url", "client_id", "scopes"), []string{"from_name", "grant"}},
		{without("token_url", "scopes"), []string{"token_url", "scopes"}},
	} {
		var got []string
		for _, r := range tt.can.Refuse(site.Change{Candidate: site.Candidate{Settings: s}}) {
			got = append(got, r.Field)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("a platform with %q refused %q, want %q", tt.can.Settings, got, tt.want)
		}
	}
}

func TestRefuseDestroy(t *testing.T) {
	for name, tt := range map[string]struct {
		can     site.Capabilities
		refused []site.OnDestroy
		offers  string
	}{
		"Contract":      {site.Capabilities{}, nil, ""},
		"Never":         {site.Capabilities{Off: site.OffNever}, []site.OnDestroy{site.OnDestroyDisable, site.OnDestroyClear}, `"keep"`},
		"ByClearing":    {clearsOff, []site.OnDestroy{site.OnDestroyDisable}, `"clear" or "keep"`},
		"PasswordStays": {site.Capabilities{PasswordStays: true}, []site.OnDestroy{site.OnDestroyClear}, `"disable" or "keep"`},
	} {
		for _, how := range site.OnDestroys() {
			refusal, refused := tt.can.RefuseDestroy(how)
			if want := slices.Contains(tt.refused, how); refused != want {
				t.Errorf("%s: %s refused %t, want %t", name, how, refused, want)
			}
			if refused && (refusal.Field != "on_destroy" || !strings.Contains(refusal.Reason, tt.offers)) {
				t.Errorf("%s: %s refused with %+v, want an offer of %s", name, how, refusal, tt.offers)
			}
		}
	}
}

func TestRefuseTest(t *testing.T) {
	c := toOtherHost()
	own, saved := site.TestRequest{Candidate: &c.Candidate, Recipient: recipient}, site.TestRequest{Recipient: recipient}
	without := site.TestRequest{}
	isOff, isRelay := switchedOff(working()), working()
	isRelay.Settings = relay()
	tests := []struct {
		name string
		can  site.Capabilities
		test site.TestRequest
		now  site.State
		// word is one of the reason; "" when the test can be made.
		word string
	}{
		{"Candidate", site.Capabilities{}, own, isOff, ""},
		{"Saved", site.Capabilities{}, saved, isOff, ""},
		{"InSave", inSave, saved, working(), "only while saving"},
		{"NoVerdict", site.Capabilities{NoVerdict: true}, saved, working(), "accepted"},
		{"CandidateWhereOnlyWhatIsSaved", savesOff, own, working(), "only what it has saved"},
		{"SavedWhileOff", savesOff, saved, isOff, ""},
		{"SavedWhileOffWhereOnlyWhatIsOn", savesOn, saved, isOff, "it is off"},
		{"SavedWhileOn", savesOn, saved, working(), ""},
		{"SavedWherePasswordIsNeeded", site.Capabilities{TestNeedsPassword: true}, saved, working(), "stored"},
		{"CandidateWherePasswordIsNeeded", site.Capabilities{TestNeedsPassword: true}, own, working(), ""},
		{"SavedWithoutLoginWherePasswordIsNeeded", site.Capabilities{TestNeedsPassword: true}, saved, isRelay, ""},
		{"OwnRecipient", site.Capabilities{Addressee: site.ToCaller}, saved, working(), "logs in"},
		{"NoRecipient", site.Capabilities{Addressee: site.ToCaller}, without, working(), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			refusal, refused := tt.can.RefuseTest(tt.test, tt.now)
			if refused != (tt.word != "") || !strings.Contains(refusal.Reason, tt.word) {
				t.Errorf("refused %t with %+v, want %q", refused, refusal, tt.word)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	const (
		untested = "are not known to have passed"
		window   = "mail is on with the new settings while they are tested"
		offUntil = "mail is off until"
		putBack  = "are restored"
		stayOff  = "If the test fails, mail is off"
	)
	tests := []struct {
		name  string
		can   site.Capabilities
		scene string
		edit  func(*site.Change)
		want  []string
	}{
		{"Contract", site.Capabilities{}, "WorkingElsewhere", unedited, nil},
		{"InSave", inSave, "WorkingElsewhere", unedited, nil},
		{"ContractUnverified", site.Capabilities{ForgetsVerification: true}, "Imported", unedited, nil},
		{"SavedOverNothing", savesOff, "NeverConfigured", unedited, nil},
		{"SavedOverWorkingMail", savesOff, "WorkingElsewhere", unedited, []string{offUntil, stayOff}},
		{"SavedOverWorkingMailWithPassword", savesOff, "WorkingElsewhereWithPasswordAtHand", unedited, []string{offUntil, putBack}},
		{
			"SavedOverWorkingRelay", savesOff, "WorkingElsewhere",
			func(c *site.Change) { c.Prior.Settings = relay() },
			[]string{offUntil, putBack},
		},
		{
			"SavedOverWorkingRelayThatWouldKeepThePassword",
			site.Capabilities{Testing: site.TestsSaved, PasswordStays: true},
			"WorkingElsewhere",
			func(c *site.Change) { c.Prior.Settings = relay() },
			[]string{offUntil, stayOff},
		},
		{"SavedUnchanged", savesOff, "WorkingElsewhere", func(c *site.Change) { c.Candidate.Settings, c.SetPassword = c.Prior.Settings, false }, nil},
		{"SwitchingOff", savesOn, "WorkingElsewhere", func(c *site.Change) { c.Enabled = false }, nil},
		{"EnabledOverNothing", savesOn, "NeverConfigured", unedited, []string{window}},
		{"EnabledOverWorkingMail", savesOn, "WorkingElsewhere", unedited, []string{window, stayOff}},
		{"EnabledOverWorkingMailWithPassword", savesOn, "WorkingElsewhereWithPasswordAtHand", unedited, []string{window, putBack}},
		{
			"LeftOnUntestedToGoElsewhereWithPassword", savesOn, "LeftOnUntestedToGoElsewhere",
			func(c *site.Change) { c.PriorPassword = password },
			[]string{untested, window, stayOff},
		},
		{"LeftOnUntested", savesOn, "LeftOnUntested", unedited, []string{untested}},
		{"LeftOnUntestedToGoElsewhere", savesOn, "LeftOnUntestedToGoElsewhere", unedited, []string{untested, window, stayOff}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := scenes[tt.scene](&run{model: newModel(tt.can, false), can: tt.can})
			tt.edit(&c)
			got := tt.can.Warnings(c)
			if !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("warnings:\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

// A platform may hold a value with some settings and not with others.
func TestUnsupportedValueCanDependOnOtherSettings(t *testing.T) {
	can := site.Capabilities{UnsupportedValues: []site.UnsupportedValue{{
		Field: "encryption", Value: site.STARTTLS, Reason: "no",
		When: func(s site.Settings) bool { return s.Username == "" },
	}}}
	for username, want := range map[string]int{"": 1, "mailer": 0} {
		for encryption, wanted := range map[site.Encryption]int{site.STARTTLS: want, site.TLS: 0} {
			c := site.Change{Candidate: site.Candidate{Settings: site.Settings{Username: username, Encryption: encryption}}}
			got := can.Refuse(c)
			if len(got) != wanted || wanted > 0 && got[0] != (site.Refusal{Field: "encryption", Reason: "no"}) {
				t.Errorf("username %q, encryption %q: got refusals %v", username, encryption, got)
			}
		}
	}
}

// What a platform has no place for, and what an older site does not know, is refused before anything is called.
func TestRefuseSettingsThatAreNotThere(t *testing.T) {
	s := settingsAt("smtp.example.com")
	s.HELOName = "client-a.example.com"
	known := slices.DeleteFunc(site.OriginalSettings(), func(name string) bool { return name == "helo_name" })
	older := site.State{SiteID: siteID, Unknown: site.SettingNames("").With("reply").With("helo_name")}
	for name, tt := range map[string]struct {
		can  site.Capabilities
		now  site.State
		want string
	}{
		"Platform": {site.Capabilities{Settings: known}, site.State{}, "has no such setting"},
		"Site":     {site.Capabilities{}, older, "does not know this setting"},
	} {
		c := site.Change{Prior: tt.now, Candidate: site.Candidate{Settings: s}}
		if got := tt.can.Refuse(c); len(got) != 1 || got[0].Field != "helo_name" || !strings.Contains(got[0].Reason, tt.want) {
			t.Errorf("%s: got refusals %+v", name, got)
		}
		if got, refused := tt.can.RefuseTest(site.TestRequest{Candidate: &c.Candidate}, tt.now); !refused || got.Field != "helo_name" {
			t.Errorf("%s: got refusal %+v for a test", name, got)
		}
		c.Candidate.Settings.HELOName = ""
		if got := tt.can.Refuse(c); len(got) > 0 {
			t.Errorf("%s: got refusals %+v for an unset setting", name, got)
		}
	}
}
