package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// pollEvery is the polling interval for a running test.
const pollEvery = time.Second

// maxBody is the maximum size in bytes of a request body that a site must read.
const maxBody = 64 << 10

// rule is a rule of the contract that the suite cannot check, because the provider's client never violates it.
type rule struct {
	name, operation string
	run             func(s *subject)
}

var rules = []rule{
	{"TokenIsRequired", "getSMTP", func(s *subject) {
		s.want(s.save(s.write(s.Good, false)), http.StatusOK, "")
		refused := func(method, path string, body any, headers ...string) {
			for _, authorization := range []string{"", "Bearer no-token-of-this-site", "Basic YTpi"} {
				a := s.call(method, path, body, append(headers, "Authorization", authorization)...)
				s.want(a, http.StatusUnauthorized, "unauthorized")
			}
		}
		for _, path := range []string{"/site", "/smtp", "/smtp/presets", newTest()} {
			refused(http.MethodGet, path, nil)
		}
		s.unchanged(func() {
			refused(http.MethodPut, "/smtp", s.write(s.Bad, false), "If-Match", s.ifMatch())
			refused(http.MethodDelete, "/smtp", nil, "If-Match", s.ifMatch())
			s.Delivers(s, 0, func() {
				refused(http.MethodPut, newTest(), s.testOf(s.Good))
				refused(http.MethodPut, newTest(), object{"recipient": s.Recipient})
			})
		})
	}},
	{"WrongLoginIsRefused", "createSession", func(s *subject) {
		login := object{"username": uuid.NewString(), "password": uuid.NewString()}
		s.want(s.call(http.MethodPost, "/session", login, "Authorization", ""), http.StatusUnauthorized, "unauthorized")
	}},
	{"SiteIDsAreEqual", "getSite", func(s *subject) {
		a := s.want(s.call(http.MethodGet, "/site", nil), http.StatusOK, "")
		if got, want := a.body["site_id"], s.smtp()["site_id"]; got != want {
			s.Errorf("site_id is %v in /site, but %v in /smtp", got, want)
		}
	}},
	{"PresetsAreListed", "getPresets", func(s *subject) {
		s.want(s.call(http.MethodGet, "/smtp/presets", nil), http.StatusOK, "")
	}},
	{"TheETagIsTheRevision", "getSMTP", func(s *subject) {
		a := s.call(http.MethodGet, "/smtp", nil)
		if got, want := strings.TrimPrefix(a.header.Get("ETag"), "W/"), fmt.Sprintf("%q", a.body["revision"]); got != want {
			s.Errorf("the ETag is %s, but the revision is %s", got, want)
		}
	}},
	{"UnknownAddressIsAProblem", "getSMTP", func(s *subject) {
		s.want(s.call(http.MethodGet, "/nothing", nil), http.StatusNotFound, "not_found")
	}},
	{"UnknownMethodIsAProblem", "getSMTP", func(s *subject) {
		s.want(s.call(http.MethodPost, "/smtp", object{}), http.StatusMethodNotAllowed, "method_not_allowed")
	}},
	{"WriteWithoutIfMatch", "putSMTP", func(s *subject) {
		s.unchanged(func() {
			s.want(s.call(http.MethodPut, "/smtp", s.write(s.Good, false)), http.StatusPreconditionRequired, "precondition_required")
		})
	}},
	{"StaleWrite", "putSMTP", func(s *subject) {
		stale := s.ifMatch()
		s.want(s.save(s.write(s.Good, false)), http.StatusOK, "")
		s.unchanged(func() {
			s.want(s.call(http.MethodPut, "/smtp", s.write(s.Good, false), "If-Match", stale), http.StatusPreconditionFailed, "stale")
		})
	}},
	{"WeakTagCountsAsStrong", "putSMTP", func(s *subject) {
		s.want(s.call(http.MethodPut, "/smtp", s.write(s.Good, false), "If-Match", "W/"+s.ifMatch()), http.StatusOK, "")
	}},
	{"InvalidTagIsMalformed", "putSMTP", func(s *subject) {
		s.unchanged(func() {
			s.want(s.call(http.MethodPut, "/smtp", s.write(s.Good, false), "If-Match", "7"), http.StatusBadRequest, "malformed")
		})
	}},
	{"RetriedWriteGetsTheSameAnswer", "putSMTP", func(s *subject) {
		read, body := s.ifMatch(), s.write(s.Good, false)
		first := s.want(s.call(http.MethodPut, "/smtp", body, "If-Match", read), http.StatusOK, "")
		s.unchanged(func() {
			again := s.want(s.call(http.MethodPut, "/smtp", body, "If-Match", read), http.StatusOK, "")
			if fmt.Sprint(again.body) != fmt.Sprint(first.body) {
				s.Errorf("the retried write returns\n%v, want\n%v", again.body, first.body)
			}
		})
		if first.body["last_write_id"] != body["write_id"] {
			s.Errorf("last_write_id is %v, want %v", first.body["last_write_id"], body["write_id"])
		}
	}},
	{"RetryOfAnEarlierWriteIsStale", "putSMTP", func(s *subject) {
		read, earlier := s.ifMatch(), s.write(s.Good, false)
		s.want(s.call(http.MethodPut, "/smtp", earlier, "If-Match", read), http.StatusOK, "")
		s.want(s.save(s.write(s.Good, false)), http.StatusOK, "")
		s.unchanged(func() {
			s.want(s.call(http.MethodPut, "/smtp", earlier, "If-Match", read), http.StatusPreconditionFailed, "stale")
		})
	}},
	{"WriteIDOfAnotherWrite", "putSMTP", func(s *subject) {
		body := s.write(s.Good, false)
		s.want(s.save(body), http.StatusOK, "")
		s.unchanged(func() {
			other := s.write(s.Bad, false)
			other["write_id"] = body["write_id"]
			s.want(s.save(other), http.StatusUnprocessableEntity, "key_reused")
		})
	}},
	{"WriteForAnotherSite", "putSMTP", func(s *subject) {
		s.unchanged(func() {
			body := s.write(s.Good, false)
			body["site_id"] = uuid.NewString()
			s.want(s.save(body), http.StatusConflict, "wrong_site")
		})
	}},
	{"EnablingWithoutATest", "putSMTP", func(s *subject) {
		s.unchanged(func() { s.want(s.save(s.write(s.Good, true)), http.StatusConflict, "verification_required") })
	}},
	{"ChangeWithoutThePassword", "putSMTP", func(s *subject) {
		s.want(s.save(s.write(s.Good, false)), http.StatusOK, "")
		moved := site.Candidate{Settings: s.Good.Settings}
		moved.Settings.Port++
		s.unchanged(func() {
			s.at(s.want(s.save(s.write(moved, false)), http.StatusUnprocessableEntity, "password_required"), "password")
		})
	}},
	{"MaskAsPassword", "putSMTP", func(s *subject) {
		for _, mask := range []string{"********", "••••••••", "●●●●●●●●"} {
			s.unchanged(func() {
				masked := site.Candidate{Settings: s.Good.Settings, Password: secret.New(mask)}
				s.at(s.want(s.save(s.write(masked, false)), http.StatusUnprocessableEntity, "invalid"), "password")
			})
		}
	}},
	{"InvalidBodies", "putSMTP", func(s *subject) {
		s.unchanged(func() {
			for _, body := range s.malformed() {
				s.want(s.save(body), http.StatusBadRequest, "malformed")
			}
			large := s.write(s.Good, false)
			large["password"] = strings.Repeat("x", maxBody)
			s.want(s.save(large), http.StatusRequestEntityTooLarge, "too_large")
			s.want(s.call(http.MethodPut, "/smtp", s.write(s.Good, false), "If-Match", s.ifMatch(), "Content-Type", "text/plain"),
				http.StatusUnsupportedMediaType, "unsupported_media_type")
		})
	}},
	{"ClearWithoutIfMatch", "deleteSMTP", func(s *subject) {
		s.want(s.save(s.write(s.Good, false)), http.StatusOK, "")
		s.unchanged(func() {
			s.want(s.call(http.MethodDelete, "/smtp", nil), http.StatusPreconditionRequired, "precondition_required")
		})
	}},
	{"StaleClear", "deleteSMTP", func(s *subject) {
		stale := s.ifMatch()
		s.want(s.save(s.write(s.Good, false)), http.StatusOK, "")
		s.unchanged(func() {
			s.want(s.call(http.MethodDelete, "/smtp", nil, "If-Match", stale), http.StatusPreconditionFailed, "stale")
		})
	}},
	{"ClearForAnotherSite", "deleteSMTP", func(s *subject) {
		s.want(s.save(s.write(s.Good, false)), http.StatusOK, "")
		s.unchanged(func() {
			s.want(s.call(http.MethodDelete, "/smtp", nil, "If-Match", s.ifMatch(), "Site-ID", uuid.NewString()), http.StatusConflict, "wrong_site")
		})
	}},
	{"SameKeySameBodyIsOneMessage", "putTest", func(s *subject) {
		path, body := newTest(), s.testOf(s.Good)
		s.Delivers(s, 1, func() {
			first := s.result(path, s.call(http.MethodPut, path, body))
			again := s.result(path, s.call(http.MethodPut, path, body))
			read := s.result(path, s.call(http.MethodGet, path, nil))
			for _, other := range []object{again, read} {
				if fmt.Sprint(other) != fmt.Sprint(first) {
					s.Errorf("the retried test returns\n%v, want\n%v", other, first)
				}
			}
		})
	}},
	{"SameKeyAtTheSameTimeIsOneMessage", "putTest", func(s *subject) { s.Delivers(s, 1, s.testTwiceAtOnce) }},
	{"SameKeyOtherBody", "putTest", func(s *subject) {
		path := newTest()
		s.result(path, s.call(http.MethodPut, path, s.testOf(s.Good)))
		s.Delivers(s, 0, func() {
			s.want(s.call(http.MethodPut, path, s.testOf(s.Bad)), http.StatusUnprocessableEntity, "key_reused")
		})
	}},
	{"FailedTestIsAResult", "putTest", func(s *subject) {
		path := newTest()
		got := s.result(path, s.call(http.MethodPut, path, s.testOf(s.Bad)))
		if got["status"] != "failed" || got["stage"] != "auth" {
			s.Errorf("a wrong password ends as %v at %v, want failed at auth", got["status"], got["stage"])
		}
	}},
	{"InvalidKey", "putTest", func(s *subject) {
		s.Delivers(s, 0, func() {
			s.want(s.call(http.MethodPut, "/smtp/tests/1", s.testOf(s.Good)), http.StatusBadRequest, "malformed")
		})
	}},
	{"TestForAnotherSite", "putTest", func(s *subject) {
		body := s.testOf(s.Good)
		body["site_id"] = uuid.NewString()
		s.Delivers(s, 0, func() { s.want(s.call(http.MethodPut, newTest(), body), http.StatusConflict, "wrong_site") })
	}},
	{"TestWithoutSavedSettings", "putTest", func(s *subject) {
		s.want(s.call(http.MethodPut, newTest(), object{"recipient": s.Recipient}), http.StatusConflict, "not_configured")
	}},
	{"TestWithoutThePassword", "putTest", func(s *subject) {
		s.want(s.save(s.write(s.Good, false)), http.StatusOK, "")
		body := s.testOf(s.Good)
		delete(body, "password")
		s.Delivers(s, 0, func() {
			s.want(s.call(http.MethodPut, newTest(), body), http.StatusUnprocessableEntity, "password_required")
		})
	}},
	{"UnknownKey", "getTest", func(s *subject) {
		s.want(s.call(http.MethodGet, newTest(), nil), http.StatusNotFound, "not_found")
	}},
}

// visitor creates the subjects of rules, which share one session.
type visitor struct {
	cleared site.Site
	account *adminapi.Account
	target  sitetest.Target
	url     string
	mail    *smtptest.Server
}

// subject clears the site, and returns it for one check with that name.
func (v visitor) subject(t sitetest.T, name string) *subject {
	mustClear(t, v.cleared)
	s := &subject{T: t, Target: forRule(v.target, name), url: v.url, token: v.account.Token, mail: v.mail}
	if s.token.IsEmpty() {
		s.token = s.login(*v.account)
		v.account.Token = s.token
	}
	return s
}

// rules checks each rule on a cleared site.
func (r *report) rules(ctx context.Context, visitor visitor) {
	for _, rule := range slices.Concat(rules, strictRules) {
		r.check(ctx, "Rule/"+rule.name, rule.operation, func(t sitetest.T) { rule.run(visitor.subject(t, rule.name)) })
	}
}

// forRule gives each rule different candidates, because the site remembers what passed, even in an earlier run.
func forRule(target sitetest.Target, name string) sitetest.Target {
	name += " " + uuid.NewString()
	target.Good.Settings.FromName, target.Bad.Settings.FromName = name, name
	return target
}

func (s *subject) login(account adminapi.Account) secret.Text {
	s.Helper()
	credentials := object{"username": account.Username, "password": account.Password.Reveal()}
	a := s.want(s.call(http.MethodPost, "/session", credentials, "Authorization", ""), http.StatusCreated, "")
	token, _ := a.body["token"].(string)
	return secret.New(token)
}

// malformed returns bodies of a write that every site must refuse.
func (s *subject) malformed() []any {
	unknown := s.write(s.Good, false)
	unknown["enable"] = true
	missing := maps.Clone(unknown)
	delete(missing, "enable")
	delete(missing, "enabled")
	wrongType := s.write(s.Good, false)
	wrongType["enabled"] = "false"
	return []any{"", "{", "[]", `{"enabled":true,"enabled":false}`, unknown, missing, wrongType}
}

// testTwiceAtOnce sends the same test request twice before either gets a response.
func (s *subject) testTwiceAtOnce() {
	path, body := newTest(), s.testOf(s.Good)
	held, release := s.hold()
	defer release()
	results, ended := make([]object, 2), make(chan struct{}, 2)
	var both sync.WaitGroup
	for i := range results {
		both.Go(func() {
			defer func() { ended <- struct{}{} }()
			results[i] = s.result(path, s.call(http.MethodPut, path, body))
		})
	}
	select {
	case <-held:
		s.want(s.call(http.MethodGet, path, nil), http.StatusAccepted, "")
	case <-ended: // nothing was held
	}
	release()
	both.Wait()
	if fmt.Sprint(results[0]) != fmt.Sprint(results[1]) {
		s.Errorf("the same test at the same time returns\n%v and\n%v", results[0], results[1])
	}
}

// hold makes the mail server of this command wait, once it has received a whole message, until release is called. held is closed when
// it waits.
func (s *subject) hold() (held <-chan struct{}, release func()) {
	if s.mail == nil {
		return nil, func() {}
	}
	has, goOn := make(chan struct{}), make(chan struct{})
	tell := sync.OnceFunc(func() { close(has) })
	s.mail.SetFaults(smtptest.Faults{Before: func(ctx context.Context, stage site.Stage) {
		if stage != site.StageData {
			return
		}
		tell()
		select {
		case <-goOn:
		case <-ctx.Done():
		}
	}})
	return has, sync.OnceFunc(func() {
		s.mail.SetFaults(smtptest.Faults{})
		close(goOn)
	})
}

// result waits until a test has ended, and returns it.
func (s *subject) result(path string, a answer) object {
	s.Helper()
	for a.status == http.StatusAccepted {
		if err := adminapi.Sleep(s.Context(), pollEvery); err != nil {
			s.Fatalf("%v", err)
		}
		a = s.call(http.MethodGet, path, nil)
	}
	return s.want(a, http.StatusOK, "").body
}
