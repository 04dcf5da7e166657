package provider_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/platform"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/dnstest"
)

// storm describes the faults that apply to an example with resources, in addition to those of all examples.
type storm struct {
	// withoutLogin: no login can be refused.
	withoutLogin bool
	// tolerant: the example has on_unreachable = "warn".
	tolerant bool
	// missing are the arguments that make a password missing, names what the error must name.
	missing, names string
}

// storms are the examples that manage sites. The others have separate tests, or no faults: functions and presets need no network, and
// the provider's example does nothing.
var storms = map[string]storm{
	"agency":                                {tolerant: true, missing: "mail_passwords={}", names: "client-b logs in with a mailbox of its own"},
	"ephemeral-resources/smtp_ses_password": {missing: "secret_access_key=", names: "secret_access_key"},
	"generic-host":                          {missing: "mail_password=", names: "password_wo"},
	"listmonk":                              {missing: "mail_password=", names: "password_wo"},
	"many-sites":                            {missing: "app_passwords={}", names: "client-a"},
	"modules/client-sites":                  {missing: "passwords={}", names: "client-a logs in with a mailbox of its own"},
	"password-rotation":                     {missing: "app_password=", names: "password_wo"},
	"pocketbase":                            {missing: "app_password=", names: "password_wo"},
	"relay-without-login":                   {withoutLogin: true},
	"resources/smtp_settings":               {missing: "app_password=", names: "password_wo"},
	"wordpress":                             {missing: "app_password=", names: "password_wo"},
}

// TestAccExamplesInBadWeather: when something fails in an example, the error says what to do, and the next apply continues.
func TestAccExamplesInBadWeather(t *testing.T) {
	t.Parallel()
	for folder, s := range storms {
		t.Run(folder, func(t *testing.T) {
			w := startWeather(t, folder, s)
			if !s.withoutLogin {
				w.missingPassword(s)
				w.taken()
				w.refusedLogin()
			}
			w.must("apply", "-auto-approve")
			w.drifted()
			w.down(s.tolerant)
			w.wrongToken()
			w.must("destroy", "-auto-approve")
		})
	}
}

// weather is an example with sites that can be made to fail.
type weather struct {
	*testbed
	workspace
	example example
	// answers is the status with which all sites respond instead; 0 for normal responses.
	answers atomic.Int32
}

func startWeather(t *testing.T, folder string, s storm) *weather {
	t.Helper()
	w := &weather{testbed: newExampleTestbed(t, s.withoutLogin), example: examples[folder]}
	storm := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if status := int(w.answers.Load()); status != 0 {
				http.Error(rw, "bad weather", status)
				return
			}
			next.ServeHTTP(rw, r)
		})
	}
	w.tamper.Store(&storm)
	w.startPlatforms(w.example.platforms)
	for name, other := range w.others {
		if name == platform.WordPress { // leads to the reference sites
			continue
		}
		target, err := url.Parse(other.URL)
		if err != nil {
			t.Fatal(err)
		}
		front := httptest.NewServer(storm(httputil.NewSingleHostReverseProxy(target)))
		t.Cleanup(front.Close)
		other.URL = front.URL
	}
	w.workspace = w.testbed.example(folder)
	// Do not wait for a site that is down on purpose.
	if err := os.WriteFile(filepath.Join(w.Dir, "weather_override.tf"), []byte("provider \"smtp\" {\n  max_retries = 0\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// ours matches errors that no example may cause: that Terraform cannot evaluate it, or reports a bug.
var ours = regexp.MustCompile(`null value|Unsupported attribute|Invalid function argument|Error in function call|bug in the provider`)

// fails runs a command that must fail and print everything in says.
func (w *weather) fails(args []string, says ...string) {
	w.workspace.t.Helper()
	out, ok := w.run(append(args, "-no-color")...)
	said := unwrapped(out)
	for _, want := range says {
		if !strings.Contains(said, want) {
			w.workspace.t.Errorf("%q does not say %q:\n%s", args, want, out)
		}
	}
	if ok || ours.MatchString(said) {
		w.workspace.t.Errorf("%q succeeded: %t\n%s", args, ok, out)
	}
}

// missingPassword plans without a password that the example needs.
func (w *weather) missingPassword(s storm) {
	w.workspace.t.Helper()
	w.fails([]string{"plan", "-var", s.missing}, s.names)
}

// taken applies while the only site sends mail with different settings.
func (w *weather) taken() {
	t := w.workspace.t
	t.Helper()
	if !slices.Equal(w.example.enables, []string{"only"}) {
		return
	}
	w.enableAs("only", "sites@agency.example")
	w.fails([]string{"apply", "-auto-approve"}, "Site already sends mail with other settings", "import {", "overwrite_existing = true")
	if state := w.state("only"); !state.Enabled || state.Settings.Username != "sites@agency.example" {
		t.Errorf("the site holds %+v", state)
	}
	if _, err := w.site("only").Clear("somebody", "", w.state("only").Revision); err != nil {
		t.Fatal(err)
	}
}

// refusedLogin applies while every mail server refuses every login.
func (w *weather) refusedLogin() {
	t := w.workspace.t
	t.Helper()
	right := map[string]secret.Text{}
	for name, password := range w.users {
		right[name] = password
		w.smtp.SetUser(name, secret.New("changed at the mail service"))
	}
	w.fails([]string{"apply", "-auto-approve"}, "Server said 535", "Fix this first")
	for _, name := range w.example.enables {
		if state := w.state(name); state.Enabled || !state.Settings.IsZero() {
			t.Errorf("%s holds %+v after a refused login", name, state)
		}
	}
	for name, password := range right {
		w.smtp.SetUser(name, password)
	}
}

// drifted plans after each site was changed and switched off by hand, and reverts that by an apply.
func (w *weather) drifted() {
	t := w.workspace.t
	t.Helper()
	for _, name := range w.example.enables {
		w.edit(name, func(s *site.SaveRequest) {
			s.Settings.FromName, s.Enabled = "Somebody", false
			if s.Settings.Username != "" {
				s.Password = secret.New("somebody's")
			}
		})
	}
	out, ok := w.run("plan", "-no-color", "-detailed-exitcode")
	if changes := !ok && strings.Contains(out, "to change"); changes != (len(w.example.enables) > 0) || ours.MatchString(out) {
		t.Errorf("a drifted site: planned a change: %t\n%s", changes, out)
	}
	w.must("apply", "-auto-approve")
	for _, name := range w.example.enables {
		if state := w.state(name); !state.Enabled || state.Settings.FromName == "Somebody" {
			t.Errorf("%s holds %+v after the apply", name, state)
		}
	}
}

// down plans while no site answers.
func (w *weather) down(tolerant bool) {
	t := w.workspace.t
	t.Helper()
	w.answers.Store(http.StatusBadGateway)
	defer w.answers.Store(0)
	if !tolerant {
		w.fails([]string{"plan"}, "Site cannot be reached", `on_unreachable = "warn"`, "gone for good")
		return
	}
	if out := w.must("plan"); ours.MatchString(out) || !strings.Contains(out, "keeps its last known state") {
		t.Errorf("sites that do not answer:\n%s", out)
	}
}

// wrongToken plans while every site refuses the credentials.
func (w *weather) wrongToken() {
	w.workspace.t.Helper()
	w.answers.Store(http.StatusUnauthorized)
	defer w.answers.Store(0)
	w.fails([]string{"plan"}, "Site does not accept the credentials", "Check token")
}

// TestAccExamplesThatReadInBadWeather tests the examples that manage no site.
func TestAccExamplesThatReadInBadWeather(t *testing.T) {
	t.Parallel()
	t.Run("SettingsOfAnUnreachableSite", func(t *testing.T) {
		ws := emptyWorkspace(t)
		ws.init(copyExample(t, "data-sources/smtp_settings", ws.Dir) + "provider \"smtp\" {\n  url = \"http://127.1.2.3:9\"\n  token = \"t\"\n  max_retries = 0\n  on_unreachable = \"warn\"\n}\n")
		if out := ws.must("plan"); !strings.Contains(out, `mail = "not known"`) || strings.Contains(out, "The site sends no mail") {
			t.Errorf("got %s", out)
		}
	})
	t.Run("SettingsOfASiteWithoutMail", func(t *testing.T) {
		w := startWeather(t, "data-sources/smtp_settings", storm{})
		if out := w.must("plan"); !strings.Contains(out, `mail = "mail is off"`) || !strings.Contains(out, "The site sends no mail") {
			t.Errorf("got %s", out)
		}
		w.answers.Store(http.StatusBadGateway)
		w.fails([]string{"plan"}, "Site cannot be reached", `on_unreachable = "warn"`)
		w.wrongToken()
	})
	t.Run("ServerThatIsDown", func(t *testing.T) {
		w := startWeather(t, "data-sources/smtp_connection", storm{})
		down := func(name string) {
			t.Helper()
			override := fmt.Sprintf("data \"smtp_connection\" %q {\n  port = %d\n}\n", name, closedPort(t))
			if err := os.WriteFile(filepath.Join(w.Dir, "weather_override.tf"), []byte(override), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		down("mail")
		if out := w.must("plan"); !strings.Contains(out, "Check block assertion failed") || !strings.Contains(out, "No mail server listens on this port") || ours.MatchString(out) {
			t.Errorf("the check does not say that the server is down:\n%s", out)
		}
		down("ses")
		w.fails([]string{"plan"}, "postcondition failed", "No mail server listens on this port")
	})
	t.Run("DomainWithFaults", func(t *testing.T) {
		w := startWeather(t, "data-sources/smtp_sender_domain", storm{})
		server := dnstest.Start(t, senderZone(nil))
		override := fmt.Sprintf("data \"smtp_sender_domain\" \"client\" {\n  nameserver = %q\n  timeout = \"300ms\"\n}\n", server.Address())
		if err := os.WriteFile(filepath.Join(w.Dir, "weather_override.tf"), []byte(override), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := w.must("apply", "-auto-approve"); strings.Contains(out, "Check block assertion failed") || !strings.Contains(out, "fm1.client.example.dkim.fmhosted.com") {
			t.Errorf("a correct domain:\n%s", out)
		}
		for _, weather := range []struct {
			change func()
			says   string
		}{
			{func() { server.SetZone(dnstest.Zone{"client.example": {"TXT v=spf1 -all"}}) }, "neither SPF nor DKIM of the domain covers Fastmail, and no DMARC policy applies."},
			{func() { server.SetZone(dnstest.Zone{}) }, "the domain does not exist, or has no records."},
			{func() { server.Break("client.example", dnstest.ServFail) }, "the name server failed (SERVFAIL)."},
			{func() { server.Break("client.example", dnstest.Silent) }, "no answer in time."},
		} {
			weather.change()
			out := w.must("apply", "-auto-approve")
			if strings.Count(out, "Check block assertion failed") != 1 || !says(weather.says).MatchString(out) || !strings.Contains(out, "fm1.client.example.dkim.fmhosted.com") {
				t.Errorf("the output lacks %q or the expected records:\n%s", weather.says, out)
			}
		}
	})
	t.Run("ReportOfAnUnreachableSite", func(t *testing.T) {
		w := startWeather(t, "agency", storm{})
		w.must("apply", "-auto-approve")
		w.answers.Store(http.StatusBadGateway)
		if out := w.must("apply", "-refresh-only", "-auto-approve", "-var", "report=true"); !strings.Contains(out, "client-a: does not answer") {
			t.Errorf("got %s", out)
		}
		table, err := csv.NewReader(strings.NewReader(w.must("output", "-raw", "report_csv"))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range table[1:] {
			if enabled, finding := row[3], row[6]; enabled != "" || finding != "does not answer" {
				t.Errorf("a site that does not answer is reported as %q", row)
			}
		}
		var report map[string]struct{ Enabled *bool }
		if err := json.Unmarshal([]byte(w.must("output", "-json", "report")), &report); err != nil || len(report) != len(table)-1 || report["client-a"].Enabled != nil {
			t.Errorf("got a report of %d sites, %v: %+v", len(report), err, report)
		}
	})
	t.Run("TestOfARefusedLogin", func(t *testing.T) {
		since(t, "1.14")
		w := startWeather(t, "actions/smtp_send_test", storm{})
		w.fails([]string{"apply", "-auto-approve", "-invoke=action.smtp_send_test.check"}, "Site has no mail settings", "no message was sent")
		w.enableAs("only", "hello@client.example")
		w.smtp.SetUser("hello@client.example", secret.New("expired"))
		w.fails([]string{"apply", "-auto-approve", "-invoke=action.smtp_send_test.check"}, "Server said 535", "Fix this first")
		w.fails([]string{"apply", "-auto-approve"}, "Server said 535")
		if !w.state("only").Enabled {
			t.Error("a test of the saved settings switched mail off")
		}
	})
	t.Run("ListOfAnUnreachableSite", func(t *testing.T) {
		since(t, "1.14")
		w := startWeather(t, "list-resources/smtp_settings", storm{})
		w.answers.Store(http.StatusBadGateway)
		if out := w.must("query"); !strings.Contains(out, "Site cannot be listed") {
			t.Errorf("got %s", out)
		}
	})
}
