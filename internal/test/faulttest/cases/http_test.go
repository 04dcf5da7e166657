package cases_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/faulttest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

// The purposes of a request.
const (
	creates  = "create"
	updates  = "update"
	renames  = "rename"
	destroys = "destroy"
)

// call is a request of the provider to the site.
type call struct {
	name, method, path string
	// from is the first request of its kind that a fault strikes, in a run for purpose.
	from    int
	purpose func(httpCase) string
	// login: the provider logs in. slow: the mail server is slow, so the provider polls for the result.
	login, slow bool
}

const api = "/" + siteName + "/admin/api/v1"

var calls = []call{
	{name: "RefreshGET", method: http.MethodGet, path: api + "/smtp", from: 1, purpose: always(updates)},
	// The first is the plan's, which only warns when it fails: the apply reads again.
	{name: "CreateGET", method: http.MethodGet, path: api + "/smtp", from: 2, purpose: always(creates)},
	{name: "PlanGET", method: http.MethodGet, path: api + "/smtp", from: 1, purpose: always(renames)},
	{name: "PutTest", method: http.MethodPut, path: api + "/smtp/tests/*", from: 1, purpose: either(creates, updates)},
	{name: "PollTest", method: http.MethodGet, path: api + "/smtp/tests/*", from: 1, purpose: either(creates, updates), slow: true},
	{name: "PutSMTP", method: http.MethodPut, path: api + "/smtp", from: 1, purpose: either(creates, updates)},
	{name: "DeleteSMTP", method: http.MethodDelete, path: api + "/smtp", from: 1, purpose: always(destroys)},
	{name: "PostSession", method: http.MethodPost, path: api + "/session", from: 1, purpose: always(updates), login: true},
}

func always(purpose string) func(httpCase) string { return func(httpCase) string { return purpose } }

// either alternates, so that each fault strikes a new site and one whose mail is on.
func either(even, odd string) func(httpCase) string {
	return func(c httpCase) string {
		if c.number/2%2 == 0 {
			return even
		}
		return odd
	}
}

// httpCase is one case of the catalogue.
type httpCase struct {
	number   int
	call     call
	fault    faulttest.HTTPFault
	position faulttest.Position
	// lasts: the fault strikes every request of its kind, not only one.
	lasts bool
}

func httpCases() []httpCase {
	var cases []httpCase
	for f, fault := range faulttest.HTTPFaults() {
		for c, call := range calls {
			for p, position := range faulttest.Positions() {
				cases = append(cases, httpCase{f + c + p, call, fault, position, (f+c+p)%2 == 0})
			}
		}
	}
	return cases
}

func (c httpCase) name() string {
	fault, times := c.fault.Name, "Once"
	if c.fault.Row != "" {
		fault = c.fault.Row + "_" + fault
	}
	if c.lasts {
		times = "Lasts"
	}
	return fmt.Sprintf("%s/%s/%s/%s", c.call.name, fault, c.position, times)
}

// starred are the cases that always run: each fault of a starred row at each request, and each fault of the other HTTP rows at one
// request, with alternating positions.
func (c httpCase) starred() bool {
	turn := c.number%3 == 0
	switch c.fault.Row {
	case "R9", "R10", "R13", "R15":
		return turn
	case "R11", "R12", "R14":
		return turn && c.number/3%8 == slices.IndexFunc(calls, func(other call) bool { return other.name == c.call.name })
	}
	return false
}

func TestHTTP(t *testing.T) {
	cases := httpCases()
	if len(cases) != 600 {
		t.Fatalf("got %d cases, want 600", len(cases))
	}
	for _, c := range soaktest.Draw(t, cases, httpCase.starred) {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.run(t, nil) })
		})
	}
}

// run runs the case: it prepares a testbed, and runs once with the fault and once without.
func (c httpCase) run(t *testing.T, with *cli) {
	t.Helper()
	w := newTestbed(t, build{secure: c.fault.Name == "TLS", login: c.call.login, with: with})
	wanted := c.arrange(w)
	before, sent := w.held(), w.messages()
	w.proxy.Calls()

	plan := faulttest.Plan{Method: c.call.method, Path: c.call.path, From: c.call.from, Position: c.position, Fault: c.fault}
	if !c.lasts {
		plan.Times = 1
	}
	w.proxy.Break(plan)
	start := time.Now()
	got := w.apply(wanted)
	took := time.Since(start)
	struck := w.proxy.Heal()
	if with == nil {
		// Let delayed messages arrive.
		time.Sleep(2 * faulttest.TooLate)
	}
	if struck == 0 {
		t.Fatal("the fault struck no request")
	}
	want := c.expect()
	want.check(w, got, took)
	seen := w.proxy.Calls()
	w.checkCalls(seen, 1)
	w.checkWrites(seen, before)
	if c.fault.Name == "WrongSite" && c.call.path == api+"/smtp" && c.call.method == http.MethodGet {
		w.checkStranger(seen)
	}
	if n := w.messages() - sent; n != want.tests {
		t.Errorf("%d messages were sent, want %d", n, want.tests)
	}
	c.checkSite(w, before, got)
	w.checkLive()
	w.converge(wanted, got, sent+want.tests)
	w.checkSecrets()
}

// arrange prepares the testbed for the request, and returns the configuration whose apply sends it.
func (c httpCase) arrange(w *testbed) configuration {
	w.t.Helper()
	var wanted configuration
	purpose := c.call.purpose(c)
	if purpose != creates {
		if r := w.apply(w.configuration(siteKey)); r.failed() || r.action != "create" {
			w.t.Fatalf("setup failed: %s %s", r.action, told(r.errors))
		}
	}
	switch purpose {
	case creates:
		wanted = w.configuration(siteKey)
	case updates:
		wanted = w.configuration(siteKey, arguments{"from_name": "Client A"})
	case renames:
		wanted = w.configuration(otherKey, arguments{"from_name": "Client A"})
	case destroys:
		wanted = w.configuration(siteKey)
		wanted.resource = nil
	}
	if c.call.slow {
		w.mail.SetFaults(smtptest.Faults{Before: func(_ context.Context, stage site.Stage) {
			if stage == site.StageData {
				time.Sleep(faulttest.Late)
			}
		}})
	}
	return wanted
}

// checkSite checks I7 and I10: the site's settings are the old ones, or the wanted ones after a pass.
func (c httpCase) checkSite(w *testbed, before site.State, got run) {
	w.t.Helper()
	now := w.held()
	saved := now.Revision != before.Revision
	if !got.failed() && !saved {
		w.t.Error("the run succeeded but saved nothing")
	}
	if saved && got.failed() && c.call.name != "PutSMTP" && c.call.name != "DeleteSMTP" {
		w.t.Error("I7: the run failed but changed the site")
	}
	if !saved && now.Enabled != before.Enabled {
		w.t.Error("I7: a run that saved nothing switched mail on or off")
	}
}

// converge checks I9: a run without faults converges, and the next one has nothing to do. sent is the number of messages so far; a run
// that tests something sends one.
func (w *testbed) converge(wanted configuration, got run, sent int) {
	w.t.Helper()
	if wanted.resource != nil && got.failed() {
		sent++
	}
	again := w.apply(wanted)
	if again.failed() {
		w.t.Fatalf("I9: the next run, without faults, failed: %s", told(again.errors))
	}
	if !got.failed() && again.action != "no-op" {
		w.t.Errorf("I9: after a successful run, the next one plans to %s", again.action)
	}
	if next := w.plan(wanted); next.failed() || next.action != "no-op" {
		w.t.Errorf("I9: the next plan is to %s: %s", next.action, told(next.errors))
	}
	if n := w.messages(); n != sent {
		w.t.Errorf("%d messages were sent in all, want %d", n, sent)
	}
	w.checkCalls(w.proxy.Calls(), 1)
	w.checkLive()
	now := w.held()
	if wanted.resource == nil {
		if !now.Settings.IsZero() || now.PasswordSet || now.Enabled {
			w.t.Errorf("I9: after the destroy, the site holds %+v", now)
		}
		return
	}
	name, _ := wanted.resource["from_name"].(string)
	if !now.Enabled || now.Settings.FromName != name || now.Settings.Username != mailbox {
		w.t.Errorf("I9: the site holds %+v", now)
	}
}

// checkWrites checks I4: every write carries the revision that was read.
func (w *testbed) checkWrites(seen []faulttest.Call, read site.State) {
	w.t.Helper()
	for _, c := range seen {
		write := c.Path == api+"/smtp" && c.Method != http.MethodGet
		if tag := c.Header.Get("If-Match"); write && tag != `"`+read.Revision+`"` {
			w.t.Errorf("I4: %s was sent with revision %s, but the revision read was %s", c.Method, tag, read.Revision)
		}
	}
}

// checkStranger checks R15: once a different site has answered, every request with the mail password names its site, so that a
// different site refuses it.
func (w *testbed) checkStranger(seen []faulttest.Call) {
	w.t.Helper()
	struck := slices.IndexFunc(seen, func(c faulttest.Call) bool { return c.Struck })
	for _, c := range seen[struck:] {
		var body struct {
			Password string
			SiteID   string `json:"site_id"`
		}
		_ = json.Unmarshal(c.Body, &body)
		if body.Password == password && (body.SiteID == "" || c.Status == http.StatusOK) {
			w.t.Errorf("R15: %s %s sent the password to %q, which answered %d", c.Method, c.Path, body.SiteID, c.Status)
		}
	}
}

// checkCalls checks I3: a test sends one message, however often it was requested, and a run makes no more tests than most.
func (w *testbed) checkCalls(seen []faulttest.Call, most int) {
	w.t.Helper()
	bodies := map[string]string{}
	for _, c := range seen {
		if c.Method == http.MethodPut && strings.Contains(c.Path, "/tests/") {
			if body, again := bodies[c.Path]; again && body != string(c.Body) {
				w.t.Errorf("I3: the same key was sent with a different test: %s", c.Path)
			}
			bodies[c.Path] = string(c.Body)
		}
	}
	if len(bodies) > most {
		w.t.Errorf("I3: got %d tests in one run, want at most %d", len(bodies), most)
	}
}

func told(diagnostics []*diagnostic) string {
	var b strings.Builder
	for _, d := range diagnostics {
		fmt.Fprintf(&b, "%s: %s\n", d.Summary, d.Detail)
	}
	return b.String()
}
