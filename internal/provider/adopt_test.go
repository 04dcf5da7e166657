package provider_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

type members = map[string]any

// otherMailer simulates another mail plugin of a WordPress: it is a proxy in front of a reference site, reports that it sends the site's
// mail while the site has no settings, and alone knows its password.
type otherMailer struct {
	by, transport, password, obstacle string
	mu                                sync.Mutex // guards settings once the site is running
	settings                          *site.Settings
	// adopted counts the requests that used its password, sent those that contained a password.
	adopted, sent atomic.Int32
}

// through makes another plugin send the sites' mail, with the testbed's mail server and mailbox.
func (tb *testbed) through(edit func(*otherMailer)) *otherMailer {
	m := &otherMailer{by: "WP Mail SMTP 4.8.0", transport: "smtp", password: password, settings: &site.Settings{
		Host: tb.smtp.Host(), Port: tb.smtp.Port(), Encryption: site.STARTTLS, Username: mailbox, FromAddress: mailbox, FromName: "Tom & Jerry",
	}}
	if edit != nil {
		edit(m)
	}
	front := m.front
	tb.tamper.Store(&front)
	return m
}

func (m *otherMailer) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var request members
		if json.Unmarshal(body, &request) == nil && request["password"] != nil {
			m.sent.Add(1)
		}
		if request["adopt"] == true {
			if !m.lends(request) {
				rw.Header().Set("Content-Type", "application/problem+json")
				rw.WriteHeader(http.StatusConflict)
				_, _ = io.WriteString(rw, `{"type":"about:blank","title":"Conflict","status":409,"code":"not_in_force","field":"host","detail":"WP Mail SMTP 4.8.0 sends with another host."}`)
				return
			}
			body, _ = json.Marshal(request)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		recorder := httptest.NewRecorder()
		next.ServeHTTP(recorder, r)
		maps.Copy(rw.Header(), recorder.Header())
		rw.Header().Del("Content-Length")
		rw.WriteHeader(recorder.Code)
		_, _ = rw.Write(m.told(recorder.Body.Bytes()))
	})
}

// change changes how it sends.
func (m *otherMailer) change(edit func(*site.Settings)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edit(m.settings)
}

// lends adds the password to a request for the settings that it belongs to.
func (m *otherMailer) lends(request members) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	asked, _ := request["settings"].(members)
	m.adopted.Add(1)
	delete(request, "adopt")
	if m.settings.Username != "" {
		request["password"] = m.password
	}
	return asked["host"] == m.settings.Host && asked["port"] == float64(m.settings.Port) && asked["username"] == m.settings.Username
}

// told adds in_force to the site's responses.
func (m *otherMailer) told(answer []byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	var document members
	if json.Unmarshal(answer, &document) != nil || document["password_set"] == nil {
		return answer
	}
	document["in_force"] = nil
	if held, _ := document["settings"].(members); held["host"] == "" {
		inForce := members{"by": m.by, "transport": m.transport, "settings": m.settings, "password_readable": m.password != "", "obstacle": nil}
		if m.obstacle != "" {
			inForce["obstacle"] = m.obstacle
		}
		document["in_force"] = inForce
	}
	changed, _ := json.Marshal(document)
	return changed
}

const adopting = "resource \"smtp_settings\" \"test\" {\n  adopt = true\n  on_destroy = \"clear\"\n}\n"

func TestAccAdopt(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	m := tb.through(nil)
	ws := newWorkspace(t, tb.provider()+adopting)
	plan := ws.must("plan")
	for _, line := range []string{
		`+ adopt = true`, `+ adopted_from = "WP Mail SMTP 4.8.0"`, fmt.Sprintf(`+ host = %q`, tb.smtp.Host()), fmt.Sprintf(`+ username = %q`, mailbox),
		`+ from_name = "Tom & Jerry"`, `+ verification = (known after apply)`,
	} {
		if !strings.Contains(unwrapped(plan), line) {
			t.Errorf("the plan lacks %s:\n%s", line, plan)
		}
	}
	ws.must("apply", "-auto-approve")
	expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}.now()
	if m.adopted.Load() != 2 || m.sent.Load() != 0 || tb.smtp.Messages()[0].User != mailbox || !tb.state("only").PasswordSet {
		t.Errorf("got %d requests that adopt and %d with a password, want 2 and 0; the site holds %+v", m.adopted.Load(), m.sent.Load(), tb.state("only"))
	}
	if out := ws.must("plan"); !strings.Contains(out, "No changes") {
		t.Errorf("the plan after the adoption is not empty:\n%s", out)
	}
	state := ws.must("show")
	if !strings.Contains(unwrapped(state), `adopted_from = "WP Mail SMTP 4.8.0"`) || strings.Contains(ws.stateFile(), password) {
		t.Errorf("the state lacks adopted_from or holds the password:\n%s", state)
	}
	t.Run("WithAPasswordLater", func(t *testing.T) {
		ws.configure(tb.provider() + strings.Replace(adopting, "adopt = true", "adopt = true\n  from_name = \"Client A\"\n  password_wo = \""+password+"\"\n  password_wo_version = \"1\"", 1))
		ws.must("apply", "-auto-approve")
		expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 2, wrote: testAndSave}.now()
		if m.adopted.Load() != 2 {
			t.Error("setting a password later adopted again")
		}
	})
	t.Run("BackToAdopt", func(*testing.T) {
		ws.must("destroy", "-auto-approve")
		expect{tb: tb, site: "only", messages: 2, wrote: []string{"DELETE only /smtp"}}.now()
	})
}

// stateFile returns the stored state.
func (w workspace) stateFile() string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.Dir, "terraform.tfstate"))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// TestAccAdoptRefuses: if the site cannot be adopted, the plan fails at the argument at fault.
func TestAccAdoptRefuses(t *testing.T) {
	t.Parallel()
	const with = "  adopt = true\n"
	for name, tt := range map[string]struct {
		edit      func(*otherMailer)
		arguments string
		untold    bool
		at, why   string
	}{
		"ASiteThatDoesNotTell": {untold: true, arguments: with, at: "adopt", why: "nothing to take over"},
		"AnAPI": {edit: func(m *otherMailer) {
			m.transport, m.settings, m.obstacle = "api", nil, "It sends through the HTTP API of a mail service (sendgrid)."
		}, arguments: with, at: "adopt", why: "(sendgrid)"},
		"AQueue":             {edit: func(m *otherMailer) { m.obstacle = "It queues mail." }, arguments: with, at: "adopt", why: "It queues mail."},
		"AnotherHost":        {arguments: with + "  host = \"smtp.example.com\"\n", at: "host", why: "another host"},
		"APresetOfAnother":   {arguments: with + "  preset = \"gmail\"\n", at: "host", why: "another host, port"},
		"OtherUsername":      {arguments: with + "  username = \"other@example.com\"\n", at: "username", why: "another username"},
		"ASiteThatTellsLies": {edit: func(m *otherMailer) { m.settings.FromName = "a\u202eb" }, arguments: with, at: "adopt", why: "from_name"},
		"NoAddress":          {edit: func(m *otherMailer) { m.settings.Host = "smtp .example" }, arguments: with, at: "adopt", why: "host"},
		"WithoutAdopt":       {arguments: "", at: "host", why: "adopt = true"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tb := newTestbed(t, smtptest.Config{}, "only")
			if !tt.untold {
				tb.through(tt.edit)
			}
			ws := newWorkspace(t, tb.provider()+"resource \"smtp_settings\" \"test\" {\n"+tt.arguments+"}\n")
			out, ok := ws.run("plan", "-json")
			errors := reported(t, out, "error")
			if ok || len(errors) == 0 || !strings.Contains(errors[0].Detail, tt.why) || tt.at != "" && !strings.Contains(out, tt.at) {
				t.Fatalf("got %+v\n%s", errors, out)
			}
			if tt.arguments != "" && (len(errors) != 1 || errors[0].Summary != "Site cannot be adopted") {
				t.Errorf("got %+v", errors)
			}
			expect{tb: tb, site: "only"}.now()
		})
	}
}

// TestAccAdoptWithAPassword: if the site cannot read the password, everything else is adopted.
func TestAccAdoptWithAPassword(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	m := tb.through(func(m *otherMailer) { m.password, m.obstacle = "", "Its password cannot be read." })
	ws := newWorkspace(t, tb.provider()+strings.Replace(adopting, "adopt = true", "adopt = true\n  password_wo = \""+password+"\"\n  password_wo_version = \"1\"", 1))
	ws.must("apply", "-auto-approve")
	expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}.now()
	if m.adopted.Load() != 0 {
		t.Error("a request adopted the settings")
	}
}

// TestAccAdoptAfterAChange: what is in force is tested only if it is still what the plan showed. The error for a saved plan is Terraform's own:
// when a create is planned again in the apply, the provider sees neither the values of the first plan nor that this is an apply.
func TestAccAdoptAfterAChange(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	m := tb.through(nil)
	ws := newWorkspace(t, tb.provider()+adopting)
	ws.must("plan", "-out=saved")
	m.change(func(s *site.Settings) { s.Host = "localhost" })
	if out, ok := ws.run("apply", "-no-color", "saved"); ok || !strings.Contains(unwrapped(out), "Provider produced inconsistent final plan") {
		t.Errorf("got %t:\n%s", ok, out)
	}
	expect{tb: tb, site: "only"}.now()
	ws.must("apply", "-auto-approve")
	expect{tb: tb, site: "only", enabled: true, host: "localhost", messages: 1, wrote: testAndSave}.now()
	t.Run("ChangedBeforeTheApply", func(t *testing.T) {
		ws.must("destroy", "-auto-approve")
		tb.wrote()
		front := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					m.change(func(s *site.Settings) { s.Port = 1 })
				}
				m.front(next).ServeHTTP(rw, r)
			})
		}
		tb.tamper.Store(&front)
		out, ok := ws.run("apply", "-auto-approve", "-json")
		if errors := reported(t, out, "error"); ok || len(errors) != 1 || errors[0].Summary != "Site cannot be adopted" {
			t.Errorf("got %+v", errors)
		}
		expect{tb: tb, site: "only", messages: 1, wrote: []string{"PUT only /smtp/tests"}}.now()
	})
}

// TestAccAdoptLate: the site answers only in the apply.
func TestAccAdoptLate(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	m := tb.through(nil)
	var asked atomic.Int32
	front := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if asked.Add(1) <= 2 { // the reads of the plan and of the plan at the start of the apply
				rw.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			m.front(next).ServeHTTP(rw, r)
		})
	}
	tb.tamper.Store(&front)
	ws := newWorkspace(t, strings.Replace(tb.provider(), "{\n", "{\n  max_retries = 0\n", 1)+adopting)
	if out := ws.must("plan", "-out=saved"); !strings.Contains(out, "Site cannot be read yet") || !strings.Contains(unwrapped(out), "adopted_from = (known after apply)") {
		t.Error(out)
	}
	ws.must("apply", "saved")
	expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}.now()
}

// TestAccAdoptImported: an import proposes to adopt, and does not turn mail off.
func TestAccAdoptImported(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	tb.through(nil)
	ws := newWorkspace(t, tb.provider()+"import {\n  to = smtp_settings.test\n  id = \"default\"\n}\n")
	out := ws.must("plan", "-generate-config-out=generated.tf")
	if !strings.Contains(out, "1 to import, 0 to add, 1 to change") || !strings.Contains(out, `+ adopted_from `) || !strings.Contains(out, `+ enabled`) {
		t.Error(out)
	}
	generated, err := os.ReadFile(filepath.Join(ws.Dir, "generated.tf"))
	if config := unwrapped(string(generated)); err != nil || !strings.Contains(config, "adopt = true") || !strings.Contains(config, "enabled = null") {
		t.Errorf("got %s, %v", generated, err)
	}
	ws.must("apply", "-auto-approve")
	expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}.now()
	if out := ws.must("plan"); !strings.Contains(out, "No changes") {
		t.Error(out)
	}
	t.Run("ReadoptsAClearedSite", func(t *testing.T) {
		if _, err := tb.site("only").Clear("somebody", "", tb.state("only").Revision); err != nil {
			t.Fatal(err)
		}
		ws.must("apply", "-auto-approve")
		expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 2, wrote: testAndSave}.now()
	})
}

// TestAccAdoptIsOffered: without adopt, the plan warns that it replaces another plugin.
func TestAccAdoptIsOffered(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit func(*otherMailer)
		want string
	}{
		"Adoptable":    {want: "adopt = true"},
		"NotAdoptable": {edit: func(m *otherMailer) { m.transport, m.settings, m.obstacle = "api", nil, "It has an API." }, want: "It has an API."},
		"PHP": {edit: func(m *otherMailer) {
			m.by, m.transport, m.settings, m.obstacle = "WordPress 7.1", "local", nil, "It has no login."
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTestbed(t, smtptest.Config{}, "only")
			tb.through(tt.edit)
			out, ok := newWorkspace(t, tb.config()).run("plan", "-json")
			warnings := reported(t, out, "warning")
			if !ok || len(warnings) > 0 != (tt.want != "") {
				t.Fatalf("got %+v\n%s", warnings, out)
			}
			if tt.want != "" && (warnings[0].Summary != "Another plugin sends the site's mail" || !strings.Contains(warnings[0].Detail, tt.want)) {
				t.Errorf("got %+v", warnings)
			}
		})
	}
}

func TestAdoptListed(t *testing.T) {
	tb := newTestbed(t, smtptest.Config{}, "client-a", "client-b")
	tb.through(nil)
	tb.enable("client-b")
	p := startProtocol(t, tb)
	for adoptable, want := range map[bool][]string{
		true:  {"client-a: sends through WP Mail SMTP 4.8.0 (" + tb.smtp.Host() + " as " + mailbox + "), can be adopted"},
		false: {"client-b: sends as " + mailbox + " through " + tb.smtp.Host()},
	} {
		if got, _ := p.list(members{"adoptable": adoptable}, 0); !slices.Equal(got, want) {
			t.Errorf("adoptable = %t: got %q", adoptable, got)
		}
	}
	tb.through(func(m *otherMailer) { m.transport, m.settings, m.obstacle = "api", nil, "It has an API." })
	if got, _ := p.list(members{"adoptable": false}, 1); !slices.Equal(got, []string{"client-a: sends through WP Mail SMTP 4.8.0 (api)"}) {
		t.Errorf("got %q", got)
	}
}

func TestAccAdoptInDataSource(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	tb.through(func(m *otherMailer) { m.obstacle = "It queues mail." })
	ws := newWorkspace(t, tb.provider()+"data \"smtp_settings\" \"test\" {}\noutput \"in_force\" { value = data.smtp_settings.test.in_force }\n")
	ws.must("apply", "-auto-approve")
	var got, want members
	if err := json.Unmarshal([]byte(ws.must("output", "-json", "in_force")), &got); err != nil {
		t.Fatal(err)
	}
	want = members{
		"by": "WP Mail SMTP 4.8.0", "transport": "smtp", "host": tb.smtp.Host(), "port": float64(tb.smtp.Port()), "encryption": "starttls", "username": mailbox,
		"from_address": mailbox, "from_name": "Tom & Jerry", "reply_to": nil, "password_readable": true, "obstacle": "It queues mail.",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// TestAccAdoptQuery follows the guide to taking over sites: query, generate, plan, apply.
func TestAccAdoptQuery(t *testing.T) {
	t.Parallel()
	since(t, "1.14")
	tb := newTestbed(t, smtptest.Config{}, "only")
	tb.through(nil)
	ws := newWorkspace(t, tb.provider())
	query := "list \"smtp_settings\" \"adoptable\" {\n  provider         = smtp\n  include_resource = true\n  config {\n    adoptable = true\n  }\n}\n"
	if err := os.WriteFile(filepath.Join(ws.Dir, "adopt.tfquery.hcl"), []byte(query), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := ws.must("query"); !strings.Contains(out, "sends through WP Mail SMTP 4.8.0") || !strings.Contains(out, "can be adopted") {
		t.Error(out)
	}
	ws.must("query", "-generate-config-out=adopted.tf")
	if out := ws.must("apply", "-auto-approve"); !strings.Contains(out, "1 imported, 0 added, 1 changed, 0 destroyed") {
		t.Error(out)
	}
	expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}.now()
	if out := ws.must("plan"); !strings.Contains(out, "No changes") {
		t.Error(out)
	}
}
