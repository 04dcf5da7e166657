package listmonk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/listmonk"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const (
	getConfig   = "GET /api/config"
	getSettings = "GET /api/settings"
	putSettings = "PUT /api/settings"
	postTest    = "POST /api/settings/smtp/test"
	rootURL     = "https://lists.example.test"
)

type step = adminapitest.Step

// script is a scripted listmonk.
type script struct {
	mu sync.Mutex
	// put is the body of the last write.
	put string
}

// open plays the steps and opens the site that follows them.
func (s *script) open(t *testing.T, steps ...step) site.Site {
	t.Helper()
	scripted := adminapitest.Play(t, steps...)
	pool := adminapi.NewPool(adminapi.PoolOptions{DialContext: scripted.DialContext})
	t.Cleanup(pool.Close)
	opened, err := listmonk.Open(pool, adminapi.Config{URL: adminapitest.URL, Limits: adminapi.DefaultLimits()},
		adminapi.Account{Username: "terraform", Password: secret.New("t0ken")})
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// read shows settings with these servers.
func read(servers string) step {
	return step{Call: getSettings, Answer: adminapitest.JSON(200, fmt.Sprintf(
		`{"data":{"app.root_url":%q,"app.from_email":"listmonk <noreply@listmonk.yoursite.com>","bounce.sendgrid_key":"••••","app.batch_size":12345678901234567890,"smtp":%s}}`,
		rootURL, servers))}
}

const (
	noServer    = `[{"uuid":"y","enabled":false,"host":"off.example","port":25,"password":"•••"}]`
	otherServer = `[{"uuid":"x","enabled":true,"host":"other.example","port":25,"tls_type":"none"}]`
	ourServer   = `[{"uuid":"736d7470-1","enabled":true,"host":"smtp.example.test","port":587,"tls_type":"STARTTLS","username":"mailer@example.test",
		"password":"•••","hello_hostname":"client-a.example.test"}, {"uuid":"x","enabled":true,"host":"other.example","port":25,"tls_type":"none"}]`
)

// write takes a write and answers it.
func (s *script) write(answer http.HandlerFunc) step {
	return step{Call: putSettings, Answer: answer, Check: func(t adminapitest.T, _ *http.Request, body string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.put != "" && s.put != body {
			t.Errorf("the retry differs: %s after %s", body, s.put)
		}
		s.put = body
	}}
}

// kept shows what was written, passwords as bullets.
func (s *script) kept() step {
	return step{Call: getSettings, Answer: func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, _ = io.WriteString(w, `{"data":`+strings.ReplaceAll(s.put, password.Reveal(), "•••••••••••••••••••••")+`}`)
	}}
}

// config serves listmonk's description of itself.
func config(data string) step {
	return step{Call: getConfig, Answer: adminapitest.JSON(200, `{"data":`+data+`}`)}
}

var (
	saved = adminapitest.JSON(200, `{"data":true}`)
	// running is a listmonk that needs no restart.
	running  = config(`{"version":"v6.2.0","needs_restart":false}`)
	settings = site.Settings{
		Host: "smtp.example.test", Port: 587, Encryption: site.STARTTLS, Username: mailer,
		FromAddress: "hello@example.test", FromName: "Client A", HELOName: "client-a.example.test",
	}
	save      = site.SaveRequest{Settings: settings, Password: password, Enabled: true, SiteID: rootURL}
	candidate = site.Candidate{Settings: settings, Password: password}
)

func TestWriteWaitsForTheRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(script)
		start := time.Now()
		refused := step{Dial: adminapitest.Refused()}
		got, err := s.open(t, read(noServer), s.write(saved), refused, refused, running, s.kept()).Save(t.Context(), save)
		if want := (site.State{SiteID: rootURL, Settings: settings, Enabled: true, PasswordSet: true}); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		if waited := time.Since(start); waited < time.Second {
			t.Errorf("returned after %s, before listmonk restarted", waited)
		}
	})
}

func TestInterruptedRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		s := new(script)
		_, err := s.open(t, read(noServer), s.write(saved)).Save(ctx, save)
		if site.KindOf(err) != site.NoAnswer || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestRunningCampaignsPutARestartOff(t *testing.T) {
	for name, steps := range map[string]func(s *script) []step{
		"Answered": func(s *script) []step {
			return []step{s.write(adminapitest.JSON(200, `{"data":{"needs_restart":true}}`))}
		},
		"LostAnswer": func(s *script) []step { return []step{s.write(adminapitest.Reset), s.kept()} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(script)
				all := append([]step{read(noServer)}, steps(s)...)
				all = append(all, config(`{"version":"v6.2.0","needs_restart":true}`))
				_, err := s.open(t, all...).Save(t.Context(), save)
				if site.KindOf(err) != site.Unexpected || !strings.Contains(err.Error(), "campaigns are running") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// After a lost response, the settings show whether the write was carried out: a new password has a new UUID.
func TestALostWrite(t *testing.T) {
	for name, tt := range map[string]struct {
		steps func(s *script) []step
		want  site.Kind
	}{
		"Made":      {func(s *script) []step { return []step{s.kept(), running, s.kept()} }, ""},
		"NotMade":   {func(s *script) []step { return []step{read(noServer), s.write(saved), running, s.kept()} }, ""},
		"OtherUser": {func(*script) []step { return []step{read(otherServer)} }, site.NoAnswer},
		"Unknown": {func(*script) []step {
			return []step{{Call: getSettings, Answer: adminapitest.JSON(403, `{"message":"invalid session"}`)}}
		}, site.NoAnswer},
	} {
		for fault, lost := range map[string]http.HandlerFunc{"reset": adminapitest.Reset, "silence": adminapitest.Silence, "502": adminapitest.HTML(502)} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := new(script)
					steps := append([]step{read(noServer), s.write(lost)}, tt.steps(s)...)
					got, err := s.open(t, steps...).Save(t.Context(), save)
					if site.KindOf(err) != tt.want || tt.want == "" && (err != nil || got.Settings != settings) {
						t.Errorf("got %+v, %v, want %q", got, err, tt.want)
					}
					if err != nil && strings.Contains(err.Error(), password.Reveal()) {
						t.Errorf("the error shows a secret: %v", err)
					}
				})
			})
		}
	}
}

// Without a new password the UUID stays, and the changed settings show whether the write was carried out.
func TestLostDisable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, off := new(script), save
		off.Password, off.Enabled = secret.Text{}, false
		sender := func(s step) step {
			answer := s.Answer
			s.Answer = func(w http.ResponseWriter, r *http.Request) {
				recorded := httptest.NewRecorder()
				answer(recorded, r)
				_, _ = io.WriteString(w, strings.Replace(recorded.Body.String(), "listmonk <noreply@listmonk.yoursite.com>", "Client A <hello@example.test>", 1))
			}
			return s
		}
		got, err := s.open(t, sender(read(ourServer)), s.write(adminapitest.Reset), sender(read(ourServer)), s.write(saved), running, s.kept()).Save(t.Context(), off)
		if err != nil || got.Enabled || got.Settings != settings {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestWriteSendsAllSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(script)
		if _, err := s.open(t, read(noServer), s.write(saved), running, s.kept()).Save(t.Context(), save); err != nil {
			t.Fatal(err)
		}
		var body map[string]json.RawMessage
		if err := json.Unmarshal([]byte(s.put), &body); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			"app.root_url": `"` + rootURL + `"`, "app.batch_size": "12345678901234567890", "bounce.sendgrid_key": `""`,
			"app.from_email": `"\"Client A\" \u003chello@example.test\u003e"`,
		} {
			if string(body[name]) != want {
				t.Errorf("%s is %s, want %s", name, body[name], want)
			}
		}
	})
}

func TestVerdicts(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   site.TestResult
	}{
		"Passed": {adminapitest.JSON(200, `{"data":["2026/11/23 07:45:50.712762 main.go:106:"]}`), site.TestResult{Status: site.Passed, Stage: site.StageData}},
		"Login": {adminapitest.JSON(500, `{"message":"535 \"5.7.8 authentication failed\""}`), site.TestResult{
			Status: site.Failed, Stage: site.StageAuth, Reply: &site.Reply{Code: 535, EnhancedCode: "5.7.8", Text: "authentication failed"},
		}},
		"Recipient": {adminapitest.JSON(500, `{"message":"550 \"5.1.1 no such user\""}`), site.TestResult{
			Status: site.Failed, Reply: &site.Reply{Code: 550, EnhancedCode: "5.1.1", Text: "no such user"},
		}},
		"Connection": {adminapitest.JSON(500, `{"message":"dial tcp 127.0.0.1:1: connect: connection refused"}`), site.TestResult{
			Status: site.Failed, Stage: site.StageConnect, Error: "dial tcp 127.0.0.1:1: connect: connection refused",
		}},
		"NoSTARTTLS": {adminapitest.JSON(500, `{"message":"SMTP STARTTLS extension not found"}`), site.TestResult{
			Status: site.Failed, Stage: site.StageSTARTTLS, Error: "SMTP STARTTLS extension not found",
		}},
		"Doubt": {adminapitest.JSON(500, `{"message":"EOF"}`), site.TestResult{Status: site.InDoubt, Stage: site.StageData, Error: "EOF"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := new(script).open(t, read(noServer), running, step{Call: postTest, Answer: tt.answer}).
					Test(t.Context(), site.TestRequest{Candidate: &candidate, Recipient: recipient, SiteID: rootURL})
				if !strings.HasSuffix(got.MessageID, "@example.test") {
					t.Errorf("got Message-ID %q", got.MessageID)
				}
				tt.want.Recipient, tt.want.TestedAt, tt.want.MessageID = recipient, time.Now(), got.MessageID
				if err != nil || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
				}
			})
		})
	}
}

func TestWhatIsTested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		check := func(t adminapitest.T, _ *http.Request, body string) {
			var got map[string]any
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Errorf("%v", err)
			}
			for name, want := range map[string]any{
				"email": recipient, "host": "smtp.example.test", "port": 587.0, "tls_type": "STARTTLS", "tls_skip_verify": false, "auth_protocol": "login",
				"username": mailer, "password": password.Reveal(), "hello_hostname": "client-a.example.test", "max_msg_retries": 1.0,
			} {
				if got[name] != want {
					t.Errorf("%s is %v, want %v", name, got[name], want)
				}
			}
		}
		_, err := new(script).open(t, read(noServer), running, step{Call: postTest, Check: check, Answer: saved}).
			Test(t.Context(), site.TestRequest{Candidate: &candidate, Recipient: recipient})
		if err != nil {
			t.Error(err)
		}
	})
}

// Tests cannot be identified, so a test is retried only if it certainly did not arrive.
func TestATestIsSentOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		steps []step
		want  site.Kind
	}{
		"Refused":    {[]step{{Dial: adminapitest.Refused()}, {Call: postTest, Answer: saved}}, ""},
		"Reset":      {[]step{{Call: postTest, Answer: adminapitest.Reset}}, site.NoAnswer},
		"Silence":    {[]step{{Call: postTest, Answer: adminapitest.Silence}}, site.NoAnswer},
		"502":        {[]step{{Call: postTest, Answer: adminapitest.HTML(502)}}, site.NoAnswer},
		"500":        {[]step{{Call: postTest, Answer: adminapitest.HTML(500)}}, site.NoAnswer},
		"400":        {[]step{{Call: postTest, Answer: adminapitest.JSON(400, `{"message":"Error creating SMTP: unknown SMTP auth type 'xoauth'"}`)}}, site.Unexpected},
		"Permission": {[]step{{Call: postTest, Answer: adminapitest.JSON(403, `{"message":"permission denied: settings:manage"}`)}}, site.Unauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, err := new(script).open(t, append([]step{read(noServer), running}, tt.steps...)...).
					Test(t.Context(), site.TestRequest{Candidate: &candidate, Recipient: recipient})
				if site.KindOf(err) != tt.want || tt.want == "" && err != nil {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			})
		})
	}
}

func TestInvalidRecipientSendsNothing(t *testing.T) {
	for _, to := range []string{"", "ops", "Ops <ops@example.test>", "a@example.test,b@example.test", "ops@example.test> SIZE=1", "ops@example.test\r\nRCPT TO:<eve@example.test>"} {
		synctest.Test(t, func(t *testing.T) {
			_, err := new(script).open(t).Test(t.Context(), site.TestRequest{Candidate: &candidate, Recipient: to})
			if e, ok := errors.AsType[*site.Error](err); !ok || e.Kind != site.Invalid || e.Field != "recipient" {
				t.Errorf("%q: got %v", to, err)
			}
		})
	}
}

// In these versions a test passes even if the mail server cannot be reached.
func TestNothingIsTestedWithoutAVerdict(t *testing.T) {
	for _, version := range []string{"v5.0.0", "v5.0.1", "v5.0.2", "5.0.2", "v5.0.2-rc1"} {
		synctest.Test(t, func(t *testing.T) {
			_, err := new(script).open(t, read(noServer), config(`{"version":"`+version+`"}`)).
				Test(t.Context(), site.TestRequest{Candidate: &candidate, Recipient: recipient})
			if site.KindOf(err) != site.Unsupported || !strings.Contains(err.Error(), version+" ") || !strings.Contains(err.Error(), "5.0.3") {
				t.Errorf("%s: got %v", version, err)
			}
		})
	}
	for _, version := range []string{"v4.0.0", "v4.1.0", "v5.0.3", "v5.0.10", "v5.0.20", "v5.1.0", "v6.2.0", "v15.0.1", "nightly", ""} {
		synctest.Test(t, func(t *testing.T) {
			got, err := new(script).open(t, read(noServer), config(`{"version":"`+version+`"}`), step{Call: postTest, Answer: saved}).
				Test(t.Context(), site.TestRequest{Candidate: &candidate, Recipient: recipient})
			if err != nil || got.Status != site.Passed {
				t.Errorf("%s: got %+v, %v", version, got, err)
			}
		})
	}
	for want, answer := range map[site.Kind]http.HandlerFunc{
		site.Unexpected:   adminapitest.JSON(200, `{"data":null}`),
		site.Unauthorized: adminapitest.JSON(403, `{"message":"invalid session"}`),
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := new(script).open(t, read(noServer), step{Call: getConfig, Answer: answer}).
				Test(t.Context(), site.TestRequest{Candidate: &candidate, Recipient: recipient})
			if site.KindOf(err) != want {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func TestStoredPasswordIsNotTested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := new(script).open(t).Test(t.Context(), site.TestRequest{Recipient: recipient})
		if site.KindOf(err) != site.Unsupported {
			t.Errorf("got %v", err)
		}
	})
}

func TestNothingIsSentToAnotherSite(t *testing.T) {
	for name, call := range map[string]func(ctx context.Context, s site.Site) error{
		"Test": func(ctx context.Context, s site.Site) error {
			_, err := s.Test(ctx, site.TestRequest{Candidate: &candidate, Recipient: recipient, SiteID: "https://other.example"})
			return err
		},
		"Save": func(ctx context.Context, s site.Site) error {
			_, err := s.Save(ctx, site.SaveRequest{Settings: settings, Password: password, SiteID: "https://other.example"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := call(t.Context(), new(script).open(t, read(noServer)))
				if site.KindOf(err) != site.WrongSite || !strings.Contains(err.Error(), rootURL) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestNothingIsSentToOtherSoftware(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   site.Kind
		text   string
	}{
		"a page":       {adminapitest.HTML(200), site.Unexpected, "check url"},
		"another API":  {adminapitest.JSON(200, `{"data":{"hello":"world"}}`), site.Unexpected, "check url and platform"},
		"null":         {adminapitest.JSON(200, `{"data":null}`), site.Unexpected, "check url and platform"},
		"other shapes": {adminapitest.JSON(200, `{"data":{"app.root_url":"https://a.example","smtp":[1]}}`), site.Unexpected, "check url"},
		"no API user":  {adminapitest.JSON(403, `{"message":"invalid API credentials"}`), site.Unauthorized, "invalid API credentials"},
	} {
		for call, run := range map[string]func(ctx context.Context, s site.Site) error{
			"Read":  func(ctx context.Context, s site.Site) error { _, err := s.Read(ctx); return err },
			"Save":  func(ctx context.Context, s site.Site) error { _, err := s.Save(ctx, save); return err },
			"Clear": func(ctx context.Context, s site.Site) error { return s.Clear(ctx, site.ClearRequest{}) },
			"Test": func(ctx context.Context, s site.Site) error {
				_, err := s.Test(ctx, site.TestRequest{Candidate: &candidate, Recipient: recipient})
				return err
			},
		} {
			t.Run(call+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					err := run(t.Context(), new(script).open(t, step{Call: getSettings, Answer: tt.answer}))
					if site.KindOf(err) != tt.want || !strings.Contains(err.Error(), tt.text) {
						t.Errorf("got %q: %v", site.KindOf(err), err)
					}
				})
			})
		}
	}
}

func TestAccounts(t *testing.T) {
	pool, config := adminapi.NewPool(adminapi.PoolOptions{}), adminapi.Config{URL: adminapitest.URL, Limits: adminapi.DefaultLimits()}
	for attribute, account := range map[string]adminapi.Account{
		"token":    {Token: secret.New("t0ken")},
		"password": {Username: "terraform"},
	} {
		_, err := listmonk.Open(pool, config, account)
		if e, ok := errors.AsType[*adminapi.ConfigError](err); !ok || e.Attribute != attribute {
			t.Errorf("%s: got %v", attribute, err)
		}
	}
}
