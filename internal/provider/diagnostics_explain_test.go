package provider_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// opaque returns a site that reports failed tests without a reason.
func opaque(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		var test map[string]any
		if strings.Contains(r.URL.Path, "/tests/") && json.Unmarshal(body, &test) == nil && test["status"] == "failed" {
			maps.Copy(test, map[string]any{"stage": nil, "reply": nil, "diagnosis": nil, "stages": []any{}, "error": "could not send"})
			body, _ = json.Marshal(test)
		}
		maps.Copy(rw.Header(), answer.Header())
		rw.Header().Del("Content-Length")
		rw.WriteHeader(answer.Code)
		_, _ = bytes.NewReader(body).WriteTo(rw)
	})
}

func TestAccExplainsFromHere(t *testing.T) {
	t.Parallel()
	config := func(tb *testbed, localCheck string, overrides ...arguments) string {
		provider := strings.Replace(tb.provider(), "{\n", "{\n  local_check = "+localCheck+"\n", 1)
		return provider + tb.resource(append(overrides, arguments{"encryption": hcl("none")})...)
	}
	for name, c := range map[string]struct {
		overrides  arguments
		localCheck string
		says       string
		logins     int
	}{
		"RefusedLoginSeenFromHere": {overrides: arguments{"password_wo": hcl("wrong")}, localCheck: "true", says: `(?s)could not send.*From this machine to .*535`, logins: 2},
		"NothingWrongFromHere":     {overrides: arguments{"test": `{ recipient = "refused@example.test" }`}, localCheck: "true", says: `(?s)could not send.*accepts the\s+login`, logins: 2},
		"SwitchedOff":              {overrides: arguments{"password_wo": hcl("wrong")}, localCheck: "false", says: `could not send`, logins: 1},
	} {
		t.Run(name, func(t *testing.T) {
			tb := newTestbed(t, smtptest.Config{Encryption: site.NoEncryption}, "only")
			tb.smtp.SetFaults(smtptest.Faults{RcptErr: refuse("refused@example.test")})
			tamper := opaque
			tb.tamper.Store(&tamper)
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps:                    []resource.TestStep{{Config: config(tb, c.localCheck, c.overrides), ExpectError: regexp.MustCompile(c.says)}},
			})
			if got := tb.smtp.Counters().Logins; got != c.logins {
				t.Errorf("%d logins, want %d", got, c.logins)
			}
			if got := len(tb.smtp.Messages()); got != 0 {
				t.Errorf("%d messages", got)
			}
		})
	}

	t.Run("NotAfterARefusedLogin", func(t *testing.T) {
		tb := newTestbed(t, smtptest.Config{Encryption: site.NoEncryption}, "only")
		resource.UnitTest(t, resource.TestCase{
			ProtoV6ProviderFactories: factories,
			Steps: []resource.TestStep{{
				Config: config(tb, "true", arguments{"password_wo": hcl("wrong")}), ExpectError: regexp.MustCompile("535"),
			}},
		})
		if got := tb.smtp.Counters().Logins; got != 1 {
			t.Errorf("%d logins, want 1", got)
		}
	})
}
