package siteadmin_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// operation is a row of the retry table: one call of site.Site.
type operation struct {
	call string
	// before are the steps that come first.
	before func(s *script) []step
	run    func(context.Context, site.Site) error
	good   func(s *script) http.HandlerFunc
	// lookup is the request that finds out whether a lost one was carried out, and its response; empty for a read.
	lookup       string
	undone, done func(s *script) http.HandlerFunc
	undecided    site.Kind
}

func always(h http.HandlerFunc) func(*script) http.HandlerFunc {
	return func(*script) http.HandlerFunc { return h }
}

func recognised(s *script) []step { return []step{s.on(getSMTP, smtp(""))} }

var operations = map[string]operation{
	"Read": {
		call:   getSMTP,
		before: func(*script) []step { return nil },
		good:   always(smtp("")),
		run: func(ctx context.Context, opened site.Site) error {
			_, err := opened.Read(ctx)
			return err
		},
		undecided: site.Unreachable,
	},
	"Test": {
		call:   putTest,
		before: recognised,
		good:   always(tested(200, "")),
		run: func(ctx context.Context, opened site.Site) error {
			_, err := opened.Test(ctx, site.TestRequest{Candidate: &candidate, Recipient: "ops@example.com"})
			return err
		},
		lookup: getTest, undone: always(notFound), done: always(tested(200, "")),
		undecided: site.NoAnswer,
	},
	"Save": {
		call:   putSMTP,
		before: recognised,
		good:   func(s *script) http.HandlerFunc { return s.written },
		run: func(ctx context.Context, opened site.Site) error {
			_, err := opened.Save(ctx, site.SaveRequest{Settings: settings, Password: candidate.Password, Enabled: true, Revision: "7"})
			return err
		},
		lookup: getSMTP, undone: always(smtp("")), done: func(s *script) http.HandlerFunc { return s.written },
		undecided: site.NoAnswer,
	},
	"Clear": {
		call:   deleteSMTP,
		before: recognised,
		good:   always(smtp(cleared)),
		run: func(ctx context.Context, opened site.Site) error {
			return opened.Clear(ctx, site.ClearRequest{Revision: "7"})
		},
		lookup: getSMTP, undone: always(smtp("")), done: always(smtp(cleared)),
		undecided: site.NoAnswer,
	},
}

// unsent, lost, asked and final are the columns of the retry table, with the kind of an error that lasts.
var (
	unsent = map[string]error{"connection refused": adminapitest.Refused(), "no such host": adminapitest.NoSuchHost()}
	lost   = map[string]http.HandlerFunc{
		"reset":               adminapitest.Reset,
		"closed":              adminapitest.Raw("", false),
		"silence":             adminapitest.Silence,
		"silence in headers":  adminapitest.Raw("HTTP/1.1 200", true),
		"silence in the body": adminapitest.Raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", true),
		"truncated":           adminapitest.Raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", false),
		"502":                 adminapitest.HTML(502),
		"504":                 adminapitest.HTML(504),
	}
	asked = map[int]site.Kind{429: site.RateLimited, 503: site.Unreachable}
)

func (o operation) steps(s *script, middle ...step) []step { return append(o.before(s), middle...) }

// cell runs an operation on a script.
func (o operation) cell(t *testing.T, want site.Kind, steps func(s *script) []step) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		err := o.run(limit(t), s.play(token, o.steps(s, steps(s)...)...))
		if site.KindOf(err) != want || want == "" && err != nil {
			t.Errorf("got %q: %v, want %q", site.KindOf(err), err, want)
		}
		if err != nil && !strings.Contains(err.Error(), adminapitest.URL) {
			t.Errorf("the error does not name the site: %v", err)
		}
		if strings.Contains(flat(err), candidate.Password.Reveal()) {
			t.Errorf("the error shows a secret: %v", err)
		}
		s.same()
	})
}

func TestRetryTable(t *testing.T) {
	for name, o := range operations {
		for fault, cause := range unsent {
			t.Run(name+"/"+fault+"/PassesOnce", func(t *testing.T) {
				o.cell(t, "", func(s *script) []step { return []step{{Dial: cause}, {Dial: cause}, s.on(o.call, o.good(s))} })
			})
			t.Run(name+"/"+fault+"/Lasts", func(t *testing.T) {
				o.cell(t, site.Unreachable, func(*script) []step { return slices.Repeat([]step{{Dial: cause}}, 4) })
			})
		}
		for status, kind := range asked {
			busy := adminapitest.WithHeader("Retry-After", "2", adminapitest.Problem(status, map[int]string{429: "rate_limited", 503: "stopping"}[status]))
			t.Run(name+"/"+strconv.Itoa(status)+"/PassesOnce", func(t *testing.T) {
				o.cell(t, "", func(s *script) []step { return []step{s.on(o.call, busy), s.on(o.call, o.good(s))} })
			})
			t.Run(name+"/"+strconv.Itoa(status)+"/Lasts", func(t *testing.T) {
				o.cell(t, kind, func(s *script) []step { return slices.Repeat([]step{s.on(o.call, busy)}, 4) })
			})
		}
		for fault, answer := range lost {
			t.Run(name+"/"+fault, func(t *testing.T) { o.lost(t, answer, o.undecided) })
		}
		t.Run(name+"/500", func(t *testing.T) {
			kind := o.undecided
			if o.lookup == "" {
				kind = site.Unexpected
			}
			o.lost(t, adminapitest.Problem(500, "internal", `"detail":"disk on fire"`), kind)
		})
	}
}

// lost is a cell in which the outcome of a request is unknown.
func (o operation) lost(t *testing.T, answer http.HandlerFunc, lasting site.Kind) {
	t.Helper()
	attempt := func(s *script) []step {
		if o.lookup == "" {
			return []step{s.fault(o.call, answer)}
		}
		return []step{s.fault(o.call, answer), s.on(o.lookup, o.undone(s))}
	}
	t.Run("RetriesWhatWasNotDone", func(t *testing.T) {
		o.cell(t, "", func(s *script) []step { return append(attempt(s), s.on(o.call, o.good(s))) })
	})
	t.Run("Lasts", func(t *testing.T) {
		o.cell(t, lasting, func(s *script) []step { return slices.Repeat(attempt(s), 4) })
	})
	if o.lookup == "" {
		return
	}
	t.Run("DoesNotRetryWhatWasDone", func(t *testing.T) {
		o.cell(t, "", func(s *script) []step {
			return []step{s.fault(o.call, answer), s.on(o.lookup, func(w http.ResponseWriter, r *http.Request) { o.done(s)(w, r) })}
		})
	})
	t.Run("LookupIsRefused", func(t *testing.T) {
		o.cell(t, site.NoAnswer, func(s *script) []step {
			return []step{s.fault(o.call, answer), s.on(o.lookup, adminapitest.Problem(401, "unauthorized"))}
		})
	})
	t.Run("RetriesTheLookup", func(t *testing.T) {
		o.cell(t, "", func(s *script) []step {
			return []step{
				s.fault(o.call, answer),
				{Dial: adminapitest.Refused()},
				s.fault(o.lookup, adminapitest.HTML(502)),
				s.on(o.lookup, func(w http.ResponseWriter, r *http.Request) { o.done(s)(w, r) }),
			}
		})
	})
}

func TestNeverRepeated(t *testing.T) {
	untrusted := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{Cert: &x509.Certificate{}}}
	for name, o := range operations {
		for fault, tt := range map[string]struct {
			answer http.HandlerFunc
			kind   site.Kind
		}{
			"301": {adminapitest.WithHeader("Location", "https://elsewhere.example/", adminapitest.JSON(301, "")), site.Unexpected},
			"308": {adminapitest.WithHeader("Location", "https://elsewhere.example/", adminapitest.JSON(308, "")), site.Unexpected},
			"400": {adminapitest.Problem(400, "malformed"), site.Unexpected},
			"401": {adminapitest.Problem(401, "unauthorized"), site.Unauthorized},
			"403": {adminapitest.HTML(403), site.Blocked},
			"404": {adminapitest.HTML(404), site.Unexpected},
			"405": {adminapitest.Problem(405, "method_not_allowed"), site.Unsupported},
			"412": {adminapitest.HTML(412), site.Stale},
			"418": {adminapitest.HTML(418), site.Unexpected},
			"507": {adminapitest.Problem(507, "storage"), site.Unexpected},
		} {
			t.Run(name+"/"+fault, func(t *testing.T) {
				o.cell(t, tt.kind, func(s *script) []step { return []step{s.fault(o.call, tt.answer)} })
			})
		}
		t.Run(name+"/certificate", func(t *testing.T) {
			o.cell(t, site.Unreachable, func(*script) []step { return []step{{Dial: untrusted}} })
		})
	}
}

func TestLogin(t *testing.T) {
	account := adminapi.Account{Username: "admin", Password: secret.New("a login password")}
	granted := adminapitest.JSON(201, `{"token":"st_1","expires_at":"2000-01-01T01:00:00Z"}`)
	refuse := func(status int, code string) []step {
		return []step{newScript(t).on(postSession, adminapitest.Problem(status, code))}
	}
	for name, tt := range map[string]struct {
		steps []step
		want  site.Kind
	}{
		"good":                     {[]step{newScript(t).on(postSession, granted)}, ""},
		"refused connection":       {[]step{{Dial: adminapitest.Refused()}, newScript(t).on(postSession, granted)}, ""},
		"no answer":                {slices.Repeat([]step{newScript(t).fault(postSession, adminapitest.Reset)}, 2), site.Unreachable},
		"no answer once":           {[]step{newScript(t).fault(postSession, adminapitest.Reset), newScript(t).on(postSession, granted)}, ""},
		"429":                      {slices.Repeat(refuse(429, "rate_limited"), 4), site.RateLimited},
		"503":                      {slices.Repeat(refuse(503, "stopping"), 4), site.Unreachable},
		"500":                      {refuse(500, "internal"), site.Unexpected},
		"502":                      {[]step{newScript(t).fault(postSession, adminapitest.HTML(502))}, site.Unreachable},
		"401":                      {refuse(401, "unauthorized"), site.Unauthorized},
		"422":                      {refuse(422, "invalid"), site.Unauthorized},
		"404":                      {refuse(404, "not_found"), site.Unauthorized},
		"404 with a page":          {[]step{newScript(t).fault(postSession, adminapitest.HTML(404))}, site.Unexpected},
		"403 from a firewall":      {[]step{newScript(t).fault(postSession, adminapitest.HTML(403))}, site.Blocked},
		"response without a token": {[]step{newScript(t).fault(postSession, adminapitest.JSON(201, `{}`))}, site.Unexpected},
		"page instead of JSON":     {[]step{newScript(t).fault(postSession, adminapitest.HTML(200))}, site.Unexpected},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScript(t)
				if tt.want == "" {
					tt.steps = append(tt.steps, s.on(getSMTP, smtp("")))
				}
				_, err := s.play(account, tt.steps...).Read(limit(t))
				if site.KindOf(err) != tt.want || tt.want == "" && err != nil {
					t.Errorf("got %q: %v, want %q", site.KindOf(err), err, tt.want)
				}
				if strings.Contains(flat(err), account.Password.Reveal()) {
					t.Errorf("the error shows a secret: %v", err)
				}
			})
		})
	}
}
