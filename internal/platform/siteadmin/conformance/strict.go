package main

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// strictRules check that a site refuses names, values and headers that are almost right.
var strictRules = []rule{
	{"DuplicateMembers", "putSMTP", func(s *subject) {
		s.malformedOnce(`"host":`, `"host":"smtp.example.com","host":`)
		s.malformedOnce(`"enabled":false`, `"enabled":false,"enabled":false`)
	}},
	{"NamesInAnotherCase", "putSMTP", func(s *subject) {
		s.malformedOnce(`"host":`, `"Host":`)
		s.malformedOnce(`"enabled":`, `"ENABLED":`)
	}},
	{"StarIsNotARevision", "putSMTP", func(s *subject) {
		s.want(s.save(s.write(s.Good, false)), http.StatusOK, "")
		s.unchanged(func() {
			s.want(s.call(http.MethodPut, "/smtp", s.write(s.Good, false), "If-Match", "*"), http.StatusBadRequest, "malformed")
			s.want(s.call(http.MethodDelete, "/smtp", nil, "If-Match", "*"), http.StatusBadRequest, "malformed")
		})
	}},
	{"SettingsComeBackAsSent", "putSMTP", func(s *subject) {
		spaced := s.Good
		spaced.Settings.FromName = "  " + spaced.Settings.FromName + "  x "
		a := s.save(s.write(spaced, false))
		if a.status == http.StatusUnprocessableEntity {
			s.at(s.want(a, http.StatusUnprocessableEntity, "invalid"), "from_name")
			return
		}
		s.want(a, http.StatusOK, "")
		settings, _ := s.smtp()["settings"].(map[string]any)
		if settings["from_name"] != spaced.Settings.FromName {
			s.Errorf("from_name was sent as %q, but is returned as %q", spaced.Settings.FromName, settings["from_name"])
		}
	}},
	{"ThePasswordIsNotTrimmed", "putTest", func(s *subject) {
		spaced := s.Good
		spaced.Password = secret.New(spaced.Password.Reveal() + " ")
		path := newTest()
		a := s.call(http.MethodPut, path, s.testOf(spaced))
		if a.status == http.StatusUnprocessableEntity {
			s.at(s.want(a, http.StatusUnprocessableEntity, "invalid"), "password")
			return
		}
		if got := s.result(path, a); got["status"] != "failed" || got["stage"] != "auth" {
			s.Errorf("the password with a trailing space ends as %v at %v, want failed at auth", got["status"], got["stage"])
		}
	}},
	{"LoginWithoutEncryption", "putSMTP", func(s *subject) {
		open := s.Good
		open.Settings.Host, open.Settings.Encryption = "smtp.example.com", site.NoEncryption
		s.unchanged(func() {
			s.at(s.want(s.save(s.write(open, false)), http.StatusUnprocessableEntity, "invalid"), "encryption")
			s.at(s.want(s.call(http.MethodPut, newTest(), s.testOf(open)), http.StatusUnprocessableEntity, "invalid"), "encryption")
		})
	}},
	{"LineBreaksInValues", "putTest", func(s *subject) {
		s.Delivers(s, 0, func() {
			for field, value := range map[string]string{
				"recipient": "a@example.com>\r\nRCPT TO:<b@example.com", "from_name": "A\r\nBcc: b@example.com", "from_address": "a@example.com> SIZE=1",
				"helo_name": "a\r\nQUIT",
			} {
				var body object
				encoded, _ := json.Marshal(s.testOf(s.Good)) // cannot fail
				_ = json.Unmarshal(encoded, &body)
				if settings, ok := body["settings"].(map[string]any); ok && field != "recipient" {
					settings[field] = value
				} else {
					body[field] = value
				}
				s.at(s.want(s.call(http.MethodPut, newTest(), body), http.StatusUnprocessableEntity, "invalid"), field)
			}
		})
	}},
	{"ThePasswordGoesWithTheUsername", "putSMTP", func(s *subject) {
		s.want(s.save(s.write(s.Good, false)), http.StatusOK, "")
		relay := site.Candidate{Settings: s.Good.Settings}
		relay.Settings.Username = ""
		a := s.want(s.save(s.write(relay, false)), http.StatusOK, "")
		if a.body["password_set"] != false || a.body["password_id"] != nil {
			s.Errorf("without a username, password_set is %v and password_id %v, want false and null", a.body["password_set"], a.body["password_id"])
		}
		s.want(s.save(s.write(site.Candidate{Settings: s.Good.Settings}, false)), http.StatusUnprocessableEntity, "password_required")
	}},
	{"PasswordWithoutUsername", "putSMTP", func(s *subject) {
		beside := s.Good
		beside.Settings.Username = ""
		s.unchanged(func() {
			s.at(s.want(s.save(s.write(beside, false)), http.StatusUnprocessableEntity, "invalid"), "password")
		})
	}},
	{"EveryWriteIsANewRevision", "putSMTP", func(s *subject) {
		body := s.write(s.Good, false)
		first := s.want(s.save(body), http.StatusOK, "")
		body["write_id"] = uuid.NewString()
		if second := s.want(s.save(body), http.StatusOK, ""); second.body["revision"] == first.body["revision"] {
			s.Errorf("two writes have the revision %v", first.body["revision"])
		}
	}},
	{"VerificationIsOfTheSavedSettings", "putSMTP", func(s *subject) {
		path := newTest()
		s.result(path, s.call(http.MethodPut, path, s.testOf(s.Good)))
		if a := s.want(s.save(s.write(s.Good, false)), http.StatusOK, ""); a.body["verification"] == nil {
			s.Errorf("the saved settings passed a test, but verification is null")
		}
		other := s.Good
		other.Settings.FromName += " other"
		if a := s.want(s.save(s.write(other, false)), http.StatusOK, ""); a.body["verification"] != nil {
			s.Errorf("the saved settings differ from those that passed, but verification is %v", a.body["verification"])
		}
	}},
}

// malformedOnce checks that a write is refused if part is replaced by instead.
func (s *subject) malformedOnce(part, instead string) {
	s.Helper()
	encoded, err := json.Marshal(s.write(s.Good, false))
	if err != nil || strings.Count(string(encoded), part) != 1 {
		s.Fatalf("%s is not once in the request: %v", part, err)
	}
	s.unchanged(func() {
		s.want(s.save(strings.Replace(string(encoded), part, instead, 1)), http.StatusBadRequest, "malformed")
	})
}
