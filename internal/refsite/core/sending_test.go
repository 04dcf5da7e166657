package core

import (
	"fmt"
	"testing"
	"time"
)

func TestSendingLimits(t *testing.T) {
	start := time.Unix(1_000_000_000, 0)
	const every, burst = time.Minute, 2
	t.Run("PerSite", func(t *testing.T) {
		s := newSending(every, burst)
		for i := range burst {
			if wait, _ := s.take("a", fmt.Sprint(i, "@example.com"), start); wait != 0 {
				t.Fatal(i, wait)
			}
		}
		if wait, what := s.take("a", "x@example.com", start); wait != every || what != "of this site" {
			t.Errorf("got %s %s", wait, what)
		}
		if wait, _ := s.take("b", "x@example.com", start); wait != 0 {
			t.Errorf("another site waits %s, want 0", wait)
		}
		if wait, _ := s.take("a", "x@example.com", start.Add(every)); wait != 0 {
			t.Errorf("after the window, the wait is %s, want 0", wait)
		}
	})
	t.Run("PerRecipient", func(t *testing.T) {
		s := newSending(every, burst)
		spellings := []string{"ops@example.com", "OPS@example.com", "ops+a@example.com", "Ops+b@Example.com", "ops@ｅxample.com"}
		for i := range burst * perRecipient {
			if wait, _ := s.take(fmt.Sprint(i), spellings[i%len(spellings)], start); wait != 0 {
				t.Fatal(i, wait)
			}
		}
		if wait, what := s.take("new", "ops+c@example.com", start); wait != every/perRecipient || what != "to this recipient" {
			t.Errorf("got %s %s", wait, what)
		}
		if wait, _ := s.take("new", "other@example.com", start); wait != 0 {
			t.Errorf("another recipient waits %s, want 0", wait)
		}
	})
	t.Run("PerProcess", func(t *testing.T) {
		s := newSending(every, burst)
		for i := range burst * perProcess {
			if wait, _ := s.take(fmt.Sprint(i), fmt.Sprint(i, "@example.com"), start); wait != 0 {
				t.Fatal(i, wait)
			}
		}
		if wait, what := s.take("new", "new@example.com", start); wait != every/perProcess || what != "of this server" {
			t.Errorf("got %s %s", wait, what)
		}
	})
	t.Run("ForgetsOldRecipients", func(t *testing.T) {
		s := newSending(time.Millisecond, maxRecipients)
		for i := range maxRecipients + 2 {
			s.take(fmt.Sprint(i), fmt.Sprint(i, "@example.com"), start.Add(time.Duration(i)*time.Second))
		}
		if n := len(s.recipients); n > 2 {
			t.Errorf("kept %d recipients, want at most 2", n)
		}
	})
}
