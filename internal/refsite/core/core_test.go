package core

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var relay = site.TestRequest{Recipient: "r@example.com", Candidate: &site.Candidate{Settings: site.Settings{
	Host: "smtp.example.com", Port: 25, Encryption: site.STARTTLS, FromAddress: "a@example.com",
}}}

// open returns a core with one site, and what it logs.
func open(t *testing.T, send Send) (*Core, *Site, *bytes.Buffer) {
	t.Helper()
	data, err := store.Open(filepath.Join(t.TempDir(), "data"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { data.Close() })
	var log bytes.Buffer
	c, err := New(Config{
		Store: data, Keys: seal.Generate(), Send: send, TestWait: 5 * time.Second, PassAge: time.Hour, TestEvery: time.Second, TestBurst: 100, Guesses: 20,
		Now: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.AddSite("a", func(*store.Site) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return c, s, &log
}

func TestNames(t *testing.T) {
	c, _, _ := open(t, nil)
	nothing := func(*store.Site) error { return nil }
	for _, name := range []string{"", "-", "a-", "-a", "A", "a b", "a/b", "..", "a.b", "ä", strings.Repeat("a", 64)} {
		if _, err := c.AddSite(name, nothing); err == nil {
			t.Errorf("accepted the name %q", name)
		}
	}
	for _, name := range []string{"0", "a-b", "client-a", strings.Repeat("a", 63)} {
		if _, err := c.AddSite(name, nothing); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.AddSite("a", nothing); !errors.Is(err, store.ErrExists) {
		t.Errorf("adding twice: got %v", err)
	}
	failed := errors.New("failed")
	if _, err := c.AddSite("b", func(*store.Site) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Site("b"); problem.Of(err).Code != problem.NotFound {
		t.Errorf("the site exists although adding it failed: %v", err)
	}
}

func TestWaiting(t *testing.T) {
	t.Run("ReturnsWhenTheTestEnds", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, s, _ := open(t, func(context.Context, site.Candidate, string, Refresh) site.TestResult {
				<-time.After(3 * time.Second)
				return site.TestResult{Status: site.Passed}
			})
			start := time.Now()
			got, err := s.PutTest(t.Context(), uuid.NewString(), relay)
			if took := time.Since(start); err != nil || got.Status != site.Passed || took != 3*time.Second {
				t.Errorf("%+v %v after %s", got, err, took)
			}
		})
	})
	t.Run("ReturnsAtTheDeadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, s, _ := open(t, func(context.Context, site.Candidate, string, Refresh) site.TestResult {
				<-time.After(time.Minute)
				return site.TestResult{Status: site.Passed}
			})
			start, key := time.Now(), uuid.NewString()
			got, err := s.PutTest(t.Context(), key, relay)
			if took := time.Since(start); err != nil || !got.Running || took != 5*time.Second {
				t.Errorf("%+v %v after %s", got, err, took)
			}
			if err := c.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if got, err := s.ReadTest(key); err != nil || got.Status != site.Passed || time.Since(start) != time.Minute {
				t.Errorf("got %+v %v", got, err)
			}
		})
	})
}

func TestPanicWhileSending(t *testing.T) {
	c, s, log := open(t, func(context.Context, site.Candidate, string, Refresh) site.TestResult { panic("canary") })
	got, err := s.PutTest(t.Context(), uuid.NewString(), relay)
	if err != nil || got.Status != site.InDoubt || got.Diagnosis == nil {
		t.Errorf("got %+v %v", got, err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if text := log.String(); !strings.Contains(text, "core_test.go") || strings.Contains(text, "canary") {
		t.Errorf("the log names no line of this file, or shows the canary: %s", text)
	}
}
