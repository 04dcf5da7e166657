package provider_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/sitemail/terraform-provider-smtp/internal/provider"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/seal"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/tfcli"
)

const (
	mailbox   = "mailer@example.com"
	password  = "correct horse battery staple"
	recipient = "ops@example.test"
	settings  = "smtp_settings.test"
)

// cli is the Terraform or OpenTofu that the acceptance tests drive.
var cli tfcli.CLI

// TestMain finds cli.
func TestMain(m *testing.M) {
	// Otherwise every test would fail with a less helpful error.
	if missing := provider.SettingsWithoutField(); len(missing) > 0 {
		fmt.Fprintln(os.Stderr, "settings.go: settingValues lacks fields with these tags:", missing)
		os.Exit(1)
	}
	var err error
	cli, err = tfcli.Find(context.Background(), os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for name, value := range cli.TestEnv() {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	fmt.Fprintln(os.Stderr, "acceptance tests with", cli)
	os.Exit(m.Run())
}

var factories = map[string]func() (tfprotov6.ProviderServer, error){
	"smtp": func() (tfprotov6.ProviderServer, error) { return provider.NewServer(nil, "test")(), nil },
}

// testbed is a mail server and a reference site with some sites, all real and on loopback.
type testbed struct {
	t      *testing.T
	smtp   *smtptest.Server
	server *refsite.Server
	http   *httptest.Server
	tokens map[string]string
	// users can log in to the mail server.
	users map[string]secret.Text
	// others are sites of other platforms, by platform.
	others map[string]*platformSite

	// tamper, if set, changes the site's responses.
	tamper atomic.Pointer[func(http.Handler) http.Handler]

	mu    sync.Mutex
	calls []string
}

// newTestbed starts a testbed with the named sites. The mailbox can log in.
func newTestbed(t *testing.T, c smtptest.Config, sites ...string) *testbed {
	t.Helper()
	c.Users = map[string]secret.Text{mailbox: secret.New(password)}
	return startTestbed(t, c, sites...)
}

func startTestbed(t *testing.T, c smtptest.Config, sites ...string) *testbed {
	t.Helper()
	tb := &testbed{t: t, smtp: smtptest.Start(t, c), tokens: map[string]string{}, users: c.Users}
	server, err := refsite.New(refsite.Config{
		DataFile:      filepath.Join(t.TempDir(), "sites.db"),
		Keys:          seal.Generate(),
		AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		RootCAs:       tb.smtp.RootCAs(),
		Logger:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	tb.server = server
	tb.http = httptest.NewServer(tb.recorded(server.Handler()))
	t.Cleanup(func() {
		tb.http.Close()
		if err := server.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, name := range sites {
		credentials, err := server.AddSite(name)
		if err != nil {
			t.Fatal(err)
		}
		tb.tokens[name] = credentials.Token.Reveal()
	}
	return tb
}

// recorded records each request as "PUT client-a /smtp".
func (tb *testbed) recorded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name, call := callOf(r)
		method, path, _ := strings.Cut(call, " ")
		tb.mu.Lock()
		tb.calls = append(tb.calls, method+" "+name+" "+path)
		tb.mu.Unlock()
		handler := next
		if tamper := tb.tamper.Load(); tamper != nil {
			handler = (*tamper)(next)
		}
		handler.ServeHTTP(rw, r)
	})
}

// callOf returns the site and the request, such as "PUT /smtp/tests", without the key of a test.
func callOf(r *http.Request) (name, call string) {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/admin/api/v1")
	if test := "/smtp/tests/"; strings.HasPrefix(path, test) {
		path = strings.TrimSuffix(test, "/")
	}
	return name, r.Method + " " + path
}

// called returns all requests since it, or wrote, was last called.
func (tb *testbed) called() []string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	calls := tb.calls
	tb.calls = nil
	return calls
}

// wrote returns the requests other than reads since it was last called, in order.
func (tb *testbed) wrote() []string {
	return slices.DeleteFunc(tb.called(), func(call string) bool { return strings.HasPrefix(call, "GET ") })
}

// provider configures the provider for the only site, or for all of them.
func (tb *testbed) provider() string {
	if len(tb.tokens) == 1 {
		for name, token := range tb.tokens {
			return fmt.Sprintf("provider \"smtp\" {\n  url = %q\n  token = %q\n  test_recipient = %q\n}\n", tb.http.URL+"/"+name, token, recipient)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "provider \"smtp\" {\n  test_recipient = %q\n  sites = {\n", recipient)
	for name, token := range tb.tokens {
		fmt.Fprintf(&b, "    %q = { url = %q, token = %q }\n", name, tb.http.URL+"/"+name, token)
	}
	b.WriteString("  }\n}\n")
	return b.String()
}

// arguments are the arguments of a resource as HCL expressions. A later map overrides an earlier one, and "" omits an argument.
type arguments map[string]string

// resource configures smtp_settings.test for the mail server and the mailbox.
func (tb *testbed) resource(overrides ...arguments) string {
	all := arguments{
		"host":                hcl(tb.smtp.Host()),
		"port":                fmt.Sprint(tb.smtp.Port()),
		"encryption":          hcl("starttls"),
		"username":            hcl(mailbox),
		"password_wo":         hcl(password),
		"password_wo_version": "1",
	}
	for _, o := range overrides {
		maps.Copy(all, o)
	}
	var b strings.Builder
	b.WriteString("resource \"smtp_settings\" \"test\" {\n")
	for name, value := range all {
		if value != "" {
			fmt.Fprintf(&b, "  %s = %s\n", name, value)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// config returns the configuration of the provider and the resource.
func (tb *testbed) config(overrides ...arguments) string {
	return tb.provider() + tb.resource(overrides...)
}

func hcl(s string) string { return fmt.Sprintf("%q", s) }

// site returns a site, for reading and editing it directly.
func (tb *testbed) site(name string) *core.Site {
	tb.t.Helper()
	s, err := tb.server.Site(name)
	if err != nil {
		tb.t.Fatal(err)
	}
	return s
}

func (tb *testbed) state(name string) site.State {
	tb.t.Helper()
	state, err := tb.site(name).Read()
	if err != nil {
		tb.t.Fatal(err)
	}
	return state
}

// edit changes and saves a site, like a person at its admin page.
func (tb *testbed) edit(name string, change func(*site.SaveRequest)) {
	tb.t.Helper()
	now := tb.state(name)
	save := site.SaveRequest{Settings: now.Settings, Enabled: now.Enabled, Revision: now.Revision}
	change(&save)
	if _, err := tb.site(name).Commit("somebody", core.Write{SaveRequest: save}); err != nil {
		tb.t.Fatal(err)
	}
}

// expect checks a site's settings, the write requests since the last check, and the total number of messages that the mail server has
// accepted. It is a state check, so that it runs right after an apply.
type expect struct {
	tb       *testbed
	site     string
	enabled  bool
	host     string
	messages int
	wrote    []string
}

func (e expect) check() error {
	state := e.tb.state(e.site)
	if state.Enabled != e.enabled || state.Settings.Host != e.host {
		return fmt.Errorf("%s: enabled %t, host %q; want %t, %q", e.site, state.Enabled, state.Settings.Host, e.enabled, e.host)
	}
	if got := len(e.tb.smtp.Messages()); got != e.messages {
		return fmt.Errorf("got %d messages, want %d", got, e.messages)
	}
	if got := e.tb.wrote(); !slices.Equal(got, e.wrote) {
		return fmt.Errorf("got writes %q, want %q", got, e.wrote)
	}
	return nil
}

func (e expect) CheckState(_ context.Context, _ statecheck.CheckStateRequest, resp *statecheck.CheckStateResponse) {
	resp.Error = e.check()
}

// now checks between two steps what a failed step left behind.
func (e expect) now() {
	e.tb.t.Helper()
	if err := e.check(); err != nil {
		e.tb.t.Fatal(err)
	}
}

// newTestbedWithoutLogin is newTestbed with a relay without login and without TLS.
func newTestbedWithoutLogin(t *testing.T, sites ...string) *testbed {
	t.Helper()
	return startTestbed(t, smtptest.Config{Encryption: site.NoEncryption}, sites...)
}

// pass makes a site pass a test of the candidate.
func (tb *testbed) pass(name string, c site.Candidate) {
	tb.t.Helper()
	result, err := tb.site(name).PutTest(tb.t.Context(), uuid.NewString(), site.TestRequest{Candidate: &c, Recipient: recipient})
	if err != nil || result.Status != site.Passed {
		tb.t.Fatalf("test of %s: got %+v, %v", name, result, err)
	}
}

func number(n int) string { return strconv.Itoa(n) }

func path(attribute string) tfjsonpath.Path { return tfjsonpath.New(attribute) }

// enabledOnce checks that the only site is enabled after one message, whatever the requests were.
type enabledOnce struct{ tb *testbed }

func (e enabledOnce) CheckState(_ context.Context, _ statecheck.CheckStateRequest, resp *statecheck.CheckStateResponse) {
	if state := e.tb.state("only"); !state.Enabled || len(e.tb.smtp.Messages()) != 1 {
		resp.Error = fmt.Errorf("got enabled %t and %d messages", state.Enabled, len(e.tb.smtp.Messages()))
	}
}

// refuse makes the mail server refuse a recipient.
func refuse(recipient string) map[string]*smtp.SMTPError {
	return map[string]*smtp.SMTPError{recipient: {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such mailbox here"}}
}
