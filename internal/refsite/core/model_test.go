package core

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

var begin = time.Unix(1_800_000_000, 0).UTC()

// entered is what somebody typed in at once. It is comparable, which a candidate is not.
type entered struct {
	settings site.Settings
	password string
}

// model is what a site ought to hold, told in fewer words than the real one.
type model struct {
	entered
	enabled  bool
	revision int
	writeID  string
	write    any
	// verified is when what is held passed; zero for never.
	verified time.Time
	// passes are when what passed, tests what was asked under which key, typed all that was ever typed in.
	passes map[entered]time.Time
	tests  map[string]site.Status
	typed  map[entered]bool
	sends  int
}

// machine drives a real site and the model side by side.
type machine struct {
	t     *rapid.T
	file  string
	keys  seal.Keys
	now   time.Time
	next  site.Status
	core  *Core
	site  *Site
	store *store.Store
	model model
}

func (m *machine) open() {
	var err error
	if m.store, err = store.Open(m.file); err != nil {
		m.t.Fatal(err)
	}
	m.core, err = New(Config{
		Store: m.store, Keys: m.keys, Send: m.send, TestWait: time.Minute, PassAge: time.Hour, TestEvery: time.Second, TestBurst: 1000,
		Now: func() time.Time { return m.now }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		m.t.Fatal(err)
	}
	if m.site, err = m.core.Site("a"); err != nil {
		if m.site, err = m.core.AddSite("a", func(*store.Site) error { return nil }); err != nil {
			m.t.Fatal(err)
		}
	}
}

func (m *machine) close() {
	if err := m.core.Close(context.Background()); err != nil {
		m.t.Fatal(err)
	}
	if err := m.store.Close(); err != nil {
		m.t.Fatal(err)
	}
}

// send is a mail server that gives the verdict which the machine has drawn.
func (m *machine) send(_ context.Context, c site.Candidate, recipient string) site.TestResult {
	m.model.sends++
	e := entered{c.Settings, c.Password.Reveal()}
	if !m.model.typed[e] {
		m.t.Errorf("a password went where it was not entered for: %v", c.Settings)
	}
	if m.next == site.Passed {
		m.model.passes[e] = m.now
	}
	return site.TestResult{Status: m.next, Stage: site.StageData, Recipient: recipient, TestedAt: m.now}
}

func drawSettings(t *rapid.T) site.Settings {
	return site.Settings{
		Host: "smtp.example.com", Port: rapid.IntRange(1, 2).Draw(t, "port"), Encryption: site.TLS,
		Username: rapid.SampledFrom([]string{"", "u", "u"}).Draw(t, "username"), FromAddress: "a@example.com",
	}
}

func drawPassword(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "password")
}

func (m *machine) test(t *rapid.T) {
	m.next = rapid.SampledFrom([]site.Status{site.Passed, site.Passed, site.Failed, site.InDoubt}).Draw(t, "verdict")
	e := entered{drawSettings(t), drawPassword(t)}
	if (e.settings.Username == "") != (e.password == "") {
		return
	}
	m.model.typed[e] = true
	m.putTest(uuid.NewString(), site.Test{Recipient: "r@example.com", Candidate: &site.Candidate{Settings: e.settings, Password: secret.New(e.password)}})
}

func (m *machine) testSaved(*rapid.T) {
	m.next = site.Passed
	switch test := (site.Test{Recipient: "r@example.com"}); {
	case m.model.settings.IsZero():
		_, err := m.site.PutTest(context.Background(), uuid.NewString(), test)
		m.want(err, problem.NotConfigured)
	default:
		m.putTest(uuid.NewString(), test)
	}
}

func (m *machine) putTest(key string, test site.Test) {
	before := m.model.sends
	for range 2 {
		got, err := m.site.PutTest(context.Background(), key, test)
		m.want(err, "")
		if got.Running || got.Status != m.next || m.model.sends != before+1 {
			m.t.Fatalf("%+v after %d messages", got, m.model.sends-before)
		}
	}
	m.model.tests[key] = m.next
}

func (m *machine) commit(t *rapid.T) {
	w := Write{ID: uuid.NewString()}
	if m.model.writeID != "" && rapid.IntRange(0, 4).Draw(t, "repeat") == 0 {
		w.ID = m.model.writeID
	}
	w.Settings = drawSettings(t)
	if rapid.Bool().Draw(t, "unchanged") && !m.model.settings.IsZero() {
		w.Settings = m.model.settings
	}
	password := drawPassword(t)
	if w.Settings.Username == "" {
		password = ""
	}
	w.Password, w.Enabled = secret.New(password), rapid.Bool().Draw(t, "enabled")
	w.Revision = fmt.Sprint(m.model.revision - max(0, rapid.IntRange(-4, 1).Draw(t, "stale")))
	want := m.expect(w, password)
	_, err := m.site.Commit("me", w)
	m.want(err, want)
}

// expect says with what code the write must fail, and otherwise makes it in the model.
func (m *machine) expect(w Write, password string) problem.Code {
	now := &m.model
	content := [3]any{w.Settings, password, w.Enabled}
	if w.ID == now.writeID {
		if now.write == content {
			return ""
		}
		return problem.KeyReused
	}
	next := entered{w.Settings, password}
	switch {
	case w.Revision != fmt.Sprint(now.revision):
		return problem.Stale
	case w.Settings.Username == "" || password != "":
		now.typed[next] = true
	case w.Settings != now.settings:
		return problem.PasswordRequired
	default:
		next.password = now.password
	}
	verified := now.passes[next]
	if next == now.entered && verified.Before(now.verified) {
		verified = now.verified
	}
	stays := now.enabled && next == now.entered
	if w.Enabled && !stays && (verified.IsZero() || m.now.Sub(verified) > time.Hour) {
		return problem.VerificationRequired
	}
	now.entered, now.enabled, now.verified, now.writeID, now.write = next, w.Enabled, verified, w.ID, content
	now.revision++
	return ""
}

func (m *machine) clear(t *rapid.T) {
	stale := rapid.Bool().Draw(t, "stale")
	if stale {
		_, err := m.site.Clear("me", fmt.Sprint(m.model.revision+1))
		m.want(err, problem.Stale)
		return
	}
	_, err := m.site.Clear("me", fmt.Sprint(m.model.revision))
	m.want(err, "")
	m.model.entered, m.model.enabled, m.model.verified, m.model.writeID, m.model.write = entered{}, false, time.Time{}, "", nil
	m.model.revision++
}

// pass lets time pass, but less than a day in all: when exactly a pass is forgotten is not part of the model.
func (m *machine) pass(t *rapid.T) {
	later := m.now.Add(time.Duration(rapid.IntRange(1, 80).Draw(t, "minutes")) * time.Minute)
	if later.Sub(begin) < keepTests {
		m.now = later
	}
}

func (m *machine) restart(*rapid.T) {
	m.close()
	m.open()
}

// check compares the site with the model after each step.
func (m *machine) check(*rapid.T) {
	got, err := m.site.Read()
	m.want(err, "")
	var verified time.Time
	if got.Verification != nil {
		verified = got.Verification.TestedAt
	}
	now := m.model
	if got.Settings != now.settings || got.Enabled != now.enabled || got.Revision != fmt.Sprint(now.revision) || got.LastWriteID != now.writeID ||
		got.PasswordSet != (now.password != "") || !verified.Equal(now.verified) {
		m.t.Fatalf("the site holds %+v, the model %+v", got, now)
	}
	if got.Enabled && m.model.passes[now.entered].IsZero() {
		m.t.Fatal("enabled, and it never passed")
	}
	for key, status := range now.tests {
		if test, err := m.site.ReadTest(key); err == nil && test.Status != status {
			m.t.Fatalf("test %s: %s, not %s", key, test.Status, status)
		}
	}
	if now.sends != len(now.tests) {
		m.t.Fatalf("%d messages for %d tests", now.sends, len(now.tests))
	}
}

func (m *machine) want(err error, code problem.Code) {
	m.t.Helper()
	got := problem.Code("")
	if err != nil {
		got = problem.Of(err).Code
	}
	if got != code {
		m.t.Fatalf("got %v, want %q", err, code)
	}
}

func TestModel(t *testing.T) {
	dir, runs := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		file := filepath.Join(dir, fmt.Sprint(runs))
		defer func() { _ = os.Remove(file) }()
		m := &machine{t: t, file: file, keys: seal.Generate(), now: begin, model: model{
			passes: map[entered]time.Time{}, tests: map[string]site.Status{}, typed: map[entered]bool{},
		}}
		m.open()
		defer m.close()
		t.Repeat(map[string]func(*rapid.T){
			"test": m.test, "test2": m.test, "test saved": m.testSaved, "commit": m.commit, "commit2": m.commit, "commit3": m.commit,
			"clear": m.clear, "pass": m.pass, "restart": m.restart, "": m.check,
		})
	})
}
