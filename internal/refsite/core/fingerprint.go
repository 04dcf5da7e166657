package core

import (
	"fmt"
	"strconv"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// fingerprint identifies what was tested: the site, every setting and the password.
func (s *Site) fingerprint(settings site.Settings, password secret.Text) seal.MAC {
	return s.core.Keys.MAC(s.tested(settings, password)...)
}

func (s *Site) matches(m seal.MAC, settings site.Settings, password secret.Text) bool {
	return s.core.Keys.Matches(m, s.tested(settings, password)...)
}

func (s *Site) tested(settings site.Settings, password secret.Text) []string {
	return s.candidateParts("fingerprint", site.Candidate{Settings: settings, Password: password})
}

// proof is made only for a passed test, and covers its record. A fingerprint is no proof, because failed tests have one too: someone
// who can write the data file, but lacks the key, could copy a fingerprint or give an old pass a new date.
func (s *Site) proof(v site.Verification, settings site.Settings, password secret.Text) seal.MAC {
	return s.core.Keys.MAC(s.passed(v, settings, password)...)
}

// proves reports whether v is the genuine record of a pass of exactly these settings and this password.
func (s *Site) proves(v store.Verification, settings site.Settings, password secret.Text) bool {
	return s.core.Keys.Matches(v.Pass, s.passed(v.Verification, settings, password)...)
}

func (s *Site) passed(v site.Verification, settings site.Settings, password secret.Text) []string {
	parts := s.candidateParts("pass", site.Candidate{Settings: settings, Password: password})
	return append(parts, v.TestedAt.UTC().Format(time.RFC3339Nano), v.Recipient, v.MessageID, v.Reply)
}

// writeParts and testParts return what must be equal in two requests for them to be the same.
func (s *Site) writeParts(w Write) []string {
	parts := s.candidateParts("write", site.Candidate{Settings: w.Settings, Password: w.Password})
	return append(parts, strconv.FormatBool(w.Enabled))
}

func (s *Site) testParts(t site.TestRequest) []string {
	if t.Candidate == nil {
		return []string{"test of what is saved", s.id, t.Recipient}
	}
	return append(s.candidateParts("test", *t.Candidate), t.Recipient)
}

func (s *Site) candidateParts(purpose string, c site.Candidate) []string {
	parts := []string{purpose, s.id}
	for _, f := range c.Settings.IdentityFields() {
		parts = append(parts, f.Name, fmt.Sprint(f.Value))
	}
	return append(parts, c.Password.Reveal())
}

// place binds a password to this site and to exactly the settings that it was entered for. It cannot be opened with settings that were
// edited in the data file, so it cannot be sent to another server that way.
func (s *Site) place(settings site.Settings, passwordID string) []string {
	return append(s.candidateParts("password", site.Candidate{Settings: settings}), passwordID)
}

// openPassword returns the record's password, which is empty if there is none.
func (s *Site) openPassword(rec store.Record) (secret.Text, error) {
	if rec.Password == nil {
		return secret.Text{}, nil
	}
	return s.core.Keys.Open(rec.Password.Sealed, s.place(rec.Settings, rec.Password.ID)...)
}
