package pocketbase_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/pocketbase"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const (
	postLogin     = "POST /api/collections/_superusers/auth-with-password"
	getSuperusers = "GET /api/collections/_superusers"
	getSettings   = "GET /api/settings"
	patchSettings = "PATCH /api/settings"
	postTest      = "POST /api/settings/test/email"
)

// The answers below are those of a PocketBase 0.36.8, and of a 0.39.11 where the name says so.
const (
	superusers = `{"id":"pbc_3142635823","name":"_superusers","type":"auth","system":true,"created":"2026-11-23 07:42:58.549Z"}`
	siteID     = "installed 2026-11-23 07:42:58.549Z"

	untouched = `{"meta":{"appName":"Acme","appURL":"http://localhost:8090","hideControls":false,"senderAddress":"support@example.com","senderName":"Support"},"smtp":{"authMethod":"","enabled":false,"host":"smtp.example.com","localName":"","port":587,"tls":false,"username":""}}`
	enabled   = `{"meta":{"appName":"Acme","appURL":"http://localhost:8090","hideControls":false,"senderAddress":"noreply@example.test","senderName":"Acme Mail"},"smtp":{"authMethod":"PLAIN","enabled":true,"host":"127.0.0.1","localName":"app.example.test","port":12525,"tls":false,"username":"mailer"}}`
	disabled  = `{"meta":{"appName":"Acme","appURL":"http://localhost:8090","hideControls":false,"senderAddress":"noreply@example.test","senderName":"Acme Mail"},"smtp":{"authMethod":"PLAIN","enabled":false,"host":"127.0.0.1","localName":"app.example.test","port":12525,"tls":false,"username":"mailer"}}`

	enabled039 = `{"meta":{"accentColor":"#1055c9","senderAddress":"noreply@example.test","senderName":"Acme Mail"},"smtp":{"authMethod":"PLAIN","enabled":true,"host":"127.0.0.1","localName":"app.example.test","port":12525,"tls":false,"username":"mailer"},"superuserIPs":[]}`
)

var (
	token    = adminapi.Account{Token: secret.New("t0ken")}
	password = secret.New("a submission password")
	settings = site.Settings{
		Host: "127.0.0.1", Port: 12525, Encryption: site.STARTTLS, Username: "mailer",
		FromAddress: "noreply@example.test", FromName: "Acme Mail", HELOName: "app.example.test",
	}
)

type step = adminapitest.Step

// play starts a scripted PocketBase and opens it.
func play(t *testing.T, account adminapi.Account, steps ...step) site.Site {
	t.Helper()
	scripted := adminapitest.Play(t, steps...)
	pool := adminapi.NewPool(adminapi.PoolOptions{DialContext: scripted.DialContext})
	t.Cleanup(pool.Close)
	opened, err := pocketbase.Open(pool, adminapi.Config{URL: adminapitest.URL, Limits: adminapi.DefaultLimits()}, account)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// on expects a call and gives an answer.
func on(call, answer string) step { return step{Call: call, Answer: adminapitest.JSON(200, answer)} }

// refuses expects a call and answers with a status and PocketBase's error document.
func refuses(call string, status int, body string) step {
	return step{Call: call, Answer: adminapitest.JSON(status, body)}
}

// with expects exactly this JSON in a step.
func with(body string, s step) step {
	s.Check = func(t adminapitest.T, r *http.Request, got string) {
		if !sameJSON(got, body) {
			t.Errorf("%s: got %s, want %s", r.URL.Path, got, body)
		}
	}
	return s
}

func sameJSON(a, b string) bool {
	var one, other any
	return json.Unmarshal([]byte(a), &one) == nil && json.Unmarshal([]byte(b), &other) == nil && reflect.DeepEqual(one, other)
}

// recognised is the step that comes first.
func recognised() step { return on(getSuperusers, superusers) }
