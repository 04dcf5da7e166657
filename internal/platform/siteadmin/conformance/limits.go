package main

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site/sitetest"
)

// maxRepeats is how often something is repeated that a site must limit.
const maxRepeats = 250

// limits are the rate limits that a site must have. They are checked last, because the site then refuses requests for a while.
var limits = []rule{
	{"WrongLogins", "createSession", func(s *subject) {
		username := uuid.NewString()
		s.untilLimited(http.StatusUnauthorized, func() answer {
			return s.once(http.MethodPost, "/session", object{"username": username, "password": uuid.NewString()}, "Authorization", "")
		})
	}},
	{"GuessesOfAPassword", "putTest", func(s *subject) {
		path := newTest()
		s.result(path, s.call(http.MethodPut, path, s.testOf(s.Good)))
		s.untilLimited(http.StatusUnprocessableEntity, func() answer {
			guess := s.testOf(s.Good)
			guess["password"] = uuid.NewString()
			return s.once(http.MethodPut, path, guess)
		})
	}},
	{"TestMessages", "putTest", func(s *subject) {
		s.untilLimited(http.StatusOK, func() answer {
			path := newTest()
			a := s.once(http.MethodPut, path, s.testOf(s.Good))
			for a.status == http.StatusAccepted {
				if err := adminapi.Sleep(s.Context(), 50*time.Millisecond); err != nil {
					s.Fatalf("%v", err)
				}
				a = s.once(http.MethodGet, path, nil)
			}
			return a
		})
	}},
}

// limits checks each limit on a cleared site.
func (r *report) limits(ctx context.Context, visitor visitor) {
	for _, limit := range limits {
		r.check(ctx, "Limit/"+limit.name, limit.operation, func(t sitetest.T) { limit.run(visitor.subject(t, limit.name)) })
	}
}

// untilLimited repeats a request until the site responds with 429. Until then, its status must be before.
func (s *subject) untilLimited(before int, call func() answer) {
	s.Helper()
	for i := range maxRepeats {
		a := call()
		switch {
		case a.status == http.StatusTooManyRequests && i > 0:
			s.want(a, http.StatusTooManyRequests, "rate_limited")
			if a.header.Get("Retry-After") == "" {
				s.Errorf("%s answers 429 without Retry-After", a.call)
			}
			return
		case a.status != before:
			s.Errorf("%s answers %d, want %d until 429", a.call, a.status, before)
			return
		}
	}
	s.Errorf("not limited after %d requests in a row", maxRepeats)
}
