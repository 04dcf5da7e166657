package core

import (
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Overview is a consistent snapshot of a site for its admin page.
type Overview struct {
	site.State
	// PasswordSetAt is when the stored password was set, and PasswordSetBy who set it; both are zero if there is none.
	PasswordSetAt time.Time
	PasswordSetBy string
	// Applied is the last write of a client of the contract since the site was last cleared; nil if there was none.
	Applied *store.Applied
	// Pass is the newest passed test of exactly what is saved, if it is recent enough to enable mail; else nil.
	Pass *site.Verification
	// Tests are the most recent tests, newest first.
	Tests []PastTest
}

// PastTest is a test with what it tested.
type PastTest struct {
	Test
	StartedAt time.Time
	Settings  site.Settings
	// OfSaved is true if it tested exactly the settings and the password that are saved.
	OfSaved bool
}

// Overview returns the site with at most that many of its most recent tests.
func (s *Site) Overview(tests int) (Overview, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var o Overview
	err := s.core.Store.ViewSite(s.id, func(stored *store.Site) error {
		rec, err := stored.Record()
		if err != nil {
			return err
		}
		o = Overview{State: s.state(rec), Applied: rec.Applied}
		if p := rec.Password; p != nil {
			o.PasswordSetAt, o.PasswordSetBy = p.SetAt, p.SetBy
		}
		return s.addTests(&o, stored, rec, tests)
	})
	return o, err
}

func (s *Site) addTests(o *Overview, stored *store.Site, rec store.Record, limit int) error {
	password, err := s.openPassword(rec)
	if err != nil {
		return err
	}
	pass, _, err := s.verification(stored, rec, rec.Settings, password)
	if err != nil {
		return err
	}
	if s.isRecent(pass) {
		o.Pass = &pass.Verification
	}
	for t, err := range stored.NewestTests() {
		if err != nil || len(o.Tests) == limit {
			return err
		}
		_, running := s.live[t.Key]
		o.Tests = append(o.Tests, PastTest{
			Test: testOf(t, running), StartedAt: t.StartedAt, Settings: t.Settings,
			OfSaved: s.matches(t.Fingerprint, rec.Settings, password),
		})
	}
	return nil
}
