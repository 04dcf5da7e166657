package contracttest

import (
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	smtpBody = `{"site_id":"a","api_version":1,"settings":{"host":"smtp.example.com","port":587,"encryption":"starttls","username":"",` +
		`"from_address":"a@example.com","from_name":"","helo_name":""},"enabled":false,"revision":"1","updated_at":null,"updated_by":null,` +
		`"last_write_id":null,"password_set":false,"password_id":null,"verification":{"tested_at":"2026-11-23T10:00:01Z",` +
		`"recipient":"b@example.com","reply":"250 OK","message_id":"c@example.com"}}`
	presetsBody = `{"presets":[{"id":"a","name":"A","host":"smtp.example.com","port":465,"encryption":"tls"}]}`
	siteBody    = `{"site_id":"a","name":"A","product":"p","api_version":1}`
	problemBody = `{"type":"about:blank","title":"Not found","status":404,"code":"not_found"}`
	writeBody   = `{"settings":{"host":"smtp.example.com","port":587,"encryption":"starttls","username":"","from_address":"a@example.com",` +
		`"from_name":"","helo_name":""},"enabled":false,"write_id":"0a6d2c9e-2f3b-4a66-8b51-1f0d6f1f5a10"}`
)

func TestCheck(t *testing.T) {
	openapi, err := os.ReadFile("../../platform/siteadmin/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Load(openapi)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		method, path, body string
		status             int
		contentType        string
		answer             string
		named, wrong       string
	}{
		"Right":         {"GET", "/site", "", 200, "application/json", siteBody, "getSite 200", ""},
		"UnknownMember": {"GET", "/site", "", 200, "application/json", siteBody[:1] + `"hash":"x",` + siteBody[1:], "getSite 200", `member "hash"`},
		"Nested":        {"GET", "/smtp", "", 200, "application/json", smtpBody, "getSMTP 200", ""},
		"UnknownMemberOfAMember": {
			"GET", "/smtp", "", 200, "application/json", strings.Replace(smtpBody, `"host"`, `"password_length":7,"host"`, 1),
			"getSMTP 200", `member "settings.password_length"`,
		},
		"UnknownMemberOfOneOfSeveral": {
			"GET", "/smtp", "", 200, "application/json", strings.Replace(smtpBody, `"reply"`, `"hash":"x","reply"`, 1),
			"getSMTP 200", `member "verification.hash"`,
		},
		"UnknownMemberInAList": {
			"GET", "/smtp/presets", "", 200, "application/json", strings.Replace(presetsBody, `"id"`, `"password":"x","id"`, 1),
			"getPresets 200", `member "presets.password"`,
		},
		"List":          {"GET", "/smtp/presets", "", 200, "application/json", presetsBody, "getPresets 200", ""},
		"MissingMember": {"GET", "/site", "", 200, "application/json", `{"site_id":"a"}`, "getSite 200", "missing"},
		"UnknownStatus": {"GET", "/site", "", 201, "application/json", siteBody, "getSite 201", "unexpected value"},
		"UnknownPath":   {"GET", "/nothing", "", 404, "application/problem+json", problemBody, "", ""},
		"PlainRefusal":  {"GET", "/nothing", "", 404, "text/plain", "Not found", "", "content type"},
		"RefusalWithCharset": {
			"GET", "/smtp", "", 401, "application/problem+json; charset=utf-8",
			`{"type":"about:blank","title":"Unauthorized","status":401,"code":"unauthorized"}`, "getSMTP 401", "",
		},
		"RefusalOfUnknownPath": {"GET", "/nothing", "", 404, "Application/Problem+JSON;charset=UTF-8", problemBody, "", ""},
		"RefusalOfNoType":      {"GET", "/nothing", "", 404, "", problemBody, "", "content type"},
		"OtherStatus":          {"GET", "/nothing", "", 405, "application/problem+json", problemBody, "", "a problem with status 404"},
		"UnknownCode":          {"GET", "/nothing", "", 404, "application/problem+json", strings.Replace(problemBody, "not_found", "gone", 1), "", "code"},
		"AcceptedWithoutBody":  {"PUT", "/smtp", "{}", 200, "application/json", siteBody, "putSMTP 200", "accepted a request that the contract refuses"},
		"NoJSON":               {"PUT", "/smtp", writeBody, 200, "application/json", "<h1>OK</h1>", "putSMTP 200", "invalid character"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "/client/admin/api/v1"+test.path, nil)
			if test.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			named, err := d.Check(Exchange{
				Request: r, Path: test.path, Body: []byte(test.body),
				Status: test.status, Header: http.Header{"Content-Type": {test.contentType}}, Answer: []byte(test.answer),
			})
			if named != test.named || (err == nil) != (test.wrong == "") || err != nil && !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%q, %v; want %q, %s", named, err, test.named, test.wrong)
			}
		})
	}
	if answers := d.Answers(); !slices.Contains(answers, "putSMTP 412") || slices.ContainsFunc(answers, func(a string) bool { return strings.HasSuffix(a, "default") }) {
		t.Errorf("got %q", answers)
	}
}
