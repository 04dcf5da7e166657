package listmonk_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/listmonk"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/listmonk/listmonktest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const (
	mailer    = "mailer@example.test"
	recipient = "ops@example.test"
)

var password = secret.New("a submission password")

// replay is a simulated listmonk with a mail server that accepts mailer.
type replay struct {
	site.Site
	*testing.T
	server *listmonktest.Server
	mail   *smtptest.Server
}

func startReplay(t *testing.T) *replay {
	t.Helper()
	mail := smtptest.Start(t, smtptest.Config{Users: map[string]secret.Text{mailer: password}})
	server := listmonktest.Start(t, listmonktest.Config{RootCAs: mail.RootCAs()})
	return &replay{openReplay(t, server), t, server, mail}
}

func openReplay(t *testing.T, server *listmonktest.Server) site.Site {
	t.Helper()
	limits := adminapi.DefaultLimits()
	limits.RequestsPerSecond = 1e6
	pool := adminapi.NewPool(adminapi.PoolOptions{})
	t.Cleanup(pool.Close)
	opened, err := listmonk.OpenWithoutPause(pool, adminapi.Config{URL: server.URL, Limits: limits}, account(server))
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func account(server *listmonktest.Server) adminapi.Account {
	return adminapi.Account{Username: server.Username, Password: server.Token}
}

// good is a candidate that passes.
func (r *replay) good() site.Candidate {
	return site.Candidate{Password: password, Settings: site.Settings{
		Host: r.mail.Host(), Port: r.mail.Port(), Encryption: site.STARTTLS, Username: mailer,
		FromAddress: "hello@example.test", FromName: `Zoë "Z", Inc.`, HELOName: "client-a.example.test",
	}}
}

func (r *replay) read() site.State {
	r.Helper()
	state, err := r.Read(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	return state
}

func (r *replay) apply(c site.Candidate, edit func(*site.Change)) (site.State, error) {
	r.Helper()
	change := site.Change{Prior: r.read(), Candidate: c, SetPassword: true, Enabled: true, Recipient: recipient}
	edit(&change)
	return site.Procedure{Diagnose: diagnosis.Of}.Apply(r.Context(), r.Site, change)
}

func (r *replay) mustApply(c site.Candidate) site.State {
	r.Helper()
	state, err := r.apply(c, func(*site.Change) {})
	if err != nil {
		r.Fatal(err)
	}
	return state
}

// servers returns the servers in its database.
func (r *replay) servers() []map[string]any {
	r.Helper()
	var servers []map[string]any
	all, _ := r.server.Settings()["smtp"].([]any)
	for _, one := range all {
		servers = append(servers, one.(map[string]any))
	}
	return servers
}

// hosts returns the hosts of its servers.
func (r *replay) hosts() []string {
	r.Helper()
	var hosts []string
	for _, server := range r.servers() {
		hosts = append(hosts, server["host"].(string))
	}
	return hosts
}

// own returns the managed server.
func (r *replay) own() map[string]any {
	r.Helper()
	for _, server := range r.servers() {
		if strings.HasPrefix(server["uuid"].(string), "736d7470-") {
			return server
		}
	}
	r.Fatal("no mail server is marked as managed")
	return nil
}

func TestApplyOnANewListmonk(t *testing.T) {
	r := startReplay(t)
	if got := r.read(); got != (site.State{SiteID: r.server.Settings()["app.root_url"].(string)}) {
		t.Fatalf("a new listmonk reads as %+v", got)
	}
	good := r.good()
	got := r.mustApply(good)
	if !got.Enabled || got.Settings != good.Settings || !got.PasswordSet || got.Verification == nil {
		t.Errorf("got %+v", got)
	}
	// The sample is removed, because listmonk would alternate with it; the other server is not managed.
	if want := []string{"smtp.gmail.com", good.Settings.Host}; !slices.Equal(r.hosts(), want) {
		t.Errorf("got servers %q, want %q", r.hosts(), want)
	}
	if own := r.own(); own["password"] != password.Reveal() || own["auth_protocol"] != "login" || own["tls_skip_verify"] != false {
		t.Errorf("got %v", own)
	}
}

// By default, listmonk would test with its saved sender.
func TestTestUsesTheCandidatesSender(t *testing.T) {
	r := startReplay(t)
	good := r.good()
	result, err := r.Test(t.Context(), site.TestRequest{Candidate: &good, Recipient: recipient})
	if err != nil || result.Status != site.Passed {
		t.Fatalf("got %+v, %v", result, err)
	}
	m := r.mail.Messages()[0]
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		t.Fatal(err)
	}
	from, err := mail.ParseAddress(parsed.Header.Get("From"))
	if err != nil || *from != (mail.Address{Name: good.Settings.FromName, Address: good.Settings.FromAddress}) || m.From != from.Address {
		t.Errorf("got %v in From and %s in the envelope, %v", from, m.From, err)
	}
	if got := parsed.Header.Get("Message-Id"); got != "<"+result.MessageID+">" {
		t.Errorf("Message-ID %s, want %s", got, result.MessageID)
	}
	if !m.TLS || m.User != mailer || m.HELOName != "client-a.example.test" {
		t.Errorf("got %+v", m)
	}
}

// Tests use the headers that the server adds to real messages.
func TestHeadersOfTheServerStay(t *testing.T) {
	r := startReplay(t)
	r.mustApply(r.good())
	r.server.Edit(func(settings map[string]any) {
		own := settings["smtp"].([]any)[1].(map[string]any)
		own["email_headers"] = []any{map[string]any{"Return-Path": "bounces@example.test"}, map[string]any{"X-Client": "A"}}
		own["max_conns"], own["auth_protocol"] = 3, "plain"
	})
	good := r.good()
	good.Settings.FromName = "Another"
	r.mustApply(good)
	m := r.mail.Messages()[1]
	if m.From != "bounces@example.test" || !bytes.Contains(m.Data, []byte("X-Client: A")) || !bytes.Contains(m.Data, []byte("From: \"Another\"")) {
		t.Errorf("got envelope sender %s:\n%s", m.From, m.Data)
	}
	if own := r.own(); len(own["email_headers"].([]any)) != 2 || own["max_conns"] != 3.0 || own["auth_protocol"] != "plain" {
		t.Errorf("got %v", own)
	}
}

func TestAFailedTestWritesNothing(t *testing.T) {
	r := startReplay(t)
	before := r.server.Settings()
	bad := r.good()
	bad.Password = secret.New("not the password")
	_, err := r.apply(bad, func(*site.Change) {})
	failed, ok := errors.AsType[*site.TestError](err)
	if !ok || failed.Result.Stage != site.StageAuth || failed.Result.Reply == nil || failed.Result.Reply.EnhancedCode != "5.7.8" {
		t.Errorf("got %v", err)
	}
	if got := r.mail.Counters().Logins; got != 1 {
		t.Errorf("%d logins, want 1", got)
	}
	if !reflect.DeepEqual(r.server.Settings(), before) {
		t.Error("the settings have changed")
	}
}

func TestVersionThatAlwaysPassesCannotEnable(t *testing.T) {
	r := startReplay(t)
	r.server = listmonktest.Start(t, listmonktest.Config{Version: "v5.0.1", RootCAs: r.mail.RootCAs()})
	r.Site = openReplay(t, r.server)
	before, c := r.server.Settings(), r.good()
	c.Settings.Port = 1
	if _, err := r.apply(c, func(*site.Change) {}); site.KindOf(err) != site.Unsupported {
		t.Errorf("got %v", err)
	}
	if !reflect.DeepEqual(r.server.Settings(), before) {
		t.Error("the settings have changed")
	}
}

func TestRunningCampaigns(t *testing.T) {
	r := startReplay(t)
	r.server.RunCampaigns()
	if _, err := r.apply(r.good(), func(*site.Change) {}); site.KindOf(err) != site.Unexpected || !strings.Contains(err.Error(), "campaigns are running") {
		t.Errorf("got %v", err)
	}
}

// listmonk saves the masks that it shows.
func TestNoMaskIsEverWritten(t *testing.T) {
	secrets := func(settings map[string]any) {
		settings["bounce.sendgrid_key"], settings["upload.s3.aws_secret_access_key"] = "sendgrid key", "S3 key"
		settings["bounce.azure"].(map[string]any)["shared_secret"] = "Azure secret"
		settings["security.captcha"].(map[string]any)["hcaptcha"].(map[string]any)["secret"] = "captcha secret"
		settings["security.oidc"].(map[string]any)["client_secret"] = "OIDC secret"
		settings["messengers"] = []any{map[string]any{"uuid": "m", "name": "sms", "password": "messenger password"}}
	}
	r := startReplay(t)
	r.server.Edit(secrets)
	r.mustApply(r.good())
	if _, err := r.apply(site.Candidate{Settings: r.good().Settings}, func(c *site.Change) { c.SetPassword = false }); site.KindOf(err) != site.Invalid {
		t.Errorf("a test without the password: got %v", err)
	}
	got := r.server.Settings()
	if text := fmt.Sprint(got); strings.Contains(text, "•") {
		t.Errorf("the client wrote a masked password: %s", text)
	}
	want := r.server.Settings()
	secrets(want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("a secret was lost: got\n%v\nwant\n%v", got, want)
	}
	for i, server := range r.servers() {
		if server["password"] != []string{"password", password.Reveal()}[i] {
			t.Errorf("got password %[2]s for %[1]s", server["host"], server["password"])
		}
	}
}

func TestMaskIsRefusedAsPassword(t *testing.T) {
	r := startReplay(t)
	_, err := r.Save(t.Context(), site.SaveRequest{Settings: r.good().Settings, Password: secret.New("••••••••")})
	if e, ok := errors.AsType[*site.Error](err); !ok || e.Kind != site.Invalid || e.Field != "password" || len(r.server.Calls()) > 0 {
		t.Errorf("got %v after %q", err, r.server.Calls())
	}
}

func TestAPasswordStaysUntilItMayNot(t *testing.T) {
	r := startReplay(t)
	r.server.Join()
	before := r.mustApply(r.good())
	uuid := r.own()["uuid"]
	if _, err := r.Save(t.Context(), site.SaveRequest{Settings: before.Settings}); err != nil {
		t.Fatal(err)
	}
	if own := r.own(); own["password"] != password.Reveal() || own["uuid"] != uuid || own["enabled"] != false {
		t.Errorf("got %v", own)
	}
	open := before.Settings
	open.Username = ""
	got, err := r.Save(t.Context(), site.SaveRequest{Settings: open})
	if err != nil || got.PasswordSet {
		t.Errorf("got %+v, %v", got, err)
	}
	if own := r.own(); own["password"] != "" && own["password"] != nil || own["uuid"] == uuid || own["auth_protocol"] != "none" {
		t.Errorf("got %v", own)
	}
}

func TestLastServerStaysOn(t *testing.T) {
	for name, leave := range map[string]func(r *replay) error{
		"Save": func(r *replay) error {
			_, err := r.Save(r.Context(), site.SaveRequest{Settings: r.good().Settings})
			return err
		},
		"Disable": func(r *replay) error {
			return site.Procedure{}.Destroy(r.Context(), r.Site, r.read(), site.OnDestroyDisable)
		},
		"Clear": func(r *replay) error {
			return site.Procedure{}.Destroy(r.Context(), r.Site, r.read(), site.OnDestroyClear)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := startReplay(t)
			r.mustApply(r.good())
			before := r.server.Settings()
			err := leave(r)
			e, ok := errors.AsType[*site.Error](err)
			if !ok || e.Kind != site.Unsupported || e.Field != "enabled" || !strings.Contains(e.Message, `on_destroy = "keep"`) {
				t.Errorf("got %v", err)
			}
			if !reflect.DeepEqual(r.server.Settings(), before) {
				t.Error("the settings have changed")
			}
		})
	}
}

// Anyone can enable a disabled server again, and it must not log in in clear text then.
func TestSwitchingOffKeepsTheEncryption(t *testing.T) {
	for name, held := range map[string]map[string]any{
		"Checked":    {"tls_type": "STARTTLS", "tls_skip_verify": false},
		"NotChecked": {"tls_type": "STARTTLS", "tls_skip_verify": true},
		"TLS":        {"tls_type": "TLS", "tls_skip_verify": true},
		"None":       {"tls_type": "none", "tls_skip_verify": true},
	} {
		t.Run(name, func(t *testing.T) {
			r := startReplay(t)
			r.server.Join()
			r.mustApply(r.good())
			r.server.Edit(func(settings map[string]any) { maps.Copy(settings["smtp"].([]any)[1].(map[string]any), held) })
			if err := (site.Procedure{}).Destroy(t.Context(), r.Site, r.read(), site.OnDestroyDisable); err != nil {
				t.Fatal(err)
			}
			own := r.own()
			if own["enabled"] != false || own["tls_type"] != held["tls_type"] || own["tls_skip_verify"] != held["tls_skip_verify"] {
				t.Errorf("got %v, want it off with %v", own, held)
			}
		})
	}
}

func TestClearMakesASampleOfTheServer(t *testing.T) {
	r := startReplay(t)
	if err := r.Clear(t.Context(), site.ClearRequest{}); err != nil || slices.Contains(r.server.Calls(), "PUT /api/settings") {
		t.Errorf("clearing without settings: got %v after %q", err, r.server.Calls())
	}
	r.server.Join()
	r.mustApply(r.good())
	// The other server uses the same sender, in whatever form it is written.
	const sender = "=?utf-8?q?Zo=C3=AB?=  <hello@example.test>"
	r.server.Edit(func(settings map[string]any) { settings["app.from_email"] = sender })
	if err := r.Clear(t.Context(), site.ClearRequest{}); err != nil {
		t.Fatal(err)
	}
	if got := r.server.Settings()["app.from_email"]; got != sender {
		t.Errorf("got sender %v, want %s", got, sender)
	}
	if got := r.read(); got != (site.State{SiteID: got.SiteID}) {
		t.Errorf("got %+v", got)
	}
	own := r.own()
	if own["enabled"] != false || own["host"] != "smtp.yoursite.com" || own["username"] != "" || own["password"] != "" {
		t.Errorf("got %v", own)
	}
	r.mustApply(r.good())
	if want := []string{"smtp.gmail.com", r.mail.Host(), "second.example.com"}; !slices.Equal(r.hosts(), want) {
		t.Errorf("got servers %q, want %q", r.hosts(), want)
	}
}

func TestWhichServerIsManaged(t *testing.T) {
	server := func(host string, more map[string]any) map[string]any {
		s := map[string]any{"uuid": host, "enabled": true, "host": host, "port": 587, "tls_type": "STARTTLS", "username": "u", "password": "p"}
		maps.Copy(s, more)
		return s
	}
	marked := map[string]any{"uuid": "736d7470-0000-4000-8000-000000000000"}
	off := map[string]any{"enabled": false}
	for name, tt := range map[string]struct {
		servers []any
		// host is the managed server's; empty if there is none, "several" if it is ambiguous.
		host string
	}{
		"None":           {nil, ""},
		"TheOnlyOne":     {[]any{server("a.example", nil)}, "a.example"},
		"TheEnabledOne":  {[]any{server("a.example", off), server("b.example", nil), server("smtp.yoursite.com", nil)}, "b.example"},
		"AllDisabled":    {[]any{server("a.example", off), server("b.example", off)}, ""},
		"TheMarkedOne":   {[]any{server("a.example", nil), server("b.example", nil), server("c.example", marked)}, "c.example"},
		"SeveralEnabled": {[]any{server("a.example", nil), server("b.example", nil)}, "several"},
	} {
		t.Run(name, func(t *testing.T) {
			r := startReplay(t)
			r.server.Edit(func(settings map[string]any) { settings["smtp"] = tt.servers })
			got, err := r.Read(t.Context())
			if tt.host == "several" {
				if site.KindOf(err) != site.Unsupported || !strings.Contains(err.Error(), "a.example, b.example") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || got.Settings.Host != tt.host {
				t.Errorf("got %+v, %v, want %q", got, err, tt.host)
			}
		})
	}
	t.Run("AdoptedWithItsPassword", func(t *testing.T) {
		r := startReplay(t)
		r.server.Edit(func(settings map[string]any) {
			settings["smtp"] = []any{server("a.example", nil), server("b.example", off)}
		})
		if _, err := r.Save(t.Context(), site.SaveRequest{Settings: r.read().Settings, Enabled: true}); err != nil {
			t.Fatal(err)
		}
		if first := r.servers()[0]; first["uuid"] != "a.example" || first["password"] != "p" {
			t.Errorf("got %v", first)
		}
	})
}

func TestUnplannableSettingsShowAsDrift(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(own, settings map[string]any)
		want func(*site.Settings)
	}{
		"CertificatesNotChecked": {
			func(own, _ map[string]any) { own["tls_skip_verify"] = true },
			func(s *site.Settings) { s.Encryption = "starttls without a check of the certificate" },
		},
		"NoTLS":    {func(own, _ map[string]any) { own["tls_type"] = "none" }, func(s *site.Settings) { s.Encryption = site.NoEncryption }},
		"TLS":      {func(own, _ map[string]any) { own["tls_type"] = "TLS" }, func(s *site.Settings) { s.Encryption = site.TLS }},
		"NoName":   {func(_, all map[string]any) { all["app.from_email"] = "a@example.test" }, func(s *site.Settings) { s.FromAddress, s.FromName = "a@example.test", "" }},
		"NoSender": {func(_, all map[string]any) { all["app.from_email"] = "nobody" }, func(s *site.Settings) { s.FromAddress, s.FromName = "nobody", "" }},
	} {
		t.Run(name, func(t *testing.T) {
			r := startReplay(t)
			r.mustApply(r.good())
			r.server.Edit(func(settings map[string]any) { tt.edit(settings["smtp"].([]any)[1].(map[string]any), settings) })
			want := r.good().Settings
			tt.want(&want)
			if got := r.read().Settings; got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// listmonk reports these errors in its own words.
func TestAServerThatDoesNotOfferWhatItTakes(t *testing.T) {
	for id, tt := range map[string]struct {
		mail       smtptest.Config
		encryption site.Encryption
	}{
		"starttls-not-offered":       {smtptest.Config{Encryption: site.NoEncryption, Users: map[string]secret.Text{mailer: password}}, site.STARTTLS},
		"auth-not-advertised-client": {smtptest.Config{Encryption: site.NoEncryption}, site.NoEncryption},
	} {
		t.Run(id, func(t *testing.T) {
			r := startReplay(t)
			r.mail = smtptest.Start(t, tt.mail)
			c := r.good()
			c.Settings.Encryption = tt.encryption
			_, err := r.apply(c, func(*site.Change) {})
			failed, ok := errors.AsType[*site.TestError](err)
			if !ok || failed.Result.Status != site.Failed || failed.Result.Diagnosis.ID != id {
				t.Errorf("got %v", err)
			}
		})
	}
}
