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

// maxWaits is how often a site may ask to be left alone before that is its answer.
const maxWaits = 3

// object is a JSON object.
type object map[string]any

// subject is the site of one rule.
type subject struct {
	sitetest.T
	sitetest.Target
	url   string
	token secret.Text
	// mail is the mail server of this command; nil where it uses another.
	mail *smtptest.Server
}

// answer is what came back for a call; body is nil where it is no JSON object.
type answer struct {
	call   string
	status int
	header http.Header
	body   object
}

// call makes a call with a body that is an object, a text that is sent as it stands, or nil. Headers are pairs; an empty value
// removes one. A site that wants fewer calls is waited for, up to maxWaits times.
func (s *subject) call(method, path string, body any, headers ...string) answer {
	s.Helper()
	return s.patient(maxWaits, method, path, body, headers...)
}

// once is call that takes 429 for an answer.
func (s *subject) once(method, path string, body any, headers ...string) answer {
	s.Helper()
	return s.patient(0, method, path, body, headers...)
}

// patient waits so often for a site that wants fewer calls.
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

// attempt makes a call once.
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
	// Without a client there is no redirect to follow.
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

// want makes sure of a status, and of the code of a problem document; "" for none.
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

// at makes sure that a problem names the field at fault.
func (s *subject) at(a answer, field string) {
	s.Helper()
	if got := a.body["field"]; got != field {
		s.Errorf("%s answers with the field %v, want %s", a.call, got, field)
	}
}

// smtp is what the site holds.
func (s *subject) smtp() object {
	s.Helper()
	return s.want(s.call(http.MethodGet, "/smtp", nil), http.StatusOK, "").body
}

// ifMatch is the header with the revision that the site has now.
func (s *subject) ifMatch() string { return fmt.Sprintf("%q", s.smtp()["revision"]) }

// write is the body of a PUT of c; with an empty password it has none.
func (s *subject) write(c site.Candidate, enabled bool) object {
	body := object{"settings": c.Settings, "enabled": enabled, "write_id": uuid.NewString()}
	if !c.Password.IsEmpty() {
		body["password"] = c.Password.Reveal()
	}
	return body
}

// save writes, with the revision that the site has now.
func (s *subject) save(body any) answer {
	s.Helper()
	return s.call(http.MethodPut, "/smtp", body, "If-Match", s.ifMatch())
}

// testOf is the body of a test of c.
func (s *subject) testOf(c site.Candidate) object {
	return object{"settings": c.Settings, "password": c.Password.Reveal(), "recipient": s.Recipient}
}

// newTest is the address of a test that there is not yet.
func newTest() string { return "/smtp/tests/" + uuid.NewString() }

// unchanged makes sure that what do does leaves the site as it was.
func (s *subject) unchanged(do func()) {
	s.Helper()
	before := fmt.Sprint(s.smtp())
	do()
	if after := fmt.Sprint(s.smtp()); after != before {
		s.Errorf("the site is\n%s, want\n%s", after, before)
	}
}
