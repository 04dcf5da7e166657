package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// maxWaits is how often a request is retried after a 429 before the 429 is the result.
const maxWaits = 3

// object is a JSON object.
type object map[string]any

// subject is the site that one rule checks.
type subject struct {
	sitetest.T
	sitetest.Target
	url   string
	token secret.Text
	// mail is the mail server of this command; nil if -mail-host names a different server.
	mail *smtptest.Server
}

// answer is the response to a request; body is nil if it is not a JSON object.
type answer struct {
	call   string
	status int
	header http.Header
	body   object
}

// call sends a request. body is an object, a string that is sent unchanged, or nil. headers are pairs; an empty value removes a header.
// After a 429 with Retry-After, call waits and retries, up to maxWaits times.
func (s *subject) call(method, path string, body any, headers ...string) answer {
	s.Helper()
	return s.patient(maxWaits, method, path, body, headers...)
}

// once is call without retries after a 429.
func (s *subject) once(method, path string, body any, headers ...string) answer {
	s.Helper()
	return s.patient(0, method, path, body, headers...)
}

// patient is call with waits retries after a 429.
func (s *subject) patient(waits int, method, path string, body any, headers ...string) answer {
	s.Helper()
	sent, isText := body.(string)
	if !isText && body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			s.Fatalf("%v", err)
		}
		sent = string(encoded)
	}
	for ; ; waits-- {
		a, err := s.attempt(method, path, sent, headers)
		if err != nil {
			s.Fatalf("%s %s: %v", method, path, err)
		}
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		if a.status != http.StatusTooManyRequests || err != nil || waits == 0 {
			return a
		}
		if err := adminapi.Sleep(s.Context(), min(time.Duration(seconds)*time.Second, time.Minute)); err != nil {
			s.Fatalf("%v", err)
		}
	}
}

// attempt sends a request once.
func (s *subject) attempt(method, path, body string, headers []string) (answer, error) {
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+apiPath+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+s.token.Reveal())
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	// A transport, unlike a client, does not follow redirects.
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	a := answer{call: method + " " + path, status: resp.StatusCode, header: resp.Header}
	_ = json.Unmarshal(raw, &a.body)
	return a, err
}

// want checks the status, and the code of the problem document; "" means that there is none.
func (s *subject) want(a answer, status int, code string) answer {
	s.Helper()
	got, _ := a.body["code"].(string)
	if a.status != status || got != code {
		s.Errorf("%s answers %s, want %s", a.call, describe(a.status, got), describe(status, code))
	}
	return a
}

func describe(status int, code string) string {
	if code == "" {
		return fmt.Sprint(status)
	}
	return fmt.Sprintf("%d %s", status, code)
}

// at checks that a problem names the field at fault.
func (s *subject) at(a answer, field string) {
	s.Helper()
	if got := a.body["field"]; got != field {
		s.Errorf("%s answers with the field %v, want %s", a.call, got, field)
	}
}

// smtp returns the state of the site.
func (s *subject) smtp() object {
	s.Helper()
	return s.want(s.call(http.MethodGet, "/smtp", nil), http.StatusOK, "").body
}

// ifMatch returns the If-Match header with the site's current revision.
func (s *subject) ifMatch() string { return fmt.Sprintf("%q", s.smtp()["revision"]) }

// write returns the body of a PUT of c. An empty password is omitted.
func (s *subject) write(c site.Candidate, enabled bool) object {
	body := object{"settings": c.Settings, "enabled": enabled, "write_id": uuid.NewString()}
	if !c.Password.IsEmpty() {
		body["password"] = c.Password.Reveal()
	}
	return body
}

// save writes with the site's current revision.
func (s *subject) save(body any) answer {
	s.Helper()
	return s.call(http.MethodPut, "/smtp", body, "If-Match", s.ifMatch())
}

// testOf returns the body of a test of c.
func (s *subject) testOf(c site.Candidate) object {
	return object{"settings": c.Settings, "password": c.Password.Reveal(), "recipient": s.Recipient}
}

// newTest returns the path of a new test.
func newTest() string { return "/smtp/tests/" + uuid.NewString() }

// unchanged checks that do does not change the site.
func (s *subject) unchanged(do func()) {
	s.Helper()
	before := fmt.Sprint(s.smtp())
	do()
	if after := fmt.Sprint(s.smtp()); after != before {
		s.Errorf("the site is\n%s, want\n%s", after, before)
	}
}
