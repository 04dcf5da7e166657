package refsite_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/leaktest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/soaktest"
)

// drawEditor draws an editor, and whether it reads the site first.
func (m *machine) drawEditor(s *modelSite, among []string) (editor, revision string) {
	editor = rapid.SampledFrom(among).Draw(m.t, "editor")
	if rapid.IntRange(0, 2).Draw(m.t, "looks first") > 0 {
		got := m.mustCall(s, bySession, http.MethodGet, "/smtp", nil, "")
		m.views[s.name+editor], _ = got.object["revision"].(string)
	}
	return editor, m.views[s.name+editor]
}

// save saves through the API: with a fresh or stale revision, as a retry, for the wrong site, or without a revision.
func (m *machine) save(*rapid.T) {
	s := m.drawSite()
	editor, revision := m.drawEditor(s, editors[:2])
	w := modelWrite{entered: m.drawEntered(s), enabled: rapid.Bool().Draw(m.t, "enabled"), revision: revision, id: uuid.NewString(), by: editor}
	if last, ok := s.write.([2]any); ok && s.writeID != "" && rapid.IntRange(0, 4).Draw(m.t, "again") == 0 {
		w.id = s.writeID
		if rapid.Bool().Draw(m.t, "same body") {
			w.entered, w.enabled = last[0].(entered), last[1].(bool)
		}
	}
	body := object{"settings": w.settings, "enabled": w.enabled, "write_id": w.id}
	if w.password != "" {
		body["password"] = w.password
	}
	switch rapid.IntRange(0, 11).Draw(m.t, "guard") {
	case 0:
		m.mustCall(s, editor, http.MethodPut, "/smtp", body, problem.PreconditionRequired)
		return
	case 1:
		w.siteID = m.ids["b"]
		if s.name == "b" {
			w.siteID = m.ids["a"]
		}
		body["site_id"] = w.siteID
	case 2:
		body["site_id"] = m.ids[s.name]
	}
	code := s.save(m.now(), w)
	if code == "" {
		m.enter(w.entered)
	}
	m.mustCall(s, editor, http.MethodPut, "/smtp", body, code, "If-Match", `"`+revision+`"`)
}

func (m *machine) clear(*rapid.T) {
	s := m.drawSite()
	editor, revision := m.drawEditor(s, editors[:2])
	m.mustCall(s, editor, http.MethodDelete, "/smtp", nil, s.clear(m.now(), editor, revision), "If-Match", `W/"`+revision+`"`)
}

// savePage saves with the admin page's form, which leaves mail on only if nothing changes.
func (m *machine) savePage(*rapid.T) {
	s := m.drawSite()
	_, revision := m.drawEditor(s, editors[2:])
	e := m.drawEntered(s)
	keepsOn := s.enabled && e.settings == s.settings && e.password == ""
	code := s.save(m.now(), modelWrite{entered: e, enabled: keepsOn, revision: revision, by: bySession})
	if code == "" {
		m.enter(e)
	}
	form := url.Values{"password": {e.password}, "revision": {revision}}
	for _, f := range e.settings.Fields() {
		form.Set(f.Name, fmt.Sprint(f.Value))
	}
	m.mustSubmit(s, "save", form, code)
}

// turn switches mail on or off with the admin page's form.
func (m *machine) turn(*rapid.T) {
	s := m.drawSite()
	_, revision := m.drawEditor(s, editors[2:])
	on := rapid.Bool().Draw(m.t, "on")
	code := s.save(m.now(), modelWrite{entered: entered{settings: s.settings}, enabled: on, revision: revision, by: bySession})
	m.mustSubmit(s, "switch", url.Values{"enabled": {strconv.FormatBool(on)}, "revision": {revision}}, code)
}

// test tests a candidate or what is saved, with a new or used key, through the API or the page.
func (m *machine) test(*rapid.T) {
	s := m.drawSite()
	key, recipient := m.newKey()
	body := testBody{to: recipient, saved: rapid.IntRange(0, 4).Draw(m.t, "saved") == 0}
	if !body.saved {
		body.of = m.drawEntered(s)
	}
	if n := len(s.tests); n > 0 && rapid.IntRange(0, 4).Draw(m.t, "key again") == 0 {
		known := s.tests[rapid.IntRange(0, n-1).Draw(m.t, "which")]
		if key = known.key; rapid.Bool().Draw(m.t, "same body") {
			body = known.body.(testBody)
		}
	}
	if m.held != nil && m.held.key == key && m.held.body == body {
		return // that request would wait
	}
	if rapid.IntRange(0, 4).Draw(m.t, "in the page") == 0 {
		m.testPage(s, key, body)
		return
	}
	m.run(s, key, body, func(code problem.Code) {
		got := m.mustCall(s, byToken, http.MethodPut, "/smtp/tests/"+key, wireTest(body), code)
		if code == "" {
			m.sameTest(s, key, got)
		}
	})
}

// testPage tests what is saved with a password that is typed in again.
func (m *machine) testPage(s *modelSite, key string, body testBody) {
	_, revision := m.drawEditor(s, editors[2:])
	form := url.Values{"key": {key}, "recipient": {body.to}, "password": {body.of.password}, "revision": {revision}}
	switch {
	case s.settings.IsZero():
		m.mustSubmit(s, "test", form, problem.NotConfigured)
		return
	case revision != fmt.Sprint(s.revision):
		m.mustSubmit(s, "test", form, problem.Stale)
		return
	}
	body.saved, body.of.settings = false, s.settings
	if m.held != nil && m.held.key == key && m.held.body == body {
		return
	}
	m.run(s, key, body, func(code problem.Code) { m.mustSubmit(s, "test", form, code) })
}

// run sends a test request and updates the model.
func (m *machine) run(s *modelSite, key string, body testBody, call func(problem.Code)) {
	t, isNew, code := s.start(m.now(), key, body)
	if isNew {
		t.status, t.ended = m.outcome(t.of, m.drawFault(t.of.settings)), m.now()
		m.noteStart(t, body)
	}
	call(code)
}

func (m *machine) noteStart(t *trial, body testBody) {
	m.started++
	m.of[body.to] = t.of
	if !body.saved {
		m.enter(t.of)
	}
}

func wireTest(b testBody) object {
	o := object{"recipient": b.to}
	if !b.saved {
		o["settings"] = b.of.settings
		if b.of.password != "" {
			o["password"] = b.of.password
		}
	}
	return o
}

// sameTest compares a response with the model's result of the test.
func (m *machine) sameTest(s *modelSite, key string, got answer) {
	t := s.test(key)
	want, status := string(t.status), http.StatusOK
	if want == "" {
		want, status = "running", http.StatusAccepted
	}
	if got.object["status"] != want || got.status != status || (got.object["diagnosis"] == nil) != (want == "passed" || want == "running") {
		m.t.Fatalf("test %s of %s: %d %s, not %s", key, s.name, got.status, got.raw, want)
	}
}

// readTest reads a test, running or ended, or one that does not exist.
func (m *machine) readTest(*rapid.T) {
	s := m.drawSite()
	if n := len(s.tests); n > 0 {
		key := s.tests[rapid.IntRange(0, n-1).Draw(m.t, "which")].key
		m.sameTest(s, key, m.mustCall(s, bySession, http.MethodGet, "/smtp/tests/"+key, nil, ""))
		return
	}
	m.mustCall(s, bySession, http.MethodGet, "/smtp/tests/"+uuid.NewString(), nil, problem.NotFound)
}

// holdTest starts a test whose client disconnects while it runs.
func (m *machine) holdTest(*rapid.T) {
	if m.held != nil {
		return
	}
	s := m.drawSite()
	key, recipient := m.newKey()
	body := testBody{to: recipient, of: entered{m.drawSettings(), rightPassword}}
	if m.outcome(body.of, "") != site.Passed {
		return
	}
	t, _, _ := s.start(m.now(), key, body)
	m.noteStart(t, body)
	at := rapid.SampledFrom([]site.Stage{site.StageAuth, site.StageMail, site.StageRcpt, site.StageData}).Draw(m.t, "stage")
	reached, release := m.hold(m.placeOf(body.of.settings).server, at)
	m.held = &heldTest{t, s, release}
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	gone := make(chan error, 1)
	go func() {
		got, err := m.call(ctx, s, byToken, http.MethodPut, "/smtp/tests/"+key, wireTest(body))
		if err == nil {
			err = fmt.Errorf("a request was answered before its test had ended: %d %s", got.status, got.raw)
		}
		gone <- err
	}()
	select {
	case <-reached:
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			m.t.Fatal(err)
		}
	case err := <-gone:
		m.t.Fatal(err)
	}
}

// finish lets the held test end, and retries its request, like a client that lost the response.
func (m *machine) finish(*rapid.T) {
	h := m.held
	if h == nil {
		return
	}
	m.held = nil
	h.release()
	h.status, h.ended = site.Passed, m.now()
	got := m.mustCall(h.site, byToken, http.MethodPut, "/smtp/tests/"+h.key, wireTest(h.body.(testBody)), "")
	if h.site.test(h.key) == nil {
		m.t.Fatal("a running test was forgotten")
	}
	m.sameTest(h.site, h.key, got)
}

// crash continues with the data file as a killed process leaves it. What the old server does from now on is lost.
func (m *machine) crash(*rapid.T) {
	content, err := os.ReadFile(m.config.DataFile)
	if err != nil {
		m.t.Fatal(err)
	}
	dead, cancel := context.WithCancel(context.Background())
	cancel()
	old := m.server
	if err := old.Close(dead); (err != nil) != (m.held != nil) {
		m.t.Fatalf("closing: got %v", err)
	}
	m.useFile(content)
	if h := m.held; h != nil {
		h.release()
		h.status = site.InDoubt
		m.held = nil
	}
}

// reopen shuts the server down gracefully and starts it again.
func (m *machine) reopen(*rapid.T) {
	m.finish(m.t)
	m.restart(func() {})
	m.touched = slices.Collect(maps.Values(m.sites))
}

// swap edits the data file while no server uses it.
func (m *machine) swap(*rapid.T) {
	m.finish(m.t)
	s := m.drawSite()
	other := m.sites["b"]
	if s == other {
		other = m.sites["a"]
	}
	how := rapid.SampledFrom([]string{"record", "tests", "enabled", "settings"}).Draw(m.t, "change")
	if how == "settings" && s.settings.IsZero() {
		return
	}
	m.touched = []*modelSite{s, other}
	m.restart(func() {
		m.edit(func(tx *store.Tx) error {
			to, err := tx.Site(m.ids[s.name])
			if err != nil {
				return err
			}
			from, err := tx.Site(m.ids[other.name])
			if err != nil {
				return err
			}
			return tamper(how, to, from)
		})
	})
	switch how {
	case "record":
		taken := *other
		taken.name, taken.tests = s.name, s.tests
		*s = taken
		s.write = "what the other site was asked for"
		s.inspect(m.now(), true)
	case "tests":
		for _, t := range other.tests {
			if s.test(t.key) == nil {
				s.tests = append(s.tests, t)
			}
		}
	case "enabled":
		s.enabled = true
		s.inspect(m.now(), false)
	case "settings":
		s.settings.FromName += "X"
		s.inspect(m.now(), true)
	}
}

func tamper(how string, to, from *store.Site) error {
	if how == "tests" {
		var taken []store.Test
		for t, err := range from.NewestTests() {
			if err != nil {
				return err
			}
			taken = append([]store.Test{t}, taken...)
		}
		for _, t := range taken {
			if _, err := to.Test(t.Key); err == nil {
				continue
			}
			if err := to.AddTest(t); err != nil {
				return err
			}
		}
		return nil
	}
	rec, err := to.Record()
	if how == "record" {
		rec, err = from.Record()
	}
	if err != nil {
		return err
	}
	switch how {
	case "enabled":
		rec.Enabled = true
	case "settings":
		rec.Settings.FromName += "X"
	}
	return to.PutRecord(rec)
}

// wait makes the clock jump, usually forward.
func (m *machine) wait(*rapid.T) {
	by := rapid.SampledFrom([]time.Duration{
		time.Millisecond, time.Minute, 20 * time.Minute, time.Hour, time.Hour + time.Millisecond, 25 * time.Hour, -time.Minute, -2 * time.Hour, -48 * time.Hour,
	}).Draw(m.t, "by")
	m.clock.Add(int64(by))
}

// check checks the invariants of the sites after each step.
func (m *machine) check(*rapid.T) {
	for _, s := range m.touched {
		got := m.mustCall(s, byToken, http.MethodGet, "/smtp", nil, "")
		if wrong := s.differs(got); wrong != "" {
			m.t.Fatalf("I6, I7, I10: site %s: %s", s.name, wrong)
		}
		if got.header.Get("ETag") != fmt.Sprintf(`"%d"`, s.revision) {
			m.t.Fatalf("I4: got ETag %s", got.header.Get("ETag"))
		}
	}
	m.touched = nil
	taken, connections := map[entered]bool{}, 0
	perRecipient := map[string]int{}
	for _, p := range m.places {
		for _, l := range p.logins() {
			if at := fmt.Sprint(p.Host, ":", p.Port); !m.typed[[3]string{at, l.User, l.Password.Reveal()}] {
				m.t.Fatalf("I5: %s received a password that was not entered for it", at)
			}
		}
		if p.script != nil {
			connections += p.script.Connections()
			continue
		}
		connections += p.server.Counters().Connections
		for _, message := range p.server.Messages() {
			perRecipient[message.To[0]]++
			taken[m.of[message.To[0]]] = true
		}
	}
	if connections != m.started {
		m.t.Fatalf("I3: got %d connections for %d tests", connections, m.started)
	}
	for to, n := range perRecipient {
		if n > 1 {
			m.t.Fatalf("I3: got %d messages to %s, want at most 1", n, to)
		}
	}
	for _, s := range m.sites {
		if s.enabled && !taken[s.entered] {
			m.t.Fatal("I1: mail is enabled, but no server accepted a message with the stored settings")
		}
		for _, t := range s.tests {
			if t.status == site.Passed && perRecipient[t.body.(testBody).to] != 1 {
				m.t.Fatal("I2: a test passed, but no server accepted its message")
			}
		}
	}
}

// checkSecrets searches all output for passwords and tokens.
func (m *machine) checkSecrets() {
	disk, err := os.ReadFile(m.config.DataFile)
	if err != nil {
		m.t.Fatal(err)
	}
	secrets := map[string]string{"right password": rightPassword, "wrong password": wrongPassword}
	for name, token := range m.tokens {
		secrets["token of "+name] = token
	}
	scanner := leaktest.New(secrets)
	for where, data := range map[string][]byte{"answers": []byte(m.answers.String()), "log": []byte(m.log.String()), "data file": disk} {
		for _, leak := range scanner.Find(data) {
			m.t.Errorf("I8: %s: %s", where, leak)
		}
	}
	m.answers.Reset()
	m.log.Reset()
}

// TestRandomSequences runs random sequences of edits, tests, crashes and clock changes at two sites, over HTTP and with real mail
// servers, and compares the sites with a model of the contract after every step.
func TestRandomSequences(t *testing.T) {
	runs, steps := soaktest.Count(2000), 50
	seed := soaktest.Seed(t)
	t.Logf("SOAK_SEED=%d: %d runs of about %d steps", seed, runs, steps)
	for name, value := range map[string]string{"rapid.checks": strconv.Itoa(runs), "rapid.steps": strconv.Itoa(steps), "rapid.seed": strconv.FormatUint(seed|1, 10)} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	shared := setUp(t)
	done, tests := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		m := shared.newMachine(t, shared.t.TempDir())
		t.Repeat(map[string]func(*rapid.T){
			"save": m.save, "save 2": m.save, "save 3": m.save, "clear": m.clear, "save in the page": m.savePage, "switch": m.turn, "switch 2": m.turn,
			"test": m.test, "test 2": m.test, "test 3": m.test, "test 4": m.test, "test 5": m.test, "read test": m.readTest, "hold test": m.holdTest, "finish": m.finish,
			"crash": m.crash, "reopen": m.reopen, "swap": m.swap, "wait": m.wait,
			"": func(t *rapid.T) { m.check(t); done++ },
		})
		tests += m.started
		m.checkSecrets()
	})
	t.Logf("%d steps, %d test messages", done, tests)
}
