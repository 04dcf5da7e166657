//go:build unix

package refsite_test

import (
	"net/http"
	"os/signal"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
)

// fillDisk makes every write of this process beyond the first page of a file fail, like a full disk, until the returned function is
// called.
func fillDisk(t *testing.T) (free func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	t.Cleanup(func() { signal.Reset(syscall.SIGXFSZ) })
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	set := func(limit syscall.Rlimit) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
	}
	set(syscall.Rlimit{Cur: 4096, Max: before.Max})
	t.Cleanup(func() { set(before) })
	return func() { set(before) }
}

func TestFullDisk(t *testing.T) {
	// The limit would affect the test log, too.
	if !alone(t) {
		return
	}
	t.Run("R40_ChangesNothingAndSendsNothing", func(t *testing.T) {
		w := start(t)
		c := w.site("client-a")
		before := w.enable(c, nil)
		body := withID(object{"settings": w.settings(object{"from_name": "B"}), "password": w.password, "enabled": false})
		tag, path := c.etag(), newTest()
		credentials := w.login("client-a")
		free := fillDisk(t)
		for range 2 {
			c.call(http.MethodPut, "/smtp", body, "If-Match", tag).want(t, http.StatusInsufficientStorage, "storage")
			c.call(http.MethodDelete, "/smtp", nil, "If-Match", tag).want(t, http.StatusInsufficientStorage, "storage")
			c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusInsufficientStorage, "storage")
			c.call(http.MethodGet, path, nil).want(t, http.StatusNotFound, "not_found")
			c.call(http.MethodPost, "/session", credentials).want(t, http.StatusInsufficientStorage, "storage")
			equal(t, c.read().object, before.object)
		}
		if _, err := w.server.AddSite("client-b"); err == nil {
			t.Error("adding a site succeeded")
		}
		free()
		equal(t, c.read().object, before.object)
		if n := w.mail.Counters().Messages; n != 1 {
			t.Errorf("got %d messages, want 1", n)
		}
		c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusOK, "")
		c.call(http.MethodPut, "/smtp", body, "If-Match", tag).want(t, http.StatusOK, "")
		w.restart(func() {})
		if c.read().object["settings"].(object)["from_name"] != "B" {
			t.Error("a write after the fault is lost")
		}
		w.site("client-b").read()
	})
	t.Run("R40_UnstoredResultIsInDoubt", func(t *testing.T) {
		w := start(t, func(c *refsite.Config) { c.TestWait = 1 })
		c := w.site("client-a")
		reached, release := w.hold()
		path := "/smtp/tests/" + uuid.NewString()
		c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusAccepted, "")
		<-reached
		free := fillDisk(t)
		release()
		if got := c.poll(path).want(t, http.StatusOK, ""); got.object["status"] != "in_doubt" {
			t.Errorf("got %s", got.raw)
		}
		free()
		c.put(object{"settings": w.settings(nil), "password": w.password, "enabled": true}).want(t, http.StatusConflict, "verification_required")
		if got := c.call(http.MethodPut, path, w.candidate()).want(t, http.StatusOK, ""); got.object["status"] != "in_doubt" {
			t.Errorf("got %s", got.raw)
		}
		if n := w.mail.Counters().Messages; n != 1 {
			t.Errorf("got %d messages, want 1", n)
		}
	})
	t.Run("R40_I3_WaitingRequestGetsInDoubt", func(t *testing.T) {
		w := start(t)
		c := w.site("client-a")
		reached, release := w.hold()
		path := newTest()
		answered := c.later(http.MethodPut, path, w.candidate())
		isReached(t, reached, answered)
		free := fillDisk(t)
		release()
		got := (<-answered).want(t, http.StatusOK, "")
		equal(t, got.object["status"], any("in_doubt"))
		free()
		equal(t, c.call(http.MethodGet, path, nil).want(t, http.StatusOK, "").object, got.object)
		if n := w.mail.Counters().Messages; n != 1 {
			t.Errorf("got %d messages, want 1", n)
		}
	})
}
