package siteadmin_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func TestKindsOfProblems(t *testing.T) {
	for _, tt := range []struct {
		status  int
		code    string
		members []string
		kind    site.Kind
		field   string
		text    string
	}{
		{412, "stale", []string{`"revision":"8"`, `"updated_by":"admin"`}, site.Stale, "", `412 stale: Precondition Failed; it is at revision "8" now, written by "admin"`},
		{412, "stale", []string{`"revision":"8"`}, site.Stale, "", `; it is at revision "8" now`},
		{412, "stale", []string{`"revision":"\u001b[2J` + strings.Repeat("x", 500) + `"`}, site.Stale, "", `at revision "xx`},
		{412, "stale", []string{`"revision":8`}, site.Stale, "", "412 stale"},
		{409, "wrong_site", nil, site.WrongSite, "", "409 wrong_site"},
		{409, "verification_required", []string{`"detail":"no test of this"`}, site.VerificationRequired, "", "no test of this"},
		{409, "not_configured", nil, site.Unexpected, "", "not_configured"},
		{422, "password_required", []string{`"field":"password"`}, site.PasswordRequired, "password", "422 password_required"},
		{422, "invalid", []string{`"field":"host"`}, site.Invalid, "host", "422 invalid"},
		{422, "invalid", []string{`"field":"recipient"`}, site.Invalid, "recipient", "422 invalid"},
		{422, "invalid", []string{`"field":"write_id"`}, site.Invalid, "", "422 invalid"},
		{422, "key_reused", nil, site.Unexpected, "", "key_reused"},
		{507, "storage", []string{`"detail":"no room"`}, site.Unexpected, "", "507 storage: no room; nothing was saved"},
		{413, "too_large", nil, site.Unexpected, "", "too_large"},
		{415, "unsupported_media_type", nil, site.Unexpected, "", "unsupported_media_type"},
		{428, "precondition_required", nil, site.Unexpected, "", "precondition_required"},
	} {
		t.Run(tt.code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				_, err := s.play(token, s.on(getSMTP, smtp("")), s.fault(putSMTP, adminapitest.Problem(tt.status, tt.code, tt.members...))).
					Save(t.Context(), site.SaveRequest{Settings: settings, Password: candidate.Password, Revision: "7"})
				e, ok := errors.AsType[*site.Error](err)
				if !ok || e.Kind != tt.kind || e.Field != tt.field || !strings.Contains(e.Message, tt.text) || len(e.Message) > 400 {
					t.Errorf("got %+v", e)
				}
				if cause, ok := errors.AsType[*adminapi.Error](err); !ok || cause.Status != tt.status {
					t.Errorf("got cause %v", cause)
				}
			})
		})
	}
}

func TestStaleAfterALostClear(t *testing.T) {
	stale := adminapitest.Problem(412, "stale", `"revision":"9"`)
	for name, tt := range map[string]struct {
		steps func(*script) []step
		want  site.Kind
	}{
		"cleared by an earlier attempt": {func(s *script) []step {
			return []step{s.fault(deleteSMTP, adminapitest.HTML(503)), s.on(deleteSMTP, stale), s.on(getSMTP, smtp(cleared))}
		}, ""},
		"written by someone else meanwhile": {func(s *script) []step {
			return []step{s.fault(deleteSMTP, adminapitest.HTML(503)), s.on(deleteSMTP, stale), s.on(getSMTP, smtp(`{"revision":"9"}`))}
		}, site.Stale},
		"cannot be read": {func(s *script) []step {
			return []step{s.fault(deleteSMTP, adminapitest.HTML(503)), s.on(deleteSMTP, stale), s.on(getSMTP, adminapitest.Problem(401, "unauthorized"))}
		}, site.Stale},
		"at the first attempt": {func(s *script) []step { return []step{s.on(deleteSMTP, stale)} }, site.Stale},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				err := s.play(token, append(recognised(s), tt.steps(s)...)...).Clear(t.Context(), site.ClearRequest{Revision: "7"})
				if site.KindOf(err) != tt.want || tt.want == "" && err != nil {
					t.Errorf("got %v, want %q", err, tt.want)
				}
			})
		})
	}
}

// The response to a write may come from something else, or from before the write: only reading the site shows what happened.
func TestForeignAnswerIsNotTrusted(t *testing.T) {
	write := func(ctx context.Context, opened site.Site) error {
		_, err := opened.Save(ctx, site.SaveRequest{Settings: settings, Password: candidate.Password, Revision: "7", SiteID: "site-1"})
		return err
	}
	drop := func(ctx context.Context, opened site.Site) error {
		return opened.Clear(ctx, site.ClearRequest{Revision: "7"})
	}
	for name, tt := range map[string]struct {
		call   string
		answer http.HandlerFunc
		run    func(context.Context, site.Site) error
	}{
		"save, no settings":     {putSMTP, smtp(`{"settings":null}`), write},
		"save, other version":   {putSMTP, smtp(`{"api_version":2}`), write},
		"save, other site":      {putSMTP, smtp(`{"site_id":"site-2"}`), write},
		"save, other write":     {putSMTP, smtp(""), write},
		"save, a page":          {putSMTP, adminapitest.HTML(200), write},
		"clear, empty response": {deleteSMTP, adminapitest.JSON(204, ""), drop},
		"clear, other version":  {deleteSMTP, smtp(`{"api_version":2}`), drop},
		"clear, other site":     {deleteSMTP, smtp(strings.Replace(cleared, "{", `{"site_id":"site-2",`, 1)), drop},
		"clear, not cleared":    {deleteSMTP, smtp(""), drop},
		"clear, a page":         {deleteSMTP, adminapitest.HTML(200), drop},
	} {
		for outcome, done := range map[string]bool{"done": true, "not done": false} {
			t.Run(name+"/"+outcome, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScript(t)
					good := func(w http.ResponseWriter, r *http.Request) {
						if tt.call == putSMTP {
							s.written(w, r)
							return
						}
						smtp(cleared)(w, r)
					}
					steps := []step{s.on(getSMTP, smtp("")), s.fault(tt.call, tt.answer), s.on(getSMTP, smtp("")), s.on(tt.call, good)}
					if done {
						steps = []step{s.on(getSMTP, smtp("")), s.fault(tt.call, tt.answer), s.on(getSMTP, good)}
					}
					opened := s.play(token, steps...)
					if _, err := opened.Read(t.Context()); err != nil {
						t.Fatal(err)
					}
					if err := tt.run(t.Context(), opened); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// What a different site reports is not trusted, and nothing is sent to it again.
func TestWrongSiteIsNotAskedForTheOutcome(t *testing.T) {
	other := func(members string) http.HandlerFunc { return smtp(merged(`{"site_id":"site-2"}`, members)) }
	for call, tt := range map[string]struct {
		step   string
		answer http.HandlerFunc
		sent   string
	}{
		"Clear": {deleteSMTP, other(cleared), "the request to clear its settings"},
		"Save":  {putSMTP, other(""), "the settings and the mail password"},
	} {
		for name, first := range map[string]http.HandlerFunc{"Answer": tt.answer, "NoAnswer": adminapitest.Reset} {
			t.Run(call+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newScript(t)
					opened := s.play(token, s.on(getSMTP, smtp("")), s.fault(tt.step, first), s.on(getSMTP, tt.answer))
					err := writes("")[call](t.Context(), opened)
					want := `a different site answers: its site_id is "site-2" instead of "site-1"; it may have received ` + tt.sent
					if site.KindOf(err) != site.NoAnswer || !strings.Contains(flat(err), want) {
						t.Errorf("got %q: %v", site.KindOf(err), err)
					}
					if was := "; it received " + tt.sent; name == "Answer" && !strings.Contains(flat(err), was) {
						t.Errorf("got %v, want %s", err, was)
					}
				})
			})
		}
	}
}

// A wrong site that refuses a request has received its content.
func TestWrongSiteErrorNamesWhatWasSent(t *testing.T) {
	refuse := adminapitest.Problem(409, "wrong_site")
	for name, tt := range map[string]struct {
		call, sent string
		run        func(context.Context, site.Site) error
	}{
		"Test": {putTest, "the settings, the mail password and the recipient", writes("site-0")["Test"]},
		"TestOfSaved": {putTest, "the recipient", func(ctx context.Context, opened site.Site) error {
			_, err := opened.Test(ctx, site.TestRequest{Recipient: "ops@example.com", SiteID: "site-0"})
			return err
		}},
		"Save": {putSMTP, "the settings and the mail password", writes("site-0")["Save"]},
		"SaveWithoutPassword": {putSMTP, "the settings", func(ctx context.Context, opened site.Site) error {
			_, err := opened.Save(ctx, site.SaveRequest{Settings: settings, Revision: "7", SiteID: "site-0"})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				err := tt.run(t.Context(), s.play(token, s.on(tt.call, refuse)))
				if site.KindOf(err) != site.WrongSite || !strings.HasSuffix(flat(err), "; it received "+tt.sent+", and reports that it did nothing") {
					t.Errorf("got %q: %v", site.KindOf(err), err)
				}
			})
		})
	}
}
