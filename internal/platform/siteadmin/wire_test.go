package siteadmin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// added are the settings that the sites of the scripts do not know, which speak the first version of the contract.
func added() (names site.SettingNames) {
	for _, d := range site.AllSettings() {
		if d.Since != "" {
			names = names.With(d.Name)
		}
	}
	return names
}

// everySetting is how a site answers that knows all of them.
func everySetting(t *testing.T) string {
	t.Helper()
	members := map[string]any{}
	for _, f := range settings.Fields() {
		members[f.Name] = f.Value
	}
	text, err := json.Marshal(map[string]any{"settings": members})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRead(t *testing.T) {
	full := site.State{
		SiteID: "site-1", Settings: settings, Unknown: added(), Enabled: true, Revision: "7",
		UpdatedAt: at(t, "2026-11-23T10:00:02Z"), UpdatedBy: "terraform",
		LastWriteID: "0a6d2c9e-2f3b-4a66-8b51-1f0d6f1f5a10", PasswordSet: true, PasswordID: "3c1e9f57a8b24d60",
		Verification: &site.Verification{
			TestedAt: at(t, "2026-11-23T10:00:01Z"), Recipient: "ops@example.com", Reply: "250 2.0.0 Ok", MessageID: "8d0f@example.com",
		},
	}
	known := full
	known.Unknown = ""
	const failure = `"last_failure":{"at":"2026-11-24T10:00:00Z","stage":"auth","reply":{"code":535,"enhanced_code":"5.7.8","text":"No"},"error":null}`
	failing := full
	failing.Notice = "the settings were changed in the database"
	failing.LastSuccess, failing.Outdated = at(t, "2026-11-24T09:00:00Z"), "0.1.9"
	failing.LastFailure = &site.MailFailure{At: at(t, "2026-11-24T10:00:00Z"), Result: site.TestResult{
		Status: site.Failed, Stage: site.StageAuth, Reply: &site.Reply{Code: 535, EnhancedCode: "5.7.8", Text: "No"},
	}}
	sent, old := full, full
	sent.LastSuccess = at(t, "2026-11-24T11:00:00Z")
	old.Outdated = "0.1.9"
	adoptable := failing
	adoptable.InForce = &site.InForce{By: "WP Mail SMTP 4.8.0", Transport: "smtp", Settings: settings, PasswordReadable: true, Obstacle: "It queues mail."}
	const byAnother = `"in_force":{"by":"WP Mail\tSMTP 4.8.0","transport":"smtp",` + wireSettings + `,"password_readable":true,"obstacle":"It queues\u0007 mail."}`
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   site.State
	}{
		"adoptable":     {smtp(`{"last_success":"2026-11-24T09:00:00Z","software":{"name":"site-smtp","version":"0.1.9"},"notice":"the settings were changed in the database",` + failure + `,` + byAnother + `}`), adoptable},
		"managed":       {smtp(`{"in_force":null}`), full},
		"enabled":       {smtp(""), full},
		"unconfigured":  {smtp(merged(cleared, `{"updated_at":null,"updated_by":null,"last_write_id":null}`)), site.State{SiteID: "site-1", Revision: "9", Unknown: added()}},
		"ofThisVersion": {smtp(everySetting(t)), known},
		"failing":       {smtp(`{"last_success":"2026-11-24T09:00:00Z","software":{"name":"site-smtp","version":"0.1.9"},"notice":"the settings were\tchanged in the database",` + failure + `}`), failing},
		"sent":          {smtp(`{"last_success":"2026-11-24T11:00:00Z","last_failure":null}`), sent},
		"old":           {smtp(`{"software":{"name":"site-smtp","version":"0.1.9"}}`), old},
		"new":           {smtp(`{"software":{"name":"site-smtp","version":"` + siteadmin.WordPressPlugin + `"}}`), full},
		"other":         {smtp(`{"software":{"name":"drupal-smtp","version":"0.1.9"}}`), full},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(t)
			got, err := s.play(token, s.on(getSMTP, tt.answer)).Read(t.Context())
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, tt.want)
			}
		})
	}
	noZeroField(t, adoptable)
	noZeroField(t, *adoptable.InForce)
}

// noZeroField makes sure that an example leaves no field out, so that a new one is not forgotten in fromWire; but are those
// that no site sends.
func noZeroField(t *testing.T, example any, but ...string) {
	t.Helper()
	v := reflect.ValueOf(example)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() != slices.Contains(but, name) {
			t.Errorf("the example sets %s: %t", name, !v.Field(i).IsZero())
		}
	}
}

func TestResult(t *testing.T) {
	const members = `{
		"status":"failed", "stage":"tls", "reply":{"code":454,"enhanced_code":"4.7.0","text":"TLS not available"}, "error":"certificate has expired",
		"certificate":{"names":["smtp.example.com"],"issuer":"CN=Old","not_after":"2020-01-01T00:00:00Z"},
		"diagnosis":{"id":"tls-expired","summary":"s","cause":"c","remedy":"r","attribute":"host","retry":"long","url":"https://help.example"}
	}`
	want := site.TestResult{
		Status: site.Failed, Stage: site.StageTLS, Reply: &site.Reply{Code: 454, EnhancedCode: "4.7.0", Text: "TLS not available"},
		Error:       "certificate has expired",
		Certificate: &site.Certificate{Names: []string{"smtp.example.com"}, Issuer: "CN=Old", NotAfter: at(t, "2020-01-01T00:00:00Z")},
		Stages:      []site.StageTime{{Stage: site.StageDNS, Duration: 3 * time.Millisecond}, {Stage: site.StageData, Duration: 40 * time.Millisecond}},
		Recipient:   "ops@example.com", MessageID: "8d0f@example.com", TestedAt: at(t, "2026-11-23T10:00:01Z"),
		Diagnosis: &site.Diagnosis{ID: "tls-expired", Summary: "s", Cause: "c", Remedy: "r", Attribute: "host", Retry: site.RetryLong, URL: "https://help.example"},
	}
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		got, err := s.play(token, s.on(getSMTP, smtp("")), s.on(putTest, tested(200, members))).
			Test(t.Context(), site.TestRequest{Recipient: "ops@example.com"})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, want)
		}
	})
	noZeroField(t, want, "Arrival", "Shortfall", "Unsent")
}

// sends makes sure that a request has exactly the members of want.
func sends(t *testing.T, want string, ignore ...string) func(adminapitest.T, *http.Request, string) {
	t.Helper()
	return func(_ adminapitest.T, r *http.Request, body string) {
		var got, wanted map[string]any
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Error(err)
		}
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Error(err)
		}
		for _, name := range ignore {
			if got[name] == nil {
				t.Errorf("member %s is missing in %s", name, body)
			}
			delete(got, name)
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s sent %s\nwant %s", r.Method, body, want)
		}
	}
}

const wireSettings = `"settings":{"host":"smtp.example.com","port":587,"encryption":"starttls","username":"mailer@example.com",
	"from_address":"hello@example.com","from_name":"Client A","helo_name":"client-a.example"}`

func TestRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		call string
		body func(*testing.T) func(adminapitest.T, *http.Request, string)
		run  func(*testing.T, site.Site) error
	}{
		"test of a candidate": {putTest, func(t *testing.T) func(adminapitest.T, *http.Request, string) {
			return sends(t, `{`+wireSettings+`,"password":"a submission password","recipient":"ops@example.com","site_id":"site-1"}`)
		}, func(t *testing.T, opened site.Site) error {
			_, err := opened.Test(t.Context(), site.TestRequest{Candidate: &candidate, Recipient: "ops@example.com", SiteID: "site-1"})
			return err
		}},
		"test of the saved settings": {putTest, func(t *testing.T) func(adminapitest.T, *http.Request, string) {
			return sends(t, `{"recipient":"ops@example.com"}`)
		}, func(t *testing.T, opened site.Site) error {
			_, err := opened.Test(t.Context(), site.TestRequest{Recipient: "ops@example.com"})
			return err
		}},
		"write": {putSMTP, func(t *testing.T) func(adminapitest.T, *http.Request, string) {
			return sends(t, `{`+wireSettings+`,"password":"a submission password","enabled":true,"site_id":"site-1"}`, "write_id")
		}, func(t *testing.T, opened site.Site) error {
			_, err := opened.Save(t.Context(), site.SaveRequest{Settings: settings, Password: candidate.Password, Enabled: true, Revision: "7", SiteID: "site-1"})
			return err
		}},
		"test that adopts": {putTest, func(t *testing.T) func(adminapitest.T, *http.Request, string) {
			return sends(t, `{`+wireSettings+`,"adopt":true,"recipient":"ops@example.com"}`)
		}, func(t *testing.T, opened site.Site) error {
			_, err := opened.Test(t.Context(), site.TestRequest{Candidate: &site.Candidate{Settings: settings, Adopt: true}, Recipient: "ops@example.com"})
			return err
		}},
		"write that adopts": {putSMTP, func(t *testing.T) func(adminapitest.T, *http.Request, string) {
			return sends(t, `{`+wireSettings+`,"adopt":true,"enabled":true}`, "write_id")
		}, func(t *testing.T, opened site.Site) error {
			_, err := opened.Save(t.Context(), site.SaveRequest{Settings: settings, Adopt: true, Enabled: true, Revision: "7"})
			return err
		}},
		"write that keeps the password": {putSMTP, func(t *testing.T) func(adminapitest.T, *http.Request, string) {
			return sends(t, `{`+wireSettings+`,"enabled":false}`, "write_id")
		}, func(t *testing.T, opened site.Site) error {
			_, err := opened.Save(t.Context(), site.SaveRequest{Settings: settings, Revision: "7"})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				answer := tested(200, "")
				if tt.call == putSMTP {
					answer = s.written
				}
				sent := s.on(tt.call, answer)
				body := tt.body(t)
				sent.Check = func(at adminapitest.T, r *http.Request, text string) {
					s.check(at, r, text)
					body(at, r, text)
					if tag := r.Header.Get("If-Match"); tt.call == putSMTP && tag != `"7"` {
						t.Errorf("got If-Match %s", tag)
					}
				}
				opened := s.play(token, s.on(getSMTP, smtp("")), sent)
				if _, err := opened.Read(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := tt.run(t, opened); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A member of an unexpected type does not mean that the site is newer; an empty record is not a pass.
func TestReadTakesWhatIsMeant(t *testing.T) {
	for members, want := range map[string]string{
		`{"verification":{}}`:                                       "",
		`{"updated_at":"yesterday"}`:                                `"updated_at" is not a time`,
		`{"settings":{"port":"587"}}`:                               `"settings.port" is a string`,
		`{"settings":{"host":"` + strings.Repeat("x", 1025) + `"}}`: "too long",
		`{"password_id":"` + strings.Repeat("x", 1025) + `"}`:       "too long",
		`{"revision":"` + strings.Repeat("x", 1025) + `"}`:          "too long",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(t)
			got, err := s.play(token, s.fault(getSMTP, smtp(members))).Read(t.Context())
			switch {
			case want == "" && (err != nil || got.Verification != nil):
				t.Errorf("%s: got %+v, %v", members, got, err)
			case want != "" && (site.KindOf(err) != site.Unexpected || !strings.Contains(flat(err), want)):
				t.Errorf("%.60s: got %v, want %s", members, err, want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		_, err := s.play(token, s.fault(getSMTP, smtp(`{"updated_at":"yesterday","api_version":2}`))).Read(t.Context())
		if site.KindOf(err) != site.Unsupported {
			t.Errorf("got %v", err)
		}
	})
}

// What is in force is shown, and its settings are compared; overlong settings are ignored.
func TestReadBoundsWhatIsInForce(t *testing.T) {
	for members, want := range map[string]site.InForce{
		`{"by":"` + strings.Repeat("x", 9_000) + `","transport":"smtp","settings":{"host":"` + strings.Repeat("x", 1025) + `"},"obstacle":"` + strings.Repeat("y", 9_000) + `"}`: {
			By: strings.Repeat("x", 253) + "…", Transport: "smtp", Obstacle: strings.Repeat("y", 1023) + "…",
		},
		`{"by":"Mailgun","transport":"api"}`: {By: "Mailgun", Transport: "api"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(t)
			got, err := s.play(token, s.fault(getSMTP, smtp(`{"in_force":`+members+`}`))).Read(t.Context())
			if err != nil || got.InForce == nil || *got.InForce != want || got.InForce.Adoptable() {
				t.Errorf("got %+v, %v", got.InForce, err)
			}
		})
	}
}

// What a site reports about passes, tests and writers reaches the state and the screen.
func TestTextsOfASiteAreBoundedAndClean(t *testing.T) {
	long := "\u001b[31m250\r\n" + strings.Repeat("é", 900_000)
	text, err := json.Marshal(long)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.ReplaceAll(`{"status":"failed","reply":{"code":535,"enhanced_code":%,"text":%},"stages":[{"stage":%}],"recipient":%,"message_id":%,"error":%,"stage":%,"diagnosis":{"id":%,"summary":%,"cause":%,"remedy":%,"url":%},
		"certificate":{"issuer":%,"names":[%]}}`, "%", `"\u001b[31m250\r\n`+strings.Repeat("x", 9_000)+`"`)
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		opened := s.play(token,
			s.fault(getSMTP, smtp(`{"updated_by":"a\u202eb\n`+strings.Repeat("x", 900)+`","verification":{"tested_at":"2026-11-23T10:00:01Z","reply":"\u001b[31m250 `+
				strings.Repeat("x", 9_000)+`","recipient":"a\u0007","message_id":"b\r\nc"}}`)),
			s.fault(putTest, tested(200, all)),
			s.fault(getSMTP, smtp(`{"verification":{"tested_at":"2026-11-23T10:00:01Z","reply":`+string(text)+`}}`)))
		got, err := opened.Read(t.Context())
		if err != nil || !strings.HasPrefix(got.UpdatedBy, "ab xxx") || utf8.RuneCountInString(got.UpdatedBy) != 254 ||
			!strings.HasPrefix(got.Verification.Reply, "250 xxx") || utf8.RuneCountInString(got.Verification.Reply) != 1024 ||
			got.Verification.Recipient != "a" || got.Verification.MessageID != "b c" {
			t.Errorf("got %+v, %+v, %v", got, got.Verification, err)
		}
		result, err := opened.Test(t.Context(), site.TestRequest{Candidate: &candidate, Recipient: "ops@example.com"})
		if shown := fmt.Sprintf("%+v %+v %+v", result, result.Diagnosis, result.Certificate); err != nil || strings.ContainsAny(shown, "\x1b\r\n") || len(shown) > 12_000 {
			t.Errorf("got %d characters, %v: %.200q", len(shown), err, shown)
		}
		if _, err := opened.Read(t.Context()); site.KindOf(err) != site.Unexpected || !strings.Contains(flat(err), "larger than") {
			t.Errorf("got %.300v", err)
		}
	})
}

// Two sites can be at the same revision: a request to clear says which one is meant.
func TestClearNamesTheSite(t *testing.T) {
	for id, want := range map[string]string{"site-1": "site-1", "site \u00e9": ""} {
		synctest.Test(t, func(t *testing.T) {
			s := newScript(t)
			members := fmt.Sprintf(`{"site_id":%q}`, id)
			sent := s.on(deleteSMTP, smtp(merged(cleared, members)))
			sent.Check = func(at adminapitest.T, r *http.Request, body string) {
				s.check(at, r, body)
				if r.Header.Get("Site-ID") != want || r.Header.Get("If-Match") != `"7"` {
					t.Errorf("%s: the client sent %v", id, r.Header)
				}
			}
			if err := s.play(token, s.on(getSMTP, smtp(members)), sent).Clear(t.Context(), site.ClearRequest{Revision: "7", SiteID: id}); err != nil {
				t.Error(err)
			}
		})
	}
}

// A cache in front of a site may return a response from before a write.
func TestOutdatedResponseIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		opened := s.play(token, s.on(getSMTP, smtp("")), s.on(putSMTP, s.written), s.on(getSMTP, smtp("")), s.on(getSMTP, smtp(`{"revision":"9"}`)))
		if _, err := opened.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := writes("site-1")["Save"](t.Context(), opened); err != nil {
			t.Fatal(err)
		}
		_, err := opened.Read(t.Context())
		if site.KindOf(err) != site.Unexpected || !strings.Contains(flat(err), `it has revision "7", which "8" has replaced since. A cache in front`) {
			t.Errorf("got %v", err)
		}
		if got, err := opened.Read(t.Context()); err != nil || got.Revision != "9" {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestPresets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		opened := s.play(token,
			s.on(getPresets, adminapitest.JSON(200, `{"presets":[{"id":"gmail","name":"Gmail","host":"smtp.gmail.com","port":465,"encryption":"tls"}]}`)),
			s.on(getPresets, adminapitest.Problem(401, "unauthorized")))
		lister, ok := opened.(site.PresetLister)
		if !ok {
			t.Fatal("the client lists no presets")
		}
		got, err := lister.Presets(t.Context())
		want := []site.Preset{{ID: "gmail", Name: "Gmail", Host: "smtp.gmail.com", Port: 465, Encryption: site.TLS}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
		if _, err := lister.Presets(t.Context()); site.KindOf(err) != site.Unauthorized {
			t.Errorf("got %v", err)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	pool := adminapi.NewPool(adminapi.PoolOptions{})
	for name, tt := range map[string]struct {
		config  adminapi.Config
		account adminapi.Account
	}{
		"no URL":                    {adminapi.Config{Limits: quickLimits()}, token},
		"username without password": {adminapi.Config{URL: "https://a.example", Limits: quickLimits()}, adminapi.Account{Username: "admin"}},
		"no limits":                 {adminapi.Config{URL: "https://a.example"}, token},
	} {
		if opened, err := siteadmin.Open(pool, tt.config, tt.account); err == nil || opened != nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
