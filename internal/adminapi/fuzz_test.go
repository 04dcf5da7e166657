package adminapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for _, seed := range []string{"", "0", "7", "86400", "-1", "1e9", "Mon, 23 Nov 2026 10:00:30 GMT", "Mon Nov 23 10:00:30 2026"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got < 0 || got > longestRetryAfter {
			t.Errorf("%q: got %s", value, got)
		}
	})
}

func FuzzProblem(f *testing.F) {
	for _, seed := range []string{
		"", "{}", "null", `{"code":"stale","detail":"changed","field":"host"}`, `{"title":"\u001b[2J\u202e"}`, `{"detail":["canary"]}`,
		`{"detail":"Bearer canary-token","canary-token":{"x":["Y2FuYXJ5LXRva2Vu"]}}`,
	} {
		f.Add([]byte(seed), 422)
	}
	secrets := new(redactor)
	secrets.Add(secret.New("canary-token"))
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		if status < 400 || status > 599 {
			return
		}
		e := refusal(&http.Response{StatusCode: status, Request: new(http.Request)}, body, secrets)
		text := e.Error()
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("the error holds unprintable characters: %q", text)
		}
		if utf8.RuneCountInString(text) > 2*maxDetail {
			t.Errorf("%d characters", utf8.RuneCountInString(text))
		}
		var members map[string]any
		_ = e.Decode(&members)
		if everything, _ := json.Marshal(members); strings.Contains(string(everything)+text, "canary-token") {
			t.Errorf("the error shows a secret: %s, %s", everything, text)
		}
	})
}
