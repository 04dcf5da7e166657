package siteadmin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/siteadmin"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const (
	getSMTP     = "GET /admin/api/v1/smtp"
	putSMTP     = "PUT /admin/api/v1/smtp"
	deleteSMTP  = "DELETE /admin/api/v1/smtp"
	putTest     = "PUT /admin/api/v1/smtp/tests/*"
	getTest     = "GET /admin/api/v1/smtp/tests/*"
	postSession = "POST /admin/api/v1/session"
	getPresets  = "GET /admin/api/v1/smtp/presets"
)

type step = adminapitest.Step

// script is a scripted site that checks each request, and each answer that is not a fault, against the contract.
type script struct {
	t *testing.T

	mu sync.Mutex
	// sent holds what must be equal in each retry of a request: its body, and the test key or If-Match.
	sent map[string]map[string]bool
	// writeID is that of the last PUT.
	writeID string
}

func newScript(t *testing.T) *script {
	t.Helper()
	return &script{t: t, sent: map[string]map[string]bool{}}
}

// play starts the site and opens it.
func (s *script) play(account adminapi.Account, steps ...step) site.Site {
	s.t.Helper()
	scripted := adminapitest.Play(s.t, steps...)
	pool := adminapi.NewPool(adminapi.PoolOptions{DialContext: scripted.DialContext})
	s.t.Cleanup(pool.Close)
	opened, err := siteadmin.Open(pool, adminapi.Config{URL: adminapitest.URL, Limits: quickLimits()}, account)
	if err != nil {
		s.t.Fatal(err)
	}
	return opened
}

var token = adminapi.Account{Token: secret.New("t0ken")}

// on expects a call and gives an answer of the contract.
func (s *script) on(call string, answer http.HandlerFunc) step {
	return step{Call: call, Check: s.check, Answer: func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := contract.answer(r, body, answer); err != nil {
			s.t.Errorf("%s: the scripted answer is not in the contract: %v", call, err)
		}
		answer(w, r)
	}}
}

// fault expects a request and responds as no site should.
func (s *script) fault(call string, answer http.HandlerFunc) step {
	return step{Call: call, Check: s.check, Answer: answer}
}

func (s *script) check(t adminapitest.T, r *http.Request, body string) {
	if _, err := contract.request(r, []byte(body)); err != nil {
		t.Errorf("%s %s is not in the contract: %v", r.Method, r.URL.Path, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	call := r.Method + " " + path.Dir(r.URL.Path)
	if s.sent[call] == nil {
		s.sent[call] = map[string]bool{}
	}
	s.sent[call][path.Base(r.URL.Path)+r.Header.Get("If-Match")+body] = true
	var write struct {
		WriteID string `json:"write_id"`
	}
	if r.Method == http.MethodPut && json.Unmarshal([]byte(body), &write) == nil {
		s.writeID = write.WriteID
	}
}

// same checks that every retry of a request was equal to the first.
func (s *script) same() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for call, variants := range s.sent {
		if len(variants) > 1 {
			s.t.Errorf("retries of %s differed in %d variants: %v", call, len(variants), slices.Collect(maps.Keys(variants)))
		}
	}
}

// smtp is a GET /smtp document; members replace those of an enabled site.
func smtp(members string) http.HandlerFunc {
	return adminapitest.WithHeader("ETag", `W/"weak"`, adminapitest.JSON(200, merged(enabledSMTP, members)))
}

// written is the document of a site that holds the script's last write.
func (s *script) written(w http.ResponseWriter, r *http.Request) {
	smtp(fmt.Sprintf(`{"revision":"8","last_write_id":%q}`, s.writeID))(w, r)
}

// tested is a result of the test that r is about; members replace those of a pass.
func tested(code int, members string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := fmt.Sprintf(`{"key":%q}`, path.Base(r.URL.Path))
		adminapitest.JSON(code, merged(merged(passedTest, key), members))(w, r)
	}
}

// merged replaces members of one JSON object by those of another.
func merged(object, members string) string {
	var all map[string]any
	if err := json.Unmarshal([]byte(object), &all); err != nil {
		panic(err)
	}
	if members != "" {
		if err := json.Unmarshal([]byte(members), &all); err != nil {
			panic(err)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

const running = `{"status":"running","stage":null,"reply":null,"stages":[],"message_id":null,"tested_at":null}`

var (
	notFound = adminapitest.Problem(404, "not_found")

	enabledSMTP = `{
		"site_id":"site-1", "api_version":1,
		"settings":{"host":"smtp.example.com","port":587,"encryption":"starttls","username":"mailer@example.com",
			"from_address":"hello@example.com","from_name":"Client A","helo_name":"client-a.example"},
		"enabled":true, "revision":"7", "updated_at":"2026-11-23T10:00:02Z", "updated_by":"terraform",
		"last_write_id":"0a6d2c9e-2f3b-4a66-8b51-1f0d6f1f5a10", "password_set":true, "password_id":"3c1e9f57a8b24d60",
		"verification":{"tested_at":"2026-11-23T10:00:01Z","recipient":"ops@example.com","reply":"250 2.0.0 Ok","message_id":"8d0f@example.com"}
	}`
	cleared = `{"settings":{"host":"","port":0,"encryption":"","username":"","from_address":"","from_name":"","helo_name":""},
		"enabled":false,"revision":"9","password_set":false,"password_id":null,"verification":null}`
	passedTest = `{
		"key":"", "status":"passed", "stage":"data", "reply":{"code":250,"enhanced_code":"2.0.0","text":"Ok: queued"},
		"error":null, "certificate":null, "stages":[{"stage":"dns","milliseconds":3},{"stage":"data","milliseconds":40}],
		"recipient":"ops@example.com", "message_id":"8d0f@example.com", "tested_at":"2026-11-23T10:00:01Z", "diagnosis":null
	}`

	settings = site.Settings{
		Host: "smtp.example.com", Port: 587, Encryption: site.STARTTLS, Username: "mailer@example.com",
		FromAddress: "hello@example.com", FromName: "Client A", HELOName: "client-a.example",
	}
	candidate = site.Candidate{Settings: settings, Password: secret.New("a submission password")}
)

// limit is a timeout of two and a half minutes, more than any request needs.
func limit(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func flat(err error) string { return strings.ReplaceAll(fmt.Sprint(err), "\n", " ") }
