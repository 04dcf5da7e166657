//go:build linux && wordpress

package wordpresstest_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// hold makes the mail server wait in a stage. reached receives a value when it waits; release lets it continue.
func (c *client) hold(at site.Stage) (reached <-chan struct{}, release func()) {
	arrived, goOn := make(chan struct{}, 100), make(chan struct{})
	c.mail.SetFaults(smtptest.Faults{Before: func(ctx context.Context, stage site.Stage) {
		if stage != at {
			return
		}
		arrived <- struct{}{}
		select {
		case <-goOn:
		case <-ctx.Done():
		}
	}})
	release = sync.OnceFunc(func() { close(goOn) })
	c.Cleanup(release)
	return arrived, release
}

// poll reads a test until it has ended.
func (c *client) poll(path string) answer {
	c.Helper()
	for {
		if got := c.call(http.MethodGet, path, nil); got.status != http.StatusAccepted {
			return got
		}
	}
}

func TestRepeatedTest(t *testing.T) {
	c := start(t)
	path := newTest()
	c.call(http.MethodGet, path, nil).want(t, http.StatusNotFound, "not_found")
	first := c.call(http.MethodPut, path, c.candidate()).want(t, http.StatusOK, "")
	t.Run("SameBodyReturnsTheStoredResult", func(t *testing.T) {
		for _, spelling := range []string{path, strings.ToUpper(path[len("/smtp/tests/"):])} {
			same := "/smtp/tests/" + spelling[strings.LastIndexByte(spelling, '/')+1:]
			equal(t, c.call(http.MethodPut, same, c.candidate()).want(t, http.StatusOK, "").object, first.object)
			equal(t, c.call(http.MethodGet, same, nil).want(t, http.StatusOK, "").object, first.object)
		}
	})
	t.Run("RefusesADifferentBody", func(t *testing.T) {
		for name, value := range (object{"recipient": "b@example.com", "password": "another", "settings": c.settings(object{"from_name": "B"})}) {
			other := c.candidate()
			other[name] = value
			c.call(http.MethodPut, path, other).want(t, http.StatusUnprocessableEntity, "key_reused")
		}
		c.call(http.MethodPut, path, object{"recipient": recipient}).want(t, http.StatusUnprocessableEntity, "key_reused")
	})
	t.Run("KeysArePerSite", func(t *testing.T) {
		start(t).call(http.MethodGet, path, nil).want(t, http.StatusNotFound, "not_found")
	})
	if n := c.mail.Counters().Messages; n != 1 {
		t.Errorf("got %d messages, want 1", n)
	}
	t.Run("IsForgottenAfterADay", func(t *testing.T) {
		c.started("microtime(true) - 86401")
		c.call(http.MethodGet, path, nil).want(t, http.StatusOK, "")
		c.test(c.candidate()).want(t, http.StatusOK, "")
		c.call(http.MethodGet, path, nil).want(t, http.StatusNotFound, "not_found")
	})
}

// started changes the start time of all tests of the site; the time is PHP code.
func (c *client) started(at string) {
	c.Helper()
	c.Eval(c, `
foreach ($wpdb->get_results("SELECT option_name, option_value FROM $wpdb->options WHERE option_name LIKE 'site\\_smtp\\_test%'") as $row) {
	$value = json_decode($row->option_value, true);
	$value['started'] = `+at+`;
	$wpdb->update($wpdb->options, array('option_value' => json_encode($value)), array('option_name' => $row->option_name));
}`)
}

func TestRunningTest(t *testing.T) {
	c := start(t)
	reached, release := c.hold(site.StageData)
	path := newTest()
	var all sync.WaitGroup
	sender := make(chan answer, 1)
	all.Go(func() {
		got, err := c.try(t.Context(), http.MethodPut, path, c.candidate())
		if err != nil {
			t.Error(err)
		}
		sender <- got
	})
	<-reached
	for range 5 {
		all.Go(func() {
			got, err := c.try(t.Context(), http.MethodPut, path, c.candidate())
			if err != nil || got.status != http.StatusAccepted || got.object["status"] != "running" || got.header.Get("Retry-After") != "1" {
				t.Errorf("%v %d %s", err, got.status, got.raw)
			}
			got, err = c.try(t.Context(), http.MethodGet, path, nil)
			if err != nil || got.status != http.StatusAccepted {
				t.Errorf("%v %d %s", err, got.status, got.raw)
			}
		})
	}
	for range 5 {
		c.call(http.MethodGet, path, nil).want(t, http.StatusAccepted, "")
	}
	release()
	all.Wait()
	if got := (<-sender).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
		t.Errorf("got %s", got.raw)
	}
	if got := c.mail.Counters(); got.Messages != 1 || got.Connections != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestOneKeyAtTheSameTime(t *testing.T) {
	c := start(t)
	// All are to find that there is no record before the first one makes it.
	c.Eval(t, `$wpdb->query("CREATE TRIGGER slow BEFORE INSERT ON $wpdb->options FOR EACH ROW
		IF NEW.option_name LIKE 'site\\_smtp\\_test%' THEN DO SLEEP(1); END IF");`)
	defer c.Eval(t, `$wpdb->query("DROP TRIGGER slow");`)
	path := newTest()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got, err := c.try(t.Context(), http.MethodPut, path, c.candidate()); err != nil || got.status >= http.StatusBadRequest {
				t.Errorf("%v %d %s", err, got.status, got.raw)
			}
		})
	}
	all.Wait()
	if got := c.poll(path).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
		t.Errorf("got %s", got.raw)
	}
	if got := c.mail.Counters(); got.Messages != 1 || got.Connections != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestClientGoesAway(t *testing.T) {
	c := start(t)
	reached, release := c.hold(site.StageData)
	path := newTest()
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := c.try(ctx, http.MethodPut, path, c.candidate())
		gone <- err
	}()
	<-reached
	leave()
	if <-gone == nil {
		t.Fatal("the aborted request was answered")
	}
	release()
	if got := c.poll(path).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
		t.Errorf("got %s", got.raw)
	}
}

func TestCrash(t *testing.T) {
	c := start(t)
	for _, stage := range []site.Stage{site.StageAuth, site.StageRcpt, site.StageData} {
		t.Run(string(stage), func(t *testing.T) {
			reached, release := c.hold(stage)
			path := newTest()
			lost := make(chan error)
			go func() {
				_, err := c.try(t.Context(), http.MethodPut, path, c.candidate())
				lost <- err
			}()
			<-reached
			if err := wordpress.Crash(); err != nil {
				t.Fatal(err)
			}
			if <-lost == nil {
				t.Fatal("the aborted request was answered")
			}
			release()
			c.mail.SetFaults(smtptest.Faults{})
			connections := c.mail.Counters().Connections
			c.call(http.MethodPut, path, c.candidate()).want(t, http.StatusAccepted, "")
			c.started("microtime(true) - 91")
			got := c.call(http.MethodPut, path, c.candidate()).want(t, http.StatusOK, "")
			if got.object["status"] != "in_doubt" || got.object["error"] == nil || got.object["tested_at"] == nil {
				t.Errorf("got %s", got.raw)
			}
			equal(t, c.call(http.MethodGet, path, nil).want(t, http.StatusOK, "").object, got.object)
			if again := c.mail.Counters().Connections; again != connections {
				t.Error("the test was sent again")
			}
			c.stays(t, object{"settings": c.settings(nil), "password": c.password})
		})
	}
}

func TestVerdictThatComesTooLate(t *testing.T) {
	c := start(t)
	reached, release := c.hold(site.StageData)
	path := newTest()
	late := make(chan answer, 1)
	go func() {
		got, err := c.try(t.Context(), http.MethodPut, path, c.candidate())
		if err != nil {
			t.Error(err)
		}
		late <- got
	}()
	<-reached
	c.started("microtime(true) - 91")
	doubt := c.call(http.MethodGet, path, nil).want(t, http.StatusOK, "")
	release()
	equal(t, (<-late).want(t, http.StatusOK, "").object, doubt.object)
	c.stays(t, object{"settings": c.settings(nil), "password": c.password})
}

func TestRateLimit(t *testing.T) {
	c := start(t)
	path := newTest()
	c.call(http.MethodPut, path, c.candidate()).want(t, http.StatusOK, "")
	var all sync.WaitGroup
	for range 25 {
		all.Go(func() {
			got, err := c.try(t.Context(), http.MethodPut, newTest(), c.candidate())
			if err != nil || got.status != http.StatusOK && got.status != http.StatusTooManyRequests {
				t.Errorf("%v %d %s", err, got.status, got.raw)
			}
		})
	}
	all.Wait()
	refused := newTest()
	c.Eval(t, `$wpdb->query("UPDATE $wpdb->options SET option_value = CONCAT('[0,', UNIX_TIMESTAMP(), ']') WHERE option_name = 'site_smtp_rate'");`)
	got := c.call(http.MethodPut, refused, c.candidate()).want(t, http.StatusTooManyRequests, "rate_limited")
	if after, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || after < 1 || after > 10 {
		t.Errorf("got Retry-After %s, want 1 to 10", got.header.Get("Retry-After"))
	}
	c.call(http.MethodGet, refused, nil).want(t, http.StatusNotFound, "not_found")
	c.call(http.MethodPut, path, c.candidate()).want(t, http.StatusOK, "")
	// Of 26, 20 may go at once, and one more every ten seconds.
	if n := c.mail.Counters().Messages; n < 20 || n > 24 {
		t.Errorf("got %d messages", n)
	}
	start(t).mustTest(nil, "passed", "data")
	c.Eval(t, `$wpdb->query("UPDATE $wpdb->options SET option_value = CONCAT('[0,', UNIX_TIMESTAMP() - 11, ']') WHERE option_name = 'site_smtp_rate'");`)
	c.call(http.MethodPut, refused, c.candidate()).want(t, http.StatusOK, "")
}

// TestResultsAreForgotten, even without another test, because their rows contain recipients.
func TestResultsAreForgotten(t *testing.T) {
	c := start(t)
	const rows = `echo count(SiteSMTP\Store::all("site_smtp_test_", false, 100)), " ", wp_next_scheduled("site_smtp_forget") ? "scheduled" : "not scheduled";`
	equal(t, c.Eval(t, rows), "0 not scheduled")
	c.mustTest(nil, "passed", "data")
	equal(t, c.Eval(t, rows), "1 scheduled")
	// WP-Cron takes an event off its list before it does it.
	const event = `wp_clear_scheduled_hook("site_smtp_forget"); do_action("site_smtp_forget");`
	equal(t, c.Eval(t, event+rows), "1 scheduled")
	c.later(24*time.Hour + time.Minute)
	equal(t, c.Eval(t, event+rows), "0 not scheduled")
}
