package refsite_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/api"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// The passwords that are typed: the right one, a wrong one, and a mask.
const (
	rightPassword = "canary-right-4711"
	wrongPassword = "canary-wrong-0815"
	mask          = "••••••••"
)

// The editors of a site: Terraform with an API token, a person's program with a session, and a person at the admin page.
const (
	byToken   = "terraform"
	bySession = "admin"
	byPage    = "admin's window"
)

var editors = []string{byToken, bySession, byPage}

// place is a mail server: one without encryption, one with STARTTLS, and one that closes the connection once it has the message.
type place struct {
	site.Settings
	server *smtptest.Server
	script *smtptest.Script
}

// loseReply is a mail server that accepts everything but never confirms the message.
func loseReply(p *smtptest.Peer) {
	p.Say("220 ready")
	for {
		line, ok := p.Hear()
		switch {
		case !ok:
			return
		case strings.HasPrefix(line, "EHLO"):
			p.Say("250-ready", "250 AUTH PLAIN")
		case strings.HasPrefix(line, "AUTH"):
			p.Say("235 in")
		case line == "DATA":
			p.Say("354 go on")
			p.HearBody()
			return
		default:
			p.Say("250 so be it")
		}
	}
}

// logins are the credentials that the server received.
func (p place) logins() []smtptest.Login {
	if p.server != nil {
		return p.server.Logins()
	}
	var all []smtptest.Login
	for _, line := range p.script.Heard() {
		if encoded, ok := strings.CutPrefix(line, "AUTH PLAIN "); ok {
			response, _ := base64.StdEncoding.DecodeString(encoded)
			parts := strings.Split(string(response)+"\x00\x00", "\x00")
			all = append(all, smtptest.Login{User: parts[1], Password: secret.New(parts[2])})
		}
	}
	return all
}

// stage is shared by all runs of the machine.
type stage struct {
	*testbed
	clock    atomic.Int64
	template []byte
	ids      map[string]string
	tokens   map[string]string
	ca       *smtptest.CA
	http     *http.Client
	calls    atomic.Int64
	// reporter is the current run.
	reporter *rapid.T
}

// begin is the start time of a run, within the validity of the certificates.
var begin = time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Microsecond)

// setUp creates a data file with two sites and logged-in editors.
func setUp(t *testing.T) *stage {
	t.Helper()
	s := &stage{ids: map[string]string{}, tokens: map[string]string{}}
	var err error
	if s.ca, err = smtptest.NewCA(); err != nil {
		t.Fatal(err)
	}
	s.clock.Store(begin.UnixNano())
	s.testbed = start(t, func(c *refsite.Config) {
		c.RootCAs, c.TestBurst = s.ca.RootCAs(), 1000
		c.Now = func() time.Time { return time.Unix(0, s.clock.Load()) }
	})
	s.http = &http.Client{Transport: s, CheckRedirect: notFollowed}
	for _, name := range []string{"a", "b"} {
		c := s.site(name)
		s.ids[name], s.tokens[name+byToken], s.tokens[name+bySession] = c.id, c.token, "st_canary-session-of-"+name
		s.tokens[name+byPage] = s.tokens[name+bySession]
	}
	s.close()
	s.edit(func(tx *store.Tx) error {
		for name, id := range s.ids {
			stored, err := tx.Site(id)
			if err != nil {
				return err
			}
			sum := sha256.Sum256([]byte(s.tokens[name+bySession]))
			if err := stored.PutToken(sum[:], store.Token{Name: bySession, Session: true, ExpiresAt: begin.AddDate(10, 0, 0)}); err != nil {
				return err
			}
		}
		return nil
	})
	if s.template, err = os.ReadFile(s.config.DataFile); err != nil {
		t.Fatal(err)
	}
	return s
}

// Errorf calls that of the current run.
func (s *stage) Errorf(format string, args ...any) { s.reporter.Errorf(format, args...) }

// RoundTrip checks every twentieth response against openapi.yaml, because that takes longer than everything else, and records all
// responses.
func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.calls.Add(1)%20 == 0 {
		return checked{t: s, next: http.DefaultTransport, answers: s.answers, again: true}.RoundTrip(r)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(s.answers, resp.Header)
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(resp.Body, s.answers), resp.Body}
	return resp, nil
}

// machine drives two real sites and their models side by side.
type machine struct {
	*stage
	t      *rapid.T
	dir    string
	files  int
	places []place
	sites  map[string]*modelSite
	// views are the revisions that the editors last saw, by site and editor.
	views map[string]string
	// typed are the passwords that were entered for a server and username.
	typed map[[3]string]bool
	// started counts the tests that a mail server must have seen; of maps their recipients to what they tested.
	started int
	of      map[string]entered
	held    *heldTest
	keys    int
	// touched are the sites that the last step affected.
	touched []*modelSite
}

// heldTest is a test that is blocked in the middle of its SMTP session.
type heldTest struct {
	*trial
	site    *modelSite
	release func()
}

func (s *stage) newMachine(t *rapid.T, dir string) *machine {
	s.reporter = t
	m := &machine{
		stage: s, t: t, dir: dir, sites: map[string]*modelSite{}, views: map[string]string{}, typed: map[[3]string]bool{}, of: map[string]entered{},
	}
	for name := range s.ids {
		m.sites[name] = &modelSite{name: name}
		for _, editor := range editors {
			m.views[name+editor] = "0"
		}
	}
	for _, e := range []site.Encryption{site.NoEncryption, site.STARTTLS} {
		server, err := smtptest.New(smtptest.Config{
			Encryption: e, CA: s.ca, Leaf: smtptest.Leaf{NotAfter: begin.AddDate(5, 0, 0)},
			Users: map[string]secret.Text{mailer: secret.New(rightPassword)},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Close(); err != nil {
				t.Error(err)
			}
		})
		m.places = append(m.places, place{site.Settings{Host: server.Host(), Port: server.Port(), Encryption: e}, server, nil})
	}
	script, err := smtptest.NewScript(loseReply)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(script.Close)
	m.places = append(m.places, place{site.Settings{Host: script.Host(), Port: script.Port(), Encryption: site.NoEncryption}, nil, script})
	s.clock.Store(begin.UnixNano())
	m.useFile(s.template)
	t.Cleanup(m.stop)
	return m
}

// useFile opens a server on a new file with that content.
func (m *machine) useFile(content []byte) {
	m.files++
	m.config.DataFile = filepath.Join(m.dir, strconv.Itoa(m.files))
	if err := os.WriteFile(m.config.DataFile, content, 0o600); err != nil {
		m.t.Fatal(err)
	}
	m.open()
	m.touched = slices.Collect(maps.Values(m.sites))
}

func (m *machine) stop() {
	if m.held != nil {
		m.held.release()
	}
	m.close()
	if err := os.RemoveAll(m.dir); err != nil {
		m.t.Error(err)
	}
}

func (m *machine) now() time.Time { return time.Unix(0, m.clock.Load()).UTC() }

func (m *machine) drawSite() *modelSite {
	s := m.sites[rapid.SampledFrom([]string{"a", "a", "b"}).Draw(m.t, "site")]
	m.touched = append(m.touched, s)
	return s
}

func (m *machine) drawSettings() site.Settings {
	s := m.places[rapid.SampledFrom([]int{0, 0, 0, 0, 0, 1, 2}).Draw(m.t, "place")].Settings
	s.Username = rapid.SampledFrom([]string{mailer, mailer, mailer, mailer, ""}).Draw(m.t, "username")
	s.FromAddress, s.FromName = mailer, rapid.SampledFrom([]string{"", "A"}).Draw(m.t, "from name")
	return s
}

// drawEntered draws what an editor enters, often what the site already has.
func (m *machine) drawEntered(s *modelSite) entered {
	e := entered{settings: s.settings}
	if e.settings.IsZero() || rapid.IntRange(0, 2).Draw(m.t, "new settings") == 0 {
		e.settings = m.drawSettings()
	}
	e.password = rapid.SampledFrom([]string{rightPassword, rightPassword, rightPassword, "", "", wrongPassword, mask}).Draw(m.t, "password")
	if e.settings.Username == "" && rapid.IntRange(0, 9).Draw(m.t, "needless password") > 0 {
		e.password = ""
	}
	return e
}

// enter records what a password was entered for.
func (m *machine) enter(e entered) {
	m.typed[[3]string{fmt.Sprint(e.settings.Host, ":", e.settings.Port), e.settings.Username, e.password}] = true
}

// call sends a request as an editor.
func (m *machine) call(ctx context.Context, s *modelSite, editor, method, path string, body any, headers ...string) (answer, error) {
	c := client{http: m.http, url: m.url + "/" + s.name + apiPath, token: m.tokens[s.name+editor]}
	return c.try(ctx, method, path, body, headers...)
}

// mustCall sends a request and checks the code of the response; "" means success.
func (m *machine) mustCall(s *modelSite, editor, method, path string, body any, code problem.Code, headers ...string) answer {
	got, err := m.call(context.Background(), s, editor, method, path, body, headers...)
	if err != nil {
		m.t.Fatal(err)
	}
	if have, _ := got.object["code"].(string); problem.Code(have) != code || code != "" && got.status != api.Status(code) {
		m.t.Fatalf("%s %s %v of %s: got %d %s, want %q", method, path, body, s.name, got.status, got.raw, code)
	}
	return got
}

// mustSubmit sends a form of the admin page and checks the outcome.
func (m *machine) mustSubmit(s *modelSite, step string, form url.Values, code problem.Code) {
	r, err := http.NewRequest(http.MethodPost, m.url+"/"+s.name+"/admin/"+step, strings.NewReader(form.Encode()))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: "session-" + s.name, Value: m.tokens[s.name+byPage]})
	resp, err := m.http.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	text, err := readAndClose(resp.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	want := http.StatusSeeOther
	if code != "" {
		want = api.Status(code)
	}
	if resp.StatusCode != want {
		m.t.Fatalf("form %s %v of %s: got %d, want %d (%s): %s", step, form, s.name, resp.StatusCode, want, code, text)
	}
}

// hold blocks the next session with the server at a stage. reached is closed once it is blocked.
func (m *machine) hold(server *smtptest.Server, at site.Stage) (reached <-chan struct{}, release func()) {
	arrived, goOn := make(chan struct{}), make(chan struct{})
	var held atomic.Bool
	server.SetFaults(smtptest.Faults{Before: func(ctx context.Context, stage site.Stage) {
		if stage != at || !held.CompareAndSwap(false, true) {
			return
		}
		close(arrived)
		select {
		case <-goOn:
		case <-ctx.Done():
		}
	}})
	return arrived, sync.OnceFunc(func() {
		server.SetFaults(smtptest.Faults{})
		close(goOn)
	})
}

// outcome returns the expected result of a test of this candidate.
func (m *machine) outcome(of entered, fault string) site.Status {
	p := m.placeOf(of.settings)
	switch {
	case p.script != nil:
		return site.InDoubt
	case of.settings.Username == "" || of.password != rightPassword || fault != "":
		return site.Failed
	default:
		return site.Passed
	}
}

func (m *machine) placeOf(s site.Settings) place {
	for _, p := range m.places {
		if p.Port == s.Port {
			return p
		}
	}
	m.t.Fatalf("no server listens on port %d", s.Port)
	return place{}
}

// drawFault makes the server misbehave or not.
func (m *machine) drawFault(s site.Settings) (name string) {
	p := m.placeOf(s)
	if p.server == nil {
		return ""
	}
	refused := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "no"}
	name = rapid.SampledFrom([]string{"", "", "", "auth", "mail", "data"}).Draw(m.t, "fault")
	p.server.SetFaults(map[string]smtptest.Faults{
		"": {}, "auth": {AuthErr: refused}, "mail": {MailErr: refused}, "data": {DataErr: refused},
	}[name])
	return name
}

func (m *machine) newKey() (key, recipient string) {
	m.keys++
	return uuid.NewString(), fmt.Sprintf("t%d@example.com", m.keys)
}
