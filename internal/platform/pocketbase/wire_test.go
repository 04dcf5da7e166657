package pocketbase_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestRead(t *testing.T) {
	tls := strings.Replace(enabled, `"tls":false`, `"tls":true`, 1)
	open := strings.Replace(enabled, `"username":"mailer"`, `"username":""`, 1)
	edited := func(edit func(*site.Settings)) site.Settings {
		s := settings
		edit(&s)
		return s
	}
	for name, tt := range map[string]struct {
		body string
		want site.State
	}{
		"Untouched": {untouched, site.State{}},
		"Emptied":   {strings.NewReplacer(`"smtp.example.com"`, `""`, "587", "0").Replace(untouched), site.State{}},
		"Enabled":   {enabled, site.State{Settings: settings, Enabled: true, PasswordSet: true}},
		"Disabled":  {disabled, site.State{Settings: settings, PasswordSet: true}},
		"TLS":       {tls, site.State{Settings: edited(func(s *site.Settings) { s.Encryption = site.TLS }), Enabled: true, PasswordSet: true}},
		"WithoutLogin": {open, site.State{Enabled: true, Settings: edited(func(s *site.Settings) {
			s.Encryption, s.Username = site.NoEncryption, ""
		})}},
		"EnabledWithDefaults": {strings.Replace(untouched, `"enabled":false`, `"enabled":true`, 1), site.State{Enabled: true, Settings: site.Settings{
			Host: "smtp.example.com", Port: 587, Encryption: site.NoEncryption, FromAddress: "support@example.com", FromName: "Support",
		}}},
		"AnotherSender": {strings.Replace(untouched, `"Support"`, `"Acme"`, 1), site.State{Settings: site.Settings{
			Host: "smtp.example.com", Port: 587, Encryption: site.NoEncryption, FromAddress: "support@example.com", FromName: "Acme",
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := play(t, token, recognised(), on(getSettings, tt.body)).Read(t.Context())
				tt.want.SiteID = siteID
				if err != nil || got != tt.want {
					t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
				}
			})
		})
	}
}

func TestSave(t *testing.T) {
	const sender = `"meta":{"senderName":"Acme Mail","senderAddress":"noreply@example.test"}`
	edited := func(edit func(*site.SaveRequest)) site.SaveRequest {
		s := site.SaveRequest{Settings: settings, Password: password, Enabled: true}
		edit(&s)
		return s
	}
	for name, tt := range map[string]struct {
		save   site.SaveRequest
		before []step
		body   string
	}{
		"Enabled": {edited(func(*site.SaveRequest) {}), nil, `{"smtp":{"enabled":true,"host":"127.0.0.1","port":12525,"username":"mailer",
			"password":"a submission password","tls":false,"localName":"app.example.test"},` + sender + `}`},
		"DisabledWithoutPassword": {edited(func(s *site.SaveRequest) { s.Enabled, s.Password = false, secret.Text{} }), nil, `{"smtp":{"enabled":false,
			"host":"127.0.0.1","port":12525,"username":"mailer","tls":false,"localName":"app.example.test"},` + sender + `}`},
		"TLS": {edited(func(s *site.SaveRequest) { s.Settings.Encryption = site.TLS }), nil, `{"smtp":{"enabled":true,"host":"127.0.0.1","port":12525,
			"username":"mailer","password":"a submission password","tls":true,"localName":"app.example.test"},` + sender + `}`},
		"WithoutLogin": {
			edited(func(s *site.SaveRequest) {
				s.Settings.Username, s.Settings.Encryption, s.Password = "", site.NoEncryption, secret.Text{}
			}),
			[]step{on(getSettings, enabled039)},
			`{"smtp":{"enabled":true,"host":"127.0.0.1","port":12525,"username":"","password":"","tls":false,"localName":"app.example.test"},` + sender + `}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				steps := append([]step{recognised()}, tt.before...)
				got, err := play(t, token, append(steps, with(tt.body, on(patchSettings, enabled)))...).Save(t.Context(), tt.save)
				if want := (site.State{SiteID: siteID, Settings: settings, Enabled: true, PasswordSet: true}); err != nil || got != want {
					t.Errorf("got %+v, %v, want what the answer says: %+v", got, err, want)
				}
			})
		})
	}
}

// A write sets every value, so repeating it changes nothing.
func TestLostWriteIsRetried(t *testing.T) {
	for name, lost := range map[string]step{
		"reset":   {Call: patchSettings, Answer: adminapitest.Reset},
		"refused": {Dial: adminapitest.Refused()},
		"502":     {Call: patchSettings, Answer: adminapitest.HTML(502)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := play(t, token, recognised(), lost, on(patchSettings, enabled)).Save(t.Context(), site.SaveRequest{Settings: settings, Password: password})
				if err != nil || !got.Enabled {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		})
	}
	t.Run("EveryTime", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			lost := step{Call: patchSettings, Answer: adminapitest.Silence}
			_, err := play(t, token, recognised(), lost, lost, lost, lost).Save(t.Context(), site.SaveRequest{Settings: settings, Password: password})
			if site.KindOf(err) != site.NoAnswer || strings.Contains(err.Error(), password.Reveal()) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestClearRestoresTheFactorySettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := play(t, token, recognised(), on(getSettings, enabled039), with(`{"smtp":{"enabled":false,"host":"smtp.example.com","port":587,
			"username":"","password":"","tls":false,"localName":""},"meta":{"senderName":"Support","senderAddress":"support@example.com"}}`,
			on(patchSettings, untouched))).Clear(t.Context(), site.ClearRequest{})
		if err != nil {
			t.Error(err)
		}
	})
}

// Before 0.36.9 the process kept using a removed password; 0.38 is the first version that can be recognised as newer.
func TestOldPocketBaseKeepsRemovedPasswords(t *testing.T) {
	open := site.SaveRequest{Settings: settings, Enabled: true}
	open.Settings.Username, open.Settings.Encryption = "", site.NoEncryption
	calls := map[string]func(t *testing.T, s site.Site) error{
		"username": func(t *testing.T, s site.Site) error {
			t.Helper()
			_, err := s.Save(t.Context(), open)
			return err
		},
		"": func(t *testing.T, s site.Site) error {
			t.Helper()
			return s.Clear(t.Context(), site.ClearRequest{})
		},
	}
	for field, call := range calls {
		t.Run("RefusesToRemoveAPassword/"+field, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := call(t, play(t, token, recognised(), on(getSettings, enabled)))
				e, ok := errors.AsType[*site.Error](err)
				if !ok || e.Kind != site.Unsupported || e.Field != field || !strings.Contains(e.Message, "Upgrade") {
					t.Errorf("got %+v", err)
				}
			})
		})
		t.Run("WorksWithoutAStoredPassword/"+field, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if err := call(t, play(t, token, recognised(), on(getSettings, untouched), on(patchSettings, untouched))); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
