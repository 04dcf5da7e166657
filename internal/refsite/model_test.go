package refsite_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// entered is what an editor entered together. Unlike a candidate, it is comparable.
type entered struct {
	settings site.Settings
	password string
}

// trial is a test in the model.
type trial struct {
	key  string
	body any
	// origin is the site that started it. The data file may have been edited so that the other site has it.
	origin  *modelSite
	of      entered
	started time.Time
	// status is empty while the test is running; ended is when it ended.
	status site.Status
	ended  time.Time
}

// modelSite is the expected state of a site, in a simpler form than the real one.
type modelSite struct {
	name string
	entered
	enabled  bool
	revision int
	by       string
	at       time.Time
	// writeID is the ID of the last write, write its content.
	writeID string
	write   any
	// verified is when the saved settings passed; zero if they never did.
	verified time.Time
	// tests are the stored tests, oldest first.
	tests []*trial
}

// modelWrite is one request to save.
type modelWrite struct {
	entered
	enabled      bool
	revision, id string
	by           string
	siteID       string
}

// testBody is what must be equal in two requests for the same test.
type testBody struct {
	saved bool
	of    entered
	to    string
}

func (s *modelSite) test(key string) *trial {
	if i := slices.IndexFunc(s.tests, func(t *trial) bool { return t.key == key }); i >= 0 {
		return s.tests[i]
	}
	return nil
}

// pass returns when the newest test of exactly this passed; zero if none did.
func (s *modelSite) pass(of entered) time.Time {
	for _, t := range slices.Backward(s.tests) {
		if t.origin == s && t.of == of && t.status == site.Passed {
			return t.ended
		}
	}
	if of == s.entered {
		return s.verified
	}
	return time.Time{}
}

// checkEntered returns the code with which invalid values must be refused, or "".
func checkEntered(e entered) problem.Code {
	if e.settings.Host == "" || e.password != "" && e.settings.Username == "" || e.password == mask {
		return problem.Invalid
	}
	return ""
}

// save applies a write and returns "", or returns the code with which it must fail.
func (s *modelSite) save(now time.Time, w modelWrite) problem.Code {
	if w.siteID != "" {
		return problem.WrongSite
	}
	if code := checkEntered(w.entered); code != "" {
		return code
	}
	content := [2]any{w.entered, w.enabled}
	switch {
	case w.id != "" && w.id == s.writeID && s.write == content:
		return ""
	case w.id != "" && w.id == s.writeID:
		return problem.KeyReused
	case w.revision != fmt.Sprint(s.revision):
		return problem.Stale
	}
	next := w.entered
	if next.settings.Username != "" && next.password == "" {
		if next.settings != s.settings || s.password == "" && w.enabled {
			return problem.PasswordRequired
		}
		next.password = s.password
	}
	verified := s.pass(next)
	stays := s.enabled && next == s.entered
	if w.enabled && !stays && (verified.IsZero() || now.Sub(verified).Abs() > time.Hour) {
		return problem.VerificationRequired
	}
	s.entered, s.enabled, s.verified, s.writeID, s.write = next, w.enabled, verified, w.id, content
	s.stamp(now, w.by)
	return ""
}

func (s *modelSite) clear(now time.Time, by, revision string) problem.Code {
	if revision != fmt.Sprint(s.revision) {
		return problem.Stale
	}
	s.entered, s.enabled, s.verified, s.writeID, s.write = entered{}, false, time.Time{}, "", nil
	s.stamp(now, by)
	return ""
}

func (s *modelSite) stamp(now time.Time, by string) {
	s.revision++
	s.at, s.by = now.Truncate(time.Millisecond), by
}

// start starts a test or returns the existing one, or returns the code with which the request must fail.
func (s *modelSite) start(now time.Time, key string, body testBody) (t *trial, isNew bool, code problem.Code) {
	of := body.of
	if !body.saved {
		if code := checkEntered(of); code != "" {
			return nil, false, code
		}
		if of.settings.Username != "" && of.password == "" {
			return nil, false, problem.PasswordRequired
		}
	}
	if t := s.test(key); t != nil {
		if t.origin != s || t.body != body {
			return nil, false, problem.KeyReused
		}
		return t, false, ""
	}
	if body.saved {
		switch of = s.entered; {
		case of.settings == site.Settings{}:
			return nil, false, problem.NotConfigured
		case of.settings.Username != "" && of.password == "":
			return nil, false, problem.PasswordRequired
		}
	}
	for len(s.tests) > 0 && s.tests[0].status != "" && s.tests[0].started.Before(now.Add(-24*time.Hour)) {
		s.tests = s.tests[1:]
	}
	t = &trial{key: key, body: body, origin: s, of: of, started: now}
	s.tests = append(s.tests, t)
	return t, true, ""
}

// inspect repairs an edited record like the start of a server. foreign is true if the record was copied from the other site.
func (s *modelSite) inspect(now time.Time, foreign bool) {
	before := *s
	if foreign {
		s.password, s.verified = "", time.Time{}
	}
	s.enabled = s.enabled && !s.verified.IsZero()
	if s.entered != before.entered || s.enabled != before.enabled || !s.verified.Equal(before.verified) {
		s.writeID, s.write = "", nil
		s.stamp(now, "reference site")
	}
}

// differs compares a site's state with the model. It returns "" if they are equal.
func (s *modelSite) differs(got answer) string {
	want := map[string]any{
		"enabled": s.enabled, "revision": fmt.Sprint(s.revision), "password_set": s.password != "",
		"last_write_id": orNil(s.writeID), "updated_by": orNil(s.by), "updated_at": orNil(s.at),
		"settings.host": s.settings.Host, "settings.port": float64(s.settings.Port), "settings.encryption": string(s.settings.Encryption),
		"settings.username": s.settings.Username, "settings.from_address": s.settings.FromAddress, "settings.from_name": s.settings.FromName,
		"settings.helo_name": s.settings.HELOName, "verification.tested_at": orNil(s.verified),
	}
	var wrong []string
	for path, value := range want {
		var have any = got.object
		for name := range strings.SplitSeq(path, ".") {
			have = member(have, name)
		}
		if at, ok := value.(time.Time); ok {
			text, _ := have.(string)
			if parsed, err := time.Parse(time.RFC3339Nano, text); err == nil && parsed.Equal(at) {
				continue
			}
		}
		if have != value {
			wrong = append(wrong, fmt.Sprintf("%s is %v, not %v", path, have, value))
		}
	}
	return strings.Join(wrong, "; ")
}

func member(v any, name string) any {
	o, _ := v.(object)
	return o[name]
}

// orNil returns the zero value for JSON null.
func orNil[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
