package core

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// ended is the run of a test that is no longer running.
var ended = func() *run {
	r := &run{done: make(chan struct{})}
	close(r.done)
	return r
}()

// begin returns the run of the test with that key, and starts the test if the key is new.
func (s *Site) begin(key string, t site.TestRequest) (*run, error) {
	if err := s.checkTest(t); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known, err := s.storedTest(key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return s.start(key, t)
	case err != nil:
		return nil, err
	}
	err = s.update(func(stored *store.Site) error {
		return s.checkRepeated(stored, known.Body, "", s.testParts(t), passwordOf(t))
	})
	if err != nil {
		return nil, err
	}
	if r, ok := s.live[key]; ok {
		return r, nil
	}
	return ended, nil
}

func (s *Site) checkTest(t site.TestRequest) error {
	if err := s.checkSiteID(t.SiteID); err != nil {
		return err
	}
	if t.Candidate != nil {
		if err := checkCandidate(*t.Candidate); err != nil {
			return err
		}
		if err := checkShown(t.Candidate.Settings); err != nil {
			return err
		}
		if t.Candidate.LacksPassword() {
			return passwordRequired("The password must come with the settings to test: a stored password is used only with the settings it was entered for.")
		}
	}
	return checkRecipient(t.Recipient)
}

// start stores the test and then runs it, so that the record is on disk before the first packet is sent.
func (s *Site) start(key string, t site.TestRequest) (_ *run, err error) {
	if err := s.core.enter(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.core.runs.Done()
		}
	}()
	var candidate site.Candidate
	err = s.update(func(stored *store.Site) (err error) {
		if candidate, err = s.candidate(stored, t); err != nil {
			return err
		}
		if err := s.limit(t.Recipient); err != nil {
			return err
		}
		if err := s.compare(stored, t); err != nil {
			return err
		}
		now := s.core.Now().UTC()
		if err := stored.DropTests(func(t store.Test) bool { return s.isOver(t, now) }); err != nil {
			return err
		}
		return stored.AddTest(store.Test{
			Key:         key,
			Body:        s.core.Keys.MAC(s.testParts(t)...),
			Fingerprint: s.fingerprint(candidate.Settings, candidate.Password),
			Settings:    candidate.Settings,
			Recipient:   t.Recipient,
			StartedAt:   now,
		})
	})
	if err != nil {
		return nil, err
	}
	r := &run{done: make(chan struct{})}
	s.live[key] = r
	go s.run(r, key, candidate, t.Recipient)
	return r, nil
}

// isOver reports whether a test may be deleted. A running test may not, even if the clock has jumped: its client would be told that
// the test does not exist, and would send another message.
func (s *Site) isOver(t store.Test, now time.Time) bool {
	_, runs := s.live[t.Key]
	return !runs && t.StartedAt.Before(now.Add(-keepTests))
}

// candidate returns what t tests: its own candidate, or what is saved.
func (s *Site) candidate(stored *store.Site, t site.TestRequest) (site.Candidate, error) {
	if t.Candidate != nil {
		return *t.Candidate, nil
	}
	rec, err := stored.Record()
	if err != nil {
		return site.Candidate{}, err
	}
	if rec.Settings.IsZero() {
		return site.Candidate{}, problem.New(problem.NotConfigured, "No settings are saved, so there is nothing to test.")
	}
	if rec.Settings.Username != "" && rec.Password == nil {
		return site.Candidate{}, passwordRequired("No password is stored for this username.")
	}
	return s.savedCandidate(rec)
}

// compare counts a wrong password in a test of the saved settings as a guess, because the admin page reveals whether it is the saved
// password.
func (s *Site) compare(stored *store.Site, t site.TestRequest) error {
	rec, err := stored.Record()
	if err != nil || t.Candidate == nil || t.Candidate.Password.IsEmpty() || t.Candidate.Settings != rec.Settings || rec.Password == nil {
		return err
	}
	saved, err := s.openPassword(rec)
	if err != nil {
		return nil //nolint:nilerr // there is no secret to compare with
	}
	return s.countGuess(stored, "test of the saved settings", t.Candidate.Password.Equal(saved))
}

func passwordOf(t site.TestRequest) secret.Text {
	if t.Candidate == nil {
		return secret.Text{}
	}
	return t.Candidate.Password
}

// limit counts one test message.
func (s *Site) limit(recipient string) error {
	wait, what := s.core.sending.take(s.id, recipient, s.core.Now())
	if wait == 0 {
		return nil
	}
	return &problem.Error{
		Code: problem.RateLimited, RetryAfter: wait,
		Detail: fmt.Sprintf("Too many test messages %s: the next one may be sent in %s.", what, wait.Round(time.Second)),
	}
}

// run sends the message and stores the result.
func (s *Site) run(r *run, key string, c site.Candidate, recipient string) {
	defer s.core.runs.Done()
	s.log.Info("test started", "test", key, "host", c.Settings.Host, "port", c.Settings.Port)
	result := diagnosed(s.send(c, recipient), c.Settings)
	if s.core.ctx.Err() != nil {
		s.core.givenUp.Add(1)
	}
	s.mu.Lock()
	err := s.finish(key, c, result)
	delete(s.live, key)
	s.mu.Unlock()
	close(r.done)
	if err != nil {
		s.log.Error("result of a test could not be stored", "test", key, "status", result.Status, "error", err)
		return
	}
	s.log.Info("test ended", "test", key, "status", result.Status, "stage", result.Stage)
}

// send recovers from a panic, for the sake of the other sites. It does not log the panic's value, which may hold a secret.
func (s *Site) send(c site.Candidate, recipient string) (result site.TestResult) {
	defer func() {
		if cause := recover(); cause != nil {
			s.log.Error("panic in a test", "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
			result = site.TestResult{Status: site.InDoubt, Recipient: recipient, Error: "internal error of the site while it sent the message"}
		}
	}()
	return s.core.Send(s.core.ctx, c, recipient, s.refresh)
}

func (s *Site) finish(key string, c site.Candidate, result site.TestResult) error {
	return s.core.Store.UpdateSite(s.id, func(stored *store.Site) error {
		t, err := stored.Test(key)
		if err != nil {
			return err
		}
		t.Result = &result
		if result.Status == site.Passed {
			t.Pass = s.proof(verificationOf(result), c.Settings, c.Password)
		}
		return stored.PutTest(t)
	})
}
