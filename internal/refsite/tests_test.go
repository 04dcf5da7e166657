package refsite_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// hold makes the mail server wait once it has the whole message. reached is closed when it waits; release lets it continue.
func (w *testbed) hold() (reached <-chan struct{}, release func()) {
	arrived, goOn := make(chan struct{}, 100), make(chan struct{})
	w.mail.SetFaults(smtptest.Faults{Before: func(ctx context.Context, stage site.Stage) {
		if stage != site.StageData {
			return
		}
		arrived <- struct{}{}
		select {
		case <-goOn:
		case <-ctx.Done():
		}
	}})
	release = sync.OnceFunc(func() { close(goOn) })
	w.t.Cleanup(release)
	return arrived, release
}

// poll reads a test until it has ended.
func (c *client) poll(path string) answer {
	c.t.Helper()
	for {
		if got := c.call(http.MethodGet, path, nil); got.status != http.StatusAccepted {
			return got
		}
	}
}

func (w *testbed) candidate() object {
	return object{"settings": w.settings(nil), "password": w.password, "recipient": recipient}
}

func newTest() (path string) { return "/smtp/tests/" + uuid.NewString() }

func TestRepeatedTest(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	path := newTest()
	c.call(http.MethodGet, path, nil).want(t, http.StatusNotFound, "not_found")
	first := c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusOK, "")
	t.Run("SameBodyReturnsTheStoredResult", func(t *testing.T) {
		equal(t, c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusOK, "").object, first.object)
		equal(t, c.call(http.MethodGet, path, nil).want(t, http.StatusOK, "").object, first.object)
	})
	t.Run("RefusesADifferentBody", func(t *testing.T) {
		for name, value := range (object{"recipient": "b@example.com", "password": "another", "settings": w.settings(object{"from_name": "B"})}) {
			other := w.candidate()
			other[name] = value
			c.call(http.MethodPut, path, other).want(t, http.StatusUnprocessableEntity, "key_reused")
		}
	})
	t.Run("KeysArePerSite", func(t *testing.T) {
		w.site("client-b").call(http.MethodGet, path, nil).want(t, http.StatusNotFound, "not_found")
	})
	t.Run("SurvivesARestart", func(t *testing.T) {
		w.restart(func() {})
		equal(t, c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusOK, "").object, first.object)
	})
	if n := w.mail.Counters().Messages; n != 1 {
		t.Errorf("got %d messages, want 1", n)
	}
	t.Run("IsForgottenAfterADay", func(t *testing.T) {
		w.pass(24*time.Hour + time.Minute)
		c.call(http.MethodGet, path, nil).want(t, http.StatusOK, "")
		c.call(http.MethodPut, newTest(), w.candidate()).want(t, http.StatusOK, "")
		c.call(http.MethodGet, path, nil).want(t, http.StatusNotFound, "not_found")
	})
	t.Run("RefusesAKeyThatIsNotAUUID", func(t *testing.T) {
		c.call(http.MethodPut, "/smtp/tests/1", w.candidate()).want(t, http.StatusBadRequest, "malformed")
		c.call(http.MethodGet, "/smtp/tests/1", nil).want(t, http.StatusNotFound, "not_found")
	})
}

// isReached waits until a requested test is held, and fails if the request ends first.
func isReached[T any](t *testing.T, reached <-chan struct{}, ended <-chan T) {
	t.Helper()
	select {
	case <-reached:
	case got := <-ended:
		t.Fatalf("the request ended before the mail server held its test: %+v", got)
	}
}

// However far the clock jumps, a running test is kept: a client that is told its test does not exist would send another message.
func TestI3ARunningTestIsNotForgotten(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	reached, release := w.hold()
	path := newTest()
	answered := c.later(http.MethodPut, path, w.candidate())
	isReached(t, reached, answered)
	w.pass(25 * time.Hour)
	c.call(http.MethodPut, newTest(), w.candidate()).want(t, http.StatusOK, "")
	c.call(http.MethodGet, path, nil).want(t, http.StatusAccepted, "")
	release()
	if got := (<-answered).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
		t.Errorf("got %s", got.raw)
	}
}

func TestRunningTest(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.TestWait = time.Nanosecond })
	c := w.site("client-a")
	reached, release := w.hold()
	path := newTest()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			got, err := c.try(t.Context(), http.MethodPut, path, w.candidate())
			if err != nil || got.status != http.StatusAccepted || got.object["status"] != "running" || got.header.Get("Retry-After") != "1" {
				t.Errorf("%v %d %s", err, got.status, got.raw)
			}
		})
	}
	all.Wait()
	<-reached
	c.call(http.MethodGet, path, nil).want(t, http.StatusAccepted, "")
	release()
	if got := c.poll(path).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
		t.Errorf("got %s", got.raw)
	}
	if got := w.mail.Counters(); got.Messages != 1 || got.Connections != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestClientGoesAway(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	reached, release := w.hold()
	path := newTest()
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := c.try(ctx, http.MethodPut, path, w.candidate())
		gone <- err
	}()
	isReached(t, reached, gone)
	leave()
	if <-gone == nil {
		t.Fatal("the aborted request was answered")
	}
	release()
	if got := c.poll(path).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
		t.Errorf("got %s", got.raw)
	}
}

func TestStop(t *testing.T) {
	t.Run("WaitsForTests", func(t *testing.T) {
		w := start(t, func(c *refsite.Config) { c.TestWait = time.Nanosecond })
		c := w.site("client-a")
		reached, release := w.hold()
		path := newTest()
		c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusAccepted, "")
		<-reached
		go func() {
			// Once new tests are refused, Close is waiting.
			for got := (answer{}); got.status != http.StatusServiceUnavailable; {
				got, _ = c.try(context.WithoutCancel(t.Context()), http.MethodPut, path[:len(path)-4]+"0000", object{"recipient": recipient})
			}
			release()
		}()
		w.restart(func() {})
		if got := c.call(http.MethodGet, path, nil).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
			t.Errorf("got %s", got.raw)
		}
	})
	t.Run("GivesUpOnTestsEventually", func(t *testing.T) {
		w := start(t, func(c *refsite.Config) { c.TestWait = time.Nanosecond })
		c := w.site("client-a")
		reached, _ := w.hold()
		path := newTest()
		c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusAccepted, "")
		<-reached
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.server.Close(impatient); err == nil {
			t.Error("got no error although a test was given up")
		}
		c.call(http.MethodPut, newTest(), w.candidate()).want(t, http.StatusServiceUnavailable, "stopping")
		c.call(http.MethodGet, "/smtp", nil).want(t, http.StatusServiceUnavailable, "stopping")
		w.server = nil
		w.open()
		got := c.call(http.MethodGet, path, nil).want(t, http.StatusOK, "")
		if got.object["status"] != "in_doubt" || got.object["diagnosis"] == nil {
			t.Errorf("got %s", got.raw)
		}
		c.put(object{"settings": w.settings(nil), "password": w.password, "enabled": true}).want(t, http.StatusConflict, "verification_required")
	})
}

func TestR33RateLimit(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.TestBurst, c.TestEvery = 2, time.Minute })
	c := w.site("client-a")
	path := newTest()
	c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusOK, "")
	c.test(w.candidate()).want(t, http.StatusOK, "")
	refused := newTest()
	got := c.call(http.MethodPut, refused, w.candidate()).want(t, http.StatusTooManyRequests, "rate_limited")
	if after := got.header.Get("Retry-After"); after < "50" || after > "60" {
		t.Errorf("got Retry-After %s, want 50 to 60", after)
	}
	c.call(http.MethodGet, refused, nil).want(t, http.StatusNotFound, "not_found")
	c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusOK, "")
	w.site("client-b").test(w.candidate()).want(t, http.StatusOK, "")
	w.pass(time.Minute)
	c.call(http.MethodPut, refused, w.candidate()).want(t, http.StatusOK, "")
	if n := w.mail.Counters().Messages; n != 4 {
		t.Errorf("got %d messages, want 4", n)
	}
	t.Run("RestartDoesNotResetTheLimit", func(t *testing.T) {
		w.restart(func() {})
		c.test(w.candidate()).want(t, http.StatusTooManyRequests, "rate_limited")
		w.pass(time.Minute)
		c.test(w.candidate()).want(t, http.StatusOK, "")
	})
}
