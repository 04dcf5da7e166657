package cases_test

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	refcore "github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/faulttest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

// smtpCase is one fault, which strikes the test of a new site or of one whose mail is on.
type smtpCase struct {
	faulttest.SMTPFault
	live bool
}

func smtpCases() []smtpCase {
	var cases []smtpCase
	for i, fault := range faulttest.SMTPFaults() {
		cases = append(cases, smtpCase{fault, i%2 == 1})
	}
	return cases
}

func (c smtpCase) name() string {
	run := "Create"
	if c.live {
		run = "Update"
	}
	return fmt.Sprintf("%s/%s_%s/%s", c.Stage, c.Row, c.Name, run)
}

func (c smtpCase) starred() bool { return slices.Contains([]string{"R28", "R34", "R35", "R37"}, c.Row) }

func TestSMTP(t *testing.T) {
	cases := smtpCases()
	if len(cases) != 150 {
		t.Fatalf("got %d cases, want 150", len(cases))
	}
	for _, c := range soaktest.Draw(t, cases, smtpCase.starred) {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.run(t, nil) })
		})
	}
}

func (c smtpCase) run(t *testing.T, with *cli) {
	w := newTestbed(t, build{relay: true, with: with})
	wanted := w.configuration(siteKey)
	if c.live {
		if r := w.apply(wanted); r.failed() {
			t.Fatalf("setup failed: %s", told(r.errors))
		}
		wanted = w.configuration(siteKey, arguments{"from_name": "Client A"})
	}
	before, sent, connected := w.held(), w.messages(), w.relay.Connections()
	heard := len(w.relay.Heard())
	w.proxy.Calls()

	w.relay.Break(c.SMTPFault)
	start := time.Now()
	got := w.apply(wanted)
	took := time.Since(start)
	w.relay.Heal()
	seen := w.proxy.Calls()
	w.checkCalls(seen, 1)
	c.checkVerdict(w, seen, got)
	c.checkBounds(w, took, w.relay.Connections()-connected, w.relay.Heard()[heard:])
	if c.Taken {
		sent++
	}
	if n := w.messages(); n != sent {
		t.Errorf("%d messages were sent, want %d", n, sent)
	}
	if now := w.held(); got.failed() && (now.Revision != before.Revision || now.Enabled != before.Enabled) {
		t.Errorf("I7: the test failed, and the site holds %+v", now)
	}
	w.checkLive()
	w.converge(wanted, got, sent)
	w.checkSecrets()
}

// checkVerdict compares the site's result of the test, and the error shown to the user, with the fault.
func (c smtpCase) checkVerdict(w *testbed, seen []faulttest.Call, got run) {
	w.t.Helper()
	result := w.result(seen)
	code := 0
	if result.Reply != nil {
		code = result.Reply.Code
	}
	if result.Running || result.Status != c.Status || result.Stage != c.At || code != c.Code {
		w.t.Errorf("the test %s at %s with %d, want %s at %s with %d: %+v", result.Status, result.Stage, code, c.Status, c.At, c.Code, result)
	}
	if c.Status == site.Passed {
		if got.failed() {
			w.t.Errorf("the run failed: %s", told(got.errors))
		}
		return
	}
	if len(got.errors) != 1 {
		w.t.Fatalf("got %d errors, want 1: %s", len(got.errors), told(got.errors))
	}
	d := got.errors[0]
	if result.Diagnosis == nil || d.Summary != result.Diagnosis.Summary || strings.Contains(d.Summary, w.mailHost()) {
		w.t.Errorf("the summary is %q: %+v", d.Summary, result.Diagnosis)
	}
	for _, word := range []string{siteKey, string(c.At), map[bool]string{true: strconv.Itoa(c.Code)}[c.Code != 0]} {
		if !strings.Contains(d.Detail, word) {
			w.t.Errorf("the error does not say %q: %s", word, d.Detail)
		}
	}
	if strings.ContainsAny(d.Summary+d.Detail, "\x1b\x00\r") {
		w.t.Errorf("the error holds control characters: %q", d.Detail)
	}
}

// result returns the site's result of the requested test.
func (w *testbed) result(seen []faulttest.Call) refcore.Test {
	w.t.Helper()
	i := slices.IndexFunc(seen, func(call faulttest.Call) bool {
		return call.Method == http.MethodPut && strings.Contains(call.Path, "/tests/")
	})
	if i < 0 {
		w.t.Fatal("no test was requested")
	}
	s, err := w.site.Site(siteName)
	w.require(err)
	result, err := s.ReadTest(path.Base(seen[i].Path))
	w.require(err)
	return result
}

// checkBounds checks I3 and I5 at the mail server, and R36 and R38: one session, one login, nothing sensitive in clear text, and limits
// of time and size.
func (c smtpCase) checkBounds(w *testbed, took time.Duration, connections int, heard []string) {
	w.t.Helper()
	within := 40 * time.Second
	if strings.HasPrefix(c.Name, "Endless") {
		within = 20 * time.Second
	}
	if took > within {
		w.t.Errorf("the run took %s", took)
	}
	logins := 0
	for _, line := range heard {
		if strings.HasPrefix(line, "AUTH") {
			logins++
		}
	}
	if connections > 1 || logins > 1 {
		w.t.Errorf("I3: got %d connections and %d logins, want at most 1 of each", connections, logins)
	}
	for _, line := range w.relay.InClear() {
		if verb, _, _ := strings.Cut(line, " "); !slices.Contains([]string{"EHLO", "STARTTLS", "QUIT", ""}, verb) {
			w.t.Errorf("I5: %q was sent in clear text", line)
		}
	}
	// Data in transit when the client gives up is counted too.
	if n := w.relay.Flooded(); n > 256<<10 {
		w.t.Errorf("the client read %d bytes", n)
	}
}
