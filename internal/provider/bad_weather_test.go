package provider_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// rewrite changes the site's responses.
func (tb *testbed) rewrite(edit func(request *http.Request, answer string) string) {
	tamper := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			var body bytes.Buffer
			if r.Body != nil {
				_, _ = body.ReadFrom(r.Body)
			}
			r.Body = io.NopCloser(bytes.NewReader(body.Bytes()))
			recorder := httptest.NewRecorder()
			next.ServeHTTP(recorder, r)
			r.Body = io.NopCloser(&body)
			answer := edit(r, recorder.Body.String())
			for name, values := range recorder.Header() {
				if name != "Content-Length" {
					rw.Header()[name] = values
				}
			}
			rw.WriteHeader(recorder.Code)
			_, _ = io.WriteString(rw, answer)
		})
	}
	tb.tamper.Store(&tamper)
}

// TestAccPasswordSetOtherwise: whatever a site reports about its password, Terraform neither reports a bug in the provider nor taints.
func TestAccPasswordSetOtherwise(t *testing.T) {
	t.Parallel()
	t.Run("PasswordKeptWithoutUsername", func(t *testing.T) {
		tb := newTestbedWithoutLogin(t, "only")
		tb.rewrite(func(_ *http.Request, answer string) string {
			return strings.ReplaceAll(answer, `"password_set":false`, `"password_set":true`)
		})
		ws := newWorkspace(t, tb.config(arguments{"encryption": hcl("none"), "username": "", "password_wo": "", "password_wo_version": "", "from_address": hcl(mailbox)}))
		ws.must("apply", "-auto-approve")
		ws.must("plan", "-detailed-exitcode")
	})
	t.Run("LostPassword", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{}, "only")
		tb.rewrite(func(_ *http.Request, answer string) string {
			return strings.ReplaceAll(answer, `"password_set":true`, `"password_set":false`)
		})
		ws := newWorkspace(t, tb.config())
		out, ok := ws.run("apply", "-auto-approve", "-no-color")
		if ok || !strings.Contains(unwrapped(out), "did not store it as sent") || strings.Contains(out, "bug in the provider") {
			t.Errorf("succeeded: %t\n%s", ok, out)
		}
		if all, tainted := ws.addresses(); len(tainted) > 0 {
			t.Errorf("of the resources in the state, %q are tainted: %q", tainted, all)
		}
	})
}

// TestAccPlanOfUnusableSite: an error that is not transient fails the plan and says what to do.
func TestAccPlanOfUnusableSite(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	page := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		if strings.HasPrefix(r.URL.Path, "/missing") {
			rw.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(rw, "<!DOCTYPE html><title>Hello</title>")
	}))
	t.Cleanup(page.Close)
	provider := func(arguments string) string {
		return "provider \"smtp\" {\n  test_recipient = \"" + recipient + "\"\n" + arguments + "\n}\n"
	}
	only := fmt.Sprintf("  url = %q\n", tb.http.URL+"/only")
	for name, c := range map[string]struct{ config, says string }{
		"WithoutToken": {provider(only), `SMTP_SITE_TOKEN`},
		"WrongToken":   {provider(only + `  token = "wrong"`), `Check token \(or SMTP_SITE_TOKEN\)`},
		"MisspelledMember": {
			provider(fmt.Sprintf("  sites = { a = { url = %q, tokn = %q } }", tb.http.URL+"/only", tb.tokens["only"])),
			`ignores\s+unknown\s+arguments`,
		},
		"WithoutPlugin": {provider(fmt.Sprintf("  url = %q\n  platform = \"wordpress\"\n  username = \"u\"\n  password = \"p\"", page.URL+"/missing")), `plugin`},
		"NoJSON":        {provider(fmt.Sprintf("  url = %q\n  token = \"t\"", page.URL)), `site admin\s+API`},
	} {
		t.Run(name, func(t *testing.T) {
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps:                    []resource.TestStep{{Config: c.config + tb.resource(), PlanOnly: true, ExpectError: regexp.MustCompile(c.says)}},
			})
		})
	}
}

// TestAccWithoutPlugin: if the plugin is missing, the error says so and links to the guide.
func TestAccWithoutPlugin(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	bare := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(rw, `{"code":"rest_no_route","message":"No route was found matching the URL and request method.","data":{"status":404}}`)
	}))
	t.Cleanup(bare.Close)
	ws := newWorkspace(t, fmt.Sprintf("provider \"smtp\" {\n  url = %q\n  platform = \"wordpress\"\n  token = \"t\"\n  test_recipient = %q\n}\n", bare.URL, recipient)+tb.resource())
	out, ok := ws.run("plan", "-no-color")
	guide, err := os.ReadFile("../../docs/guides/platform-wordpress.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"Site SMTP", "wp-content/mu-plugins", "activate", "single file"} {
		if !strings.Contains(unwrapped(out), word) || !strings.Contains(unwrapped(string(guide)), word) {
			t.Errorf("%q is missing from the guide or the error:\n%s", word, out)
		}
	}
	if ok || !strings.Contains(out, "/docs/guides/platform-wordpress\n") {
		t.Errorf("succeeded: %t\n%s", ok, out)
	}
}

// holdWrites delays tests and saves until the client gives up. reached receives the first of them.
func (tb *testbed) holdWrites() (reached <-chan struct{}) {
	first, done := make(chan struct{}), make(chan struct{})
	tb.t.Cleanup(func() { close(done) })
	arrive := sync.OnceFunc(func() { close(first) })
	hold := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPut {
				next.ServeHTTP(rw, r)
				return
			}
			arrive()
			select {
			case <-r.Context().Done():
			case <-done:
			}
		})
	}
	tb.tamper.Store(&hold)
	return first
}

// TestAccTestCutShort: if a test times out, the error says what was kept and which timeout was too short.
func TestAccTestCutShort(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	tb.holdWrites()
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config:      strings.TrimSuffix(tb.config(), "}\n") + "  timeouts {\n    create = \"1s\"\n  }\n}\n",
			ExpectError: regexp.MustCompile(`(?s)Test took too long.*did not\s+finish before.*Nothing\s+was saved.*may\s+still\s+arrive.*Raise create`),
		}},
	})
	expect{tb: tb, site: "only", wrote: []string{"PUT only /smtp/tests"}}.now()
}

// TestAccTestInterrupted: the user presses Ctrl-C while the site is testing.
func TestAccTestInterrupted(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	reached := tb.holdWrites()
	ws := newWorkspace(t, tb.config())
	tb.wrote()
	var out bytes.Buffer
	apply := ws.Command(t.Context(), "apply", "-auto-approve", "-no-color")
	apply.Stdout, apply.Stderr = &out, &out
	if err := apply.Start(); err != nil {
		t.Fatal(err)
	}
	<-reached
	if err := apply.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := apply.Wait()
	said := unwrapped(out.String())
	for _, want := range []string{"Run was interrupted", "the test was cut short", "Nothing was saved, and the site's mail is unchanged", "may still arrive"} {
		if err == nil || !strings.Contains(said, want) {
			t.Errorf("got %v, want an error with %q:\n%s", err, want, out.String())
		}
	}
	expect{tb: tb, site: "only", wrote: []string{"PUT only /smtp/tests"}}.now()
	tb.tamper.Store(nil)
	ws.must("apply", "-auto-approve")
	expect{tb: tb, site: "only", enabled: true, host: tb.smtp.Host(), messages: 1, wrote: testAndSave}.now()
}

// TestAccSiteTooOld: the plan refuses a setting that the site does not support, and names the version that does.
func TestAccSiteTooOld(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	tb.rewrite(func(_ *http.Request, answer string) string { return strings.Replace(answer, `"reply_to":"",`, "", 1) })
	refused := `(?s)reply_to.*version\s+1\.1\s+of\s+the\s+site\s+admin\s+contract`
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: tb.config(arguments{"reply_to": hcl("replies@example.com")}), PlanOnly: true, ExpectError: regexp.MustCompile(refused)},
			{Config: tb.config()},
			{Config: tb.config(arguments{"reply_to": hcl("replies@example.com")}), PlanOnly: true, ExpectError: regexp.MustCompile(refused)},
		},
	})
	if got := len(tb.smtp.Messages()); got != 1 {
		t.Errorf("got %d messages, want 1", got)
	}
}

// TestAccSomethingInFront: if something in front of the site answers, the error says so and does not blame the token.
func TestAccSomethingInFront(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	ws := newWorkspace(t, "")
	provider := func(onUnreachable string) string {
		return fmt.Sprintf("provider \"smtp\" {\n  url = %q\n  token = %q\n  test_recipient = %q\n  max_retries = 0\n  on_unreachable = %q\n}\n", tb.http.URL+"/only", tb.tokens["only"], recipient, onUnreachable)
	}
	ws.configure(provider("error") + tb.resource())
	ws.must("apply", "-auto-approve")
	for name, c := range map[string]struct {
		status        int
		header        map[string]string
		body          string
		summary, says string
	}{
		"CloudflareChallenge": {
			status: 403, header: map[string]string{"Cf-Mitigated": "challenge", "Server": "cloudflare"}, body: "<html><title>Just a moment...</title></html>",
			summary: "Something in front of the site answered", says: `a Cloudflare challenge (title "Just a moment...", server "cloudflare")`,
		},
		"StagingLogin": {
			status: 401, header: map[string]string{"Www-Authenticate": `Basic realm="Staging"`}, body: "<html><title>401 Authorization Required</title></html>",
			summary: "Something in front of the site answered", says: "the login of a staging site",
		},
		"SecurityPlugin": {
			status: 403, body: "<html><title>Forbidden</title><p>Generated by Wordfence</p></html>",
			summary: "Something in front of the site answered", says: "the security plugin Wordfence",
		},
		"Maintenance": {
			status: 503, body: "<html><title>Maintenance</title><p>Briefly unavailable for scheduled maintenance.</p></html>",
			summary: "Site cannot be reached", says: "a maintenance page",
		},
		"CloudflareWithoutOrigin": {
			status: 521, header: map[string]string{"Server": "cloudflare"}, body: "<html><title>Web server is down</title></html>",
			summary: "Site cannot be reached", says: "521",
		},
	} {
		t.Run(name, func(t *testing.T) {
			front := func(http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
					rw.Header().Set("Content-Type", "text/html")
					for key, value := range c.header {
						rw.Header().Set(key, value)
					}
					rw.WriteHeader(c.status)
					_, _ = io.WriteString(rw, c.body)
				})
			}
			tb.tamper.Store(&front)
			defer tb.tamper.Store(nil)
			mistake{
				config: provider("error") + tb.resource(),
				says:   []string{"Error: " + c.summary, c.says, `on_unreachable = "warn"`}, never: []string{"does not accept the credentials", "Check token"},
			}.in(t, ws)
			mistake{
				config: provider("warn") + tb.resource(), works: true,
				says: []string{"keeps its last known state", c.says, "No changes"},
			}.in(t, ws)
		})
	}
}

// TestAccUselessTimes: timeouts that are too short to do anything are refused before they reach the state.
func TestAccUselessTimes(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	var steps []resource.TestStep
	for _, useless := range []string{"0s", "-5m", "10ns", "soon"} {
		for _, name := range []string{"create", "read", "update", "delete"} {
			steps = append(steps, resource.TestStep{
				Config:      strings.TrimSuffix(tb.config(), "}\n") + fmt.Sprintf("  timeouts {\n    %s = %q\n  }\n}\n", name, useless),
				PlanOnly:    true,
				ExpectError: regexp.MustCompile(`(?i)duration`),
			})
		}
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps})
}

// TestAccPasswordVersions: a version is any text, so that people can hash a secret.
func TestAccPasswordVersions(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: tb.config(arguments{"password_wo_version": `""`}), PlanOnly: true, ExpectError: regexp.MustCompile(`password_wo_version`)},
			{Config: tb.config(arguments{"password_wo_version": ""}), PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)Version is missing.*password_wo_version\s+too`)},
			{Config: tb.config(arguments{"password_wo": ""}), PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)Password is missing.*password_wo_version is set, but\s+password_wo\s+is\s+not`)},
			{Config: tb.config(arguments{"password_wo_version": "1"})},
			{Config: tb.config(arguments{"password_wo_version": hcl("1")}), ConfigPlanChecks: preApply(plancheck.ExpectEmptyPlan())},
			{Config: tb.config(arguments{"password_wo_version": "1.5"}), ConfigPlanChecks: preApply(plancheck.ExpectResourceAction(settings, plancheck.ResourceActionUpdate))},
			{Config: tb.config(arguments{"password_wo_version": `sha256("` + password + `")`}), ConfigPlanChecks: preApply(plancheck.ExpectResourceAction(settings, plancheck.ResourceActionUpdate))},
		},
	})
}

// TestAccOffStaysUnverified: if mail is off and stays off, the plan shows verification as known.
func TestAccOffStaysUnverified(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	off := arguments{"enabled": "false"}
	unverified := preApply(plancheck.ExpectKnownValue(settings, path("verification"), knownvalue.Null()))
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: tb.config(off), ConfigPlanChecks: unverified},
			{Config: tb.config(off, arguments{"from_name": hcl("Client")}), ConfigPlanChecks: unverified},
			{Config: tb.config(arguments{"from_name": hcl("Client")}), ConfigPlanChecks: preApply(plancheck.ExpectUnknownValue(settings, path("verification")))},
		},
	})
}

// TestAccOneTypoOfManySites: a wrong password of a shared relay is tried only a few times, not once per site.
func TestAccOneTypoOfManySites(t *testing.T) {
	t.Parallel()
	names := make([]string, 12)
	for i := range names {
		names[i] = fmt.Sprintf("client-%02d", i)
	}
	tb := newTestbed(t, smtptest.Config{}, names...)
	every := "variable \"clients\" {\n  type    = set(string)\n  default = [\"" + strings.Join(names, `", "`) + "\"]\n}\n"
	config := func(password string) string {
		return every + tb.provider() + tb.resource(arguments{"for_each": "var.clients", "site": "each.key", "password_wo": hcl(password)})
	}
	ws := newWorkspace(t, config("wrong"))
	out, ok := ws.run("apply", "-auto-approve", "-no-color")
	if ok || tb.smtp.Counters().Logins > 3 {
		t.Errorf("got %d logins, succeeded: %t", tb.smtp.Counters().Logins, ok)
	}
	if got := strings.Count(out, "Mail server refused this login before"); got != len(names)-3 {
		t.Errorf("got %d of %d sites that were not tried, want all but 3:\n%s", got, len(names), out)
	}
	ws.configure(config(password))
	ws.must("apply", "-auto-approve")
	for _, name := range names {
		if !tb.state(name).Enabled {
			t.Errorf("mail of %s is off", name)
		}
	}
}

// TestAccPasswordDriftSaysWhy: a plan that sets the password again says why.
func TestAccPasswordDriftSaysWhy(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	ws := newWorkspace(t, tb.config())
	ws.must("apply", "-auto-approve")
	tb.edit("only", func(s *site.SaveRequest) { s.Password = secret.New(password) })
	if out := ws.must("plan"); !strings.Contains(out, "Password was changed at the site") || !strings.Contains(out, "1 to change") {
		t.Errorf("got %s", out)
	}
	ws.must("apply", "-auto-approve")
	if out := ws.must("plan", "-detailed-exitcode"); strings.Contains(out, "Password was changed") {
		t.Errorf("got %s", out)
	}
}

// TestAccOAuth2DriftSaysWhy is the same for the secret of a login with a token.
func TestAccOAuth2DriftSaysWhy(t *testing.T) {
	t.Parallel()
	tb := newTokenTestbed(t)
	ws := newWorkspace(t, tb.config(tb.login(clientSecret, 1)))
	ws.must("apply", "-auto-approve")
	tb.edit("only", func(s *site.SaveRequest) { s.Password = secret.New(clientSecret) })
	if out := ws.must("plan"); !strings.Contains(out, "Secret was changed at the site") || !strings.Contains(unwrapped(out), "saves the configured secret again") {
		t.Errorf("got %s", out)
	}
}
