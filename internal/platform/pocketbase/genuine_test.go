package pocketbase_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/pocketbase"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/pocketbase/pocketbasetest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const mailer = "mailer@example.test"

// genuine is a new PocketBase, with a mail server that it trusts and that accepts mailer.
type genuine struct {
	site.Site
	*testing.T
	server *pocketbasetest.Server
	mail   *smtptest.Server
}

func startGenuine(t *testing.T, c smtptest.Config) *genuine {
	t.Helper()
	if c.Users == nil {
		c.Users = map[string]secret.Text{mailer: password}
	}
	mail := smtptest.Start(t, c)
	server := pocketbasetest.Start(t, pocketbasetest.Config{CAPEM: mail.CAPEM()})
	opened := openGenuine(t, server, adminapi.Account{Username: server.Username, Password: server.Password})
	return &genuine{opened, t, server, mail}
}

func openGenuine(t *testing.T, server *pocketbasetest.Server, account adminapi.Account) site.Site {
	t.Helper()
	limits := adminapi.DefaultLimits()
	limits.RequestsPerSecond = 1e6
	pool := adminapi.NewPool(adminapi.PoolOptions{})
	t.Cleanup(pool.Close)
	opened, err := pocketbase.Open(pool, adminapi.Config{URL: server.URL, Limits: limits}, account)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// good are settings that pass.
func (g *genuine) good() site.Settings {
	return site.Settings{
		Host: g.mail.Host(), Port: g.mail.Port(), Encryption: site.STARTTLS, Username: mailer,
		FromAddress: "hello@example.test", FromName: "Client A", HELOName: "client-a.example.test",
	}
}

func (g *genuine) read() site.State {
	g.Helper()
	state, err := g.Read(g.Context())
	if err != nil {
		g.Fatal(err)
	}
	return state
}

// apply makes a change of what the site holds now.
func (g *genuine) apply(c site.Candidate, edit func(*site.Change)) (site.State, error) {
	g.Helper()
	change := site.Change{Prior: g.read(), Candidate: c, SetPassword: true, Enabled: true, Recipient: recipient}
	edit(&change)
	return site.Procedure{Diagnose: diagnosis.Of}.Apply(g.Context(), g.Site, change)
}

func (g *genuine) mustApply(c site.Candidate) site.State {
	g.Helper()
	state, err := g.apply(c, func(*site.Change) {})
	if err != nil {
		g.Fatal(err)
	}
	return state
}

func TestGenuineApply(t *testing.T) {
	g := startGenuine(t, smtptest.Config{})
	if got := g.read(); got != (site.State{SiteID: got.SiteID}) || !strings.HasPrefix(got.SiteID, "installed 20") {
		t.Fatalf("a new PocketBase reads as %+v", got)
	}
	good := site.Candidate{Settings: g.good(), Password: password}
	got := g.mustApply(good)
	if !got.Enabled || got.Settings != good.Settings || got.Verification == nil || got.Verification.Recipient != recipient {
		t.Errorf("got %+v", got)
	}
	messages := g.mail.Messages()
	if len(messages) != 1 {
		t.Fatalf("%d messages, want 1", len(messages))
	}
	m := messages[0]
	if m.From != "hello@example.test" || m.To[0] != recipient || !m.TLS || m.User != mailer || m.HELOName != "client-a.example.test" {
		t.Errorf("got %+v", m)
	}
	if !bytes.Contains(m.Data, []byte("Client A")) {
		t.Errorf("the sender has no name:\n%s", m.Data)
	}
}

func TestGenuineFailedTestSwitchesMailOff(t *testing.T) {
	g := startGenuine(t, smtptest.Config{})
	_, err := g.apply(site.Candidate{Settings: g.good(), Password: secret.New("not the password")}, func(*site.Change) {})
	failed, ok := errors.AsType[*site.TestError](err)
	if !ok || failed.Result.Stage != site.StageAuth || failed.Result.Reply == nil || failed.Result.Reply.Code != 535 {
		t.Errorf("got %v", err)
	}
	if partial, ok := errors.AsType[*site.PartialError](err); !ok || partial.Left != site.LeftOff || partial.Undo != nil {
		t.Errorf("got %+v", partial)
	}
	if got := g.read(); got.Enabled || g.mail.Counters().Messages != 0 {
		t.Errorf("got %+v and %d messages", got, g.mail.Counters().Messages)
	}
}

func TestGenuineFailedTestRestoresWorkingSettings(t *testing.T) {
	for name, prior := range map[string]secret.Text{"WithTheOldPassword": password, "WithoutTheOldPassword": {}} {
		t.Run(name, func(t *testing.T) {
			g := startGenuine(t, smtptest.Config{})
			before := g.mustApply(site.Candidate{Settings: g.good(), Password: password})
			elsewhere := g.good()
			elsewhere.FromName = "Another"
			_, err := g.apply(site.Candidate{Settings: elsewhere, Password: secret.New("not the password")}, func(c *site.Change) {
				c.Prior, c.PriorPassword = before, prior
			})
			partial, ok := errors.AsType[*site.PartialError](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			got := g.read()
			if prior.IsEmpty() {
				if partial.Left != site.LeftOff || got.Enabled {
					t.Errorf("got left %v: %+v", partial.Left, got)
				}
				return
			}
			if partial.Left != site.LeftRestored || !got.Enabled || got.Settings != before.Settings {
				t.Errorf("got left %v: %+v", partial.Left, got)
			}
			if result, err := g.Test(t.Context(), site.TestRequest{Recipient: recipient}); err != nil || result.Status != site.Passed {
				t.Errorf("the restored settings do not work: %+v, %v", result, err)
			}
		})
	}
}

// PocketBase never sends the password to a server without encryption.
func TestGenuineNeverLogsInInClearText(t *testing.T) {
	for _, method := range []string{"PLAIN", "LOGIN"} {
		t.Run(method, func(t *testing.T) {
			g := startGenuine(t, smtptest.Config{Encryption: site.NoEncryption})
			g.patch(`{"smtp":{"authMethod":"` + method + `"}}`)
			settings := g.good()
			// PocketBase does not treat this as localhost, to which it would log in without TLS.
			settings.Host = "::ffff:127.0.0.1"
			_, err := g.apply(site.Candidate{Settings: settings, Password: password}, func(*site.Change) {})
			failed, ok := errors.AsType[*site.TestError](err)
			if !ok || failed.Result.Status != site.Failed || failed.Result.Stage != site.StageAuth || failed.Result.Error != "unencrypted connection" {
				t.Errorf("got %v", err)
			}
			if got := g.mail.Counters(); got.Logins != 0 || got.Messages != 0 || got.Connections == 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestGenuineEncryptions(t *testing.T) {
	for _, encryption := range []site.Encryption{site.TLS, site.NoEncryption} {
		t.Run(string(encryption), func(t *testing.T) {
			c := smtptest.Config{Encryption: encryption}
			if encryption == site.NoEncryption {
				c.Users = map[string]secret.Text{}
			}
			g := startGenuine(t, c)
			good := site.Candidate{Settings: g.good(), Password: password}
			if good.Settings.Encryption = encryption; encryption == site.NoEncryption {
				good.Settings.Username, good.Password = "", secret.Text{}
			}
			if got := g.mustApply(good); got.Settings != good.Settings || g.mail.Messages()[0].TLS != (encryption == site.TLS) {
				t.Errorf("got %+v, %+v", got, g.mail.Messages()[0])
			}
		})
	}
}

func TestGenuineRefusesWhatItCannotHold(t *testing.T) {
	g := startGenuine(t, smtptest.Config{})
	for field, edit := range map[string]func(*site.Settings){
		"encryption":   func(s *site.Settings) { s.Encryption = site.NoEncryption },
		"from_name":    func(s *site.Settings) { s.FromName = "" },
		"from_address": func(s *site.Settings) { s.FromAddress = "" },
		"host":         func(s *site.Settings) { s.Host = "no host" },
		"helo_name":    func(s *site.Settings) { s.HELOName = "no name" },
	} {
		c := site.Candidate{Settings: g.good(), Password: password}
		edit(&c.Settings)
		_, err := g.apply(c, func(c *site.Change) { c.Enabled = false })
		if e, ok := errors.AsType[*site.Error](err); !ok || e.Kind != site.Invalid || e.Field != field {
			t.Errorf("%s: got %v", field, err)
		}
	}
	open := g.good()
	open.Username = ""
	if _, err := g.apply(site.Candidate{Settings: open}, func(c *site.Change) { c.Enabled = false }); site.KindOf(err) != site.Invalid {
		t.Errorf("STARTTLS without a login: got %v", err)
	}
}

func TestGenuineForgetsAPassword(t *testing.T) {
	g := startGenuine(t, smtptest.Config{})
	before := g.mustApply(site.Candidate{Settings: g.good(), Password: password})

	// A server that requires a login but receives none.
	open := g.good()
	open.Username, open.Encryption = "", site.NoEncryption
	_, err := g.apply(site.Candidate{Settings: open}, func(c *site.Change) { c.Prior = before })
	failed, ok := errors.AsType[*site.TestError](err)
	if !ok || failed.Result.Reply == nil || failed.Result.Reply.Code != 530 || g.mail.Counters().Logins != 1 {
		t.Errorf("got %v after %d logins", err, g.mail.Counters().Logins)
	}

	if err := g.Clear(t.Context(), site.ClearRequest{}); err != nil {
		t.Fatal(err)
	}
	if got := g.read(); got != (site.State{SiteID: got.SiteID}) {
		t.Errorf("got %+v", got)
	}
}

func TestGenuineKeepsAPasswordThatIsNotSent(t *testing.T) {
	g := startGenuine(t, smtptest.Config{})
	before := g.mustApply(site.Candidate{Settings: g.good(), Password: password})
	for _, enabled := range []bool{false, true} {
		if _, err := g.Save(t.Context(), site.SaveRequest{Settings: before.Settings, Enabled: enabled, SiteID: before.SiteID}); err != nil {
			t.Fatal(err)
		}
	}
	if result, err := g.Test(t.Context(), site.TestRequest{Recipient: recipient}); err != nil || result.Status != site.Passed {
		t.Errorf("got %+v, %v", result, err)
	}
}

func TestGenuineKeepsWhatHasNoSetting(t *testing.T) {
	g := startGenuine(t, smtptest.Config{})
	g.patch(`{"smtp":{"authMethod":"LOGIN"},"meta":{"appName":"Client A"}}`)
	g.mustApply(site.Candidate{Settings: g.good(), Password: password})
	if got := g.call(http.MethodGet, "/api/settings", ""); !strings.Contains(got, `"authMethod":"LOGIN"`) || !strings.Contains(got, `"appName":"Client A"`) {
		t.Errorf("got %s", got)
	}
}

func TestGenuineIsTheSameSiteForEveryAccountAndAfterARestart(t *testing.T) {
	g := startGenuine(t, smtptest.Config{})
	id := g.read().SiteID
	other := startGenuine(t, smtptest.Config{})
	if other.read().SiteID == id {
		t.Errorf("two PocketBases have the same ID %q", id)
	}
	if _, err := other.Save(t.Context(), site.SaveRequest{Settings: g.good(), Password: password, SiteID: id}); site.KindOf(err) != site.WrongSite {
		t.Errorf("got %v", err)
	}

	byToken := adminapi.Account{Token: secret.New(g.impersonation())}
	if got, err := openGenuine(t, g.server, byToken).Read(t.Context()); err != nil || got.SiteID != id {
		t.Errorf("with a token: got %+v, %v", got, err)
	}
	g.server.Restart(t)
	if got, err := openGenuine(t, g.server, byToken).Read(t.Context()); err != nil || got.SiteID != id {
		t.Errorf("after a restart: got %+v, %v", got, err)
	}
}

func TestGenuineRefusesALogin(t *testing.T) {
	g := startGenuine(t, smtptest.Config{})
	_, err := openGenuine(t, g.server, adminapi.Account{Username: g.server.Username, Password: password}).Read(t.Context())
	if site.KindOf(err) != site.Unauthorized || !strings.Contains(err.Error(), "Failed to authenticate.") {
		t.Errorf("got %q: %v", site.KindOf(err), err)
	}
}

// patch edits the settings like a person at the admin page.
func (g *genuine) patch(body string) {
	g.Helper()
	g.call(http.MethodPatch, "/api/settings", body)
}

// impersonation creates a token like the superusers' page does.
func (g *genuine) impersonation() string {
	g.Helper()
	var list struct{ Items []struct{ ID string } }
	var made struct{ Token string }
	err := json.Unmarshal([]byte(g.call(http.MethodGet, "/api/collections/_superusers/records", "")), &list)
	if err == nil {
		path := "/api/collections/_superusers/impersonate/" + list.Items[0].ID
		err = json.Unmarshal([]byte(g.call(http.MethodPost, path, `{"duration":600}`)), &made)
	}
	if err != nil {
		g.Fatal(err)
	}
	return made.Token
}

// call sends a request to PocketBase directly.
func (g *genuine) call(method, path, body string) string {
	g.Helper()
	var session struct{ Token string }
	login := `{"identity":"` + g.server.Username + `","password":"` + g.server.Password.Reveal() + `"}`
	if err := json.Unmarshal(g.send("", http.MethodPost, "/api/collections/_superusers/auth-with-password", login), &session); err != nil {
		g.Fatal(err)
	}
	return string(g.send(session.Token, method, path, body))
}

func (g *genuine) send(token, method, path, body string) []byte {
	g.Helper()
	request, err := http.NewRequestWithContext(g.Context(), method, g.server.URL+path, strings.NewReader(body))
	if err != nil {
		g.Fatal(err)
	}
	request.Header.Set("Authorization", token)
	request.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		g.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		g.Fatalf("%s %s: %d %s, %v", method, path, resp.StatusCode, answer, err)
	}
	return answer
}
