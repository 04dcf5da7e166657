package sitetest

import (
	"sync"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var saves = []check{
	{name: "DisabledSettingsNeedNoTest", when: switchable, run: func(s *subject) {
		before := s.read()
		s.delivers(0, func() {
			got := s.mustSave(s.Good, false)
			if got.Settings != s.Good.Settings || got.Enabled || !got.PasswordSet || (got.PasswordID == "") != s.can.HidesPasswords || got.Verification != nil {
				s.Errorf("got %+v", got)
			}
			if got.SiteID != before.SiteID || guarded(s.can) && (got.Revision == before.Revision || got.UpdatedAt.IsZero()) {
				s.Errorf("got %+v after %+v", got, before)
			}
			s.same("what is read", s.read(), got)
		})
	}},
	{name: "EverySettingIsKept", when: switchable, run: func(s *subject) {
		for name, other := range elsewhere(s.Good) {
			if s.canHold(other) {
				if got := s.mustSave(other, false); got.Settings != other.Settings {
					s.Errorf("%s: got %+v, want %+v", name, got.Settings, other.Settings)
				}
			}
		}
	}},
	{name: "SettingsWithoutLoginNeedNoPassword", when: all(switchable, forgetsPasswords), run: func(s *subject) {
		s.mustSave(s.Good, false)
		open := s.withoutLogin()
		if got := s.mustSave(open, false); got.PasswordSet || got.PasswordID != "" {
			s.Errorf("a password is left over: %+v", got)
		}
	}},
	{name: "StaleRevisionIsRefused", when: guarded, run: func(s *subject) {
		stale := s.read().Revision
		s.mustSave(s.Good, false)
		s.unchanged(func() {
			other := elsewhere(s.Good)["from_name"]
			_, err := s.site.Save(s.Context(), site.SaveRequest{Settings: other.Settings, Password: other.Password, Revision: stale})
			s.refused(err, site.Stale)
		})
	}},
	{name: "OneOfConcurrentWritesWins", when: guarded, run: func(s *subject) {
		const writers = 8
		write := site.SaveRequest{Settings: s.Good.Settings, Password: s.Good.Password, Revision: s.read().Revision}
		errs := make([]error, writers)
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() { _, errs[i] = s.site.Save(s.Context(), write) })
		}
		all.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				s.refused(err, site.Stale)
			}
		}
		if won != 1 {
			s.Errorf("%d of %d writes with one revision succeeded", won, writers)
		}
	}},
	{name: "AnotherSiteIsNotWritten", run: func(s *subject) {
		s.unchanged(func() {
			_, err := s.site.Save(s.Context(), site.SaveRequest{Settings: s.Good.Settings, Password: s.Good.Password, Revision: s.read().Revision, SiteID: "another"})
			s.refused(err, site.WrongSite)
		})
	}},
	{name: "AnyChangedSettingNeedsThePassword", when: strict, run: func(s *subject) {
		unknown := s.mustSave(s.Good, false).Unknown
		for name, other := range elsewhere(without(s.Good)) {
			if unknown.Has(name) {
				continue
			}
			s.unchanged(func() {
				_, err := s.save(other, false)
				if !s.refused(err, site.PasswordRequired) {
					s.Fatalf("at %s", name)
				}
			})
		}
	}},
	{name: "OmittedPasswordIsKept", when: all(switchable, keepsPasswords), run: func(s *subject) {
		first := s.mustSave(s.Good, false)
		second := s.mustSave(without(s.Good), false)
		if !second.PasswordSet || second.PasswordID != first.PasswordID {
			s.Errorf("got %+v after %+v", second, first)
		}
		if testsWithStoredPassword(s.can) {
			s.mustSave(without(s.Good), s.can.Testing == site.TestsEnabled)
			s.mustPass(nil)
		}
	}},
	{name: "PasswordIDChangesWhenAPasswordIsSet", when: showsPasswords, run: func(s *subject) {
		seen := map[string]bool{}
		for _, password := range []secret.Text{s.Good.Password, s.Good.Password, anotherPassword()} {
			got := s.mustSave(site.Candidate{Settings: s.Good.Settings, Password: password}, false)
			if seen[got.PasswordID] {
				s.Errorf("a password was set and the ID is %s as before", got.PasswordID)
			}
			seen[got.PasswordID] = true
		}
	}},
	{name: "MaskedPasswordIsRefused", when: strict, run: func(s *subject) {
		for _, mask := range []string{"********", "••••••••", "●●●●"} {
			s.unchanged(func() {
				_, err := s.save(site.Candidate{Settings: s.Good.Settings, Password: secret.New(mask)}, false)
				s.refused(err, site.Invalid)
				s.at(err, "password")
			})
		}
	}},
	{name: "SettingsThatCannotBeSentAreRefused", when: strict, run: func(s *subject) {
		for _, d := range site.AllSettings() {
			if d.Format == site.Credential || d.OfToken() || s.read().Unknown.Has(d.Name) {
				continue // What a login cannot carry is for its server to say.
			}
			s.unchanged(func() {
				bad := s.Good
				_ = d.SetText(&bad.Settings, spoiled[d.Format])
				_, err := s.save(bad, false)
				s.refused(err, site.Invalid)
				s.at(err, d.Name)
			})
		}
	}},
	{name: "CanceledCallWritesNothing", run: func(s *subject) {
		s.unchanged(func() {
			if _, err := s.site.Save(s.cancelled(), site.SaveRequest{Settings: s.Good.Settings, Password: s.Good.Password, Revision: s.read().Revision}); err == nil {
				s.Errorf("no error")
			}
		})
	}},
}

// spoiled are values of which a mail server would be told something else.
var spoiled = map[site.Format]string{
	site.HostName:    "smtp.example.com\r\nEHLO x",
	site.PortNumber:  "65536",
	site.Choice:      "opportunistic",
	site.MailAddress: "a@example.com>\r\nRCPT TO:<b@example.com",
	site.DisplayName: "A\r\nBcc: b@example.com",
	site.EHLOName:    "a.example.com\r\nMAIL FROM:<>",
}

func forgetsPasswords(c site.Capabilities) bool { return !c.PasswordStays }
func keepsPasswords(c site.Capabilities) bool   { return !c.SaveNeedsPassword }
func showsPasswords(c site.Capabilities) bool   { return !c.HidesPasswords }

// canHold reports whether the platform has a place for all of the settings, and the site knows them.
func (s *subject) canHold(c site.Candidate) bool {
	return len(s.can.Refuse(site.Change{Prior: site.State{Unknown: s.read().Unknown}, Candidate: c})) == 0
}

// withoutLogin is Good without a login, with an encryption that the platform can do then.
func (s *subject) withoutLogin() site.Candidate {
	s.Helper()
	open := without(s.Good)
	open.Settings.Username = ""
	for _, e := range site.Encryptions() {
		if s.canHold(open) {
			return open
		}
		open.Settings.Encryption = e
	}
	if !s.canHold(open) {
		s.Fatalf("the platform cannot do without a login")
	}
	return open
}
