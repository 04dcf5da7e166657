package adminapi_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
)

// A class is a row of the retry table.
type class struct {
	method string
	repeat adminapi.Repeat
	// done is what Request.Done says; nil without one.
	done func(context.Context) (bool, error)
}

func saying(done bool, err error) func(context.Context) (bool, error) {
	return func(context.Context) (bool, error) { return done, err }
}

var classes = map[string]class{
	"read":                  {"GET", adminapi.Always, nil},
	"write, not done":       {"PUT", adminapi.IfUndone, saying(false, nil)},
	"write, done":           {"PUT", adminapi.IfUndone, saying(true, nil)},
	"write, lookup refused": {"DELETE", adminapi.IfUndone, saying(true, errors.New("no idea"))},
	"login":                 {"POST", adminapi.Login, nil},
	"not idempotent":        {"POST", adminapi.IfUnsent, nil},
}

// A group is a column: faults after which the classes behave alike.
type group struct {
	faults map[string]adminapitest.Step
	kind   adminapi.Kind
	// attempts is how often each class is sent while the fault lasts.
	attempts map[string]int
}

func answering(answer http.HandlerFunc) adminapitest.Step { return adminapitest.Step{Answer: answer} }

func statuses(statuses ...int) map[string]adminapitest.Step {
	faults := map[string]adminapitest.Step{}
	for _, s := range statuses {
		faults["problem "+strconv.Itoa(s)] = answering(adminapitest.Problem(s, "some_code"))
		faults["page "+strconv.Itoa(s)] = answering(adminapitest.HTML(s))
	}
	return faults
}

func each(attempts int) map[string]int {
	all := map[string]int{}
	for name := range classes {
		all[name] = attempts
	}
	return all
}

func groups() map[string]group {
	const partialHead, partialBody = "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"
	redirects := map[string]adminapitest.Step{}
	for _, s := range []int{300, 301, 302, 303, 304, 307, 308} {
		redirects[strconv.Itoa(s)] = answering(adminapitest.WithHeader("Location", "https://elsewhere.example/x?token=y", adminapitest.JSON(s, "")))
	}
	ifUndone := map[string]int{
		"read": 4, "write, not done": 4, "write, done": 1, "write, lookup refused": 1, "login": 1, "not idempotent": 1,
	}
	onceMore := maps.Clone(ifUndone)
	onceMore["login"] = 2
	waiting := each(4)
	waiting["not idempotent"] = 1
	malformed := maps.Clone(ifUndone)
	malformed["read"] = 1
	return map[string]group{
		"not sent": {map[string]adminapitest.Step{
			"connection refused": {Dial: adminapitest.Refused()},
			"no such host":       {Dial: adminapitest.NoSuchHost()},
		}, adminapi.Unreachable, each(4)},
		"sent, no response": {map[string]adminapitest.Step{
			"reset":                  answering(adminapitest.Reset),
			"closed":                 answering(adminapitest.Raw("", false)),
			"silence":                answering(adminapitest.Silence),
			"silence in the headers": answering(adminapitest.Raw(partialHead, true)),
			"silence in the body":    answering(adminapitest.Raw(partialBody, true)),
			"cut in the headers":     answering(adminapitest.Raw(partialHead, false)),
			"cut in the body":        answering(adminapitest.Raw(partialBody, false)),
			"not HTTP":               answering(adminapitest.Raw("220 mail.example ESMTP\r\n", false)),
		}, adminapi.NoAnswer, onceMore},
		"told to wait":         {statuses(429, 503), adminapi.Refused, waiting},
		"server failed":        {statuses(500, 502, 504), adminapi.Refused, ifUndone},
		"server declined":      {statuses(501, 507), adminapi.Refused, each(1)},
		"request at fault":     {statuses(400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 428), adminapi.Refused, each(1)},
		"redirect":             {redirects, adminapi.Redirected, each(1)},
		"success of other API": {map[string]adminapitest.Step{"page": answering(adminapitest.HTML(200)), "nothing": answering(adminapitest.JSON(200, ""))}, adminapi.Malformed, malformed},
		"certificate": {map[string]adminapitest.Step{
			"unknown authority": {Dial: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{Cert: &x509.Certificate{}}}},
		}, adminapi.Untrusted, each(1)},
	}
}

func TestRetryTable(t *testing.T) {
	for column, g := range groups() {
		for fault, step := range g.faults {
			for row, c := range classes {
				t.Run(strings.Join([]string{row, column, fault}, "/"), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { lasting(t, g, step, c, g.attempts[row]) })
				})
				if g.attempts[row] > 1 {
					t.Run(strings.Join([]string{row, column, fault, "then none"}, "/"), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { passing(t, step, c) })
					})
				}
			}
		}
	}
}

// lasting makes a call while the fault lasts.
func lasting(t *testing.T, g group, fault adminapitest.Step, c class, attempts int) {
	fault.Call = c.method + " /thing"
	start := time.Now()
	var out struct{ Answer int }
	_, err := play(t, nil, slices.Repeat([]adminapitest.Step{fault}, attempts)...).
		Do(t.Context(), adminapi.Request{Method: c.method, Path: "/thing", Repeat: c.repeat, Done: c.done}, &out)

	failure, _ := errors.AsType[*adminapi.Error](err)
	if c.done != nil && err == nil {
		if done, err := c.done(t.Context()); !done || err != nil {
			t.Fatal("got success although nothing shows that the write was done")
		}
		return
	}
	if failure == nil {
		t.Fatalf("got %v, want an *Error", err)
	}
	if failure.Kind != g.kind || failure.Attempts != attempts {
		t.Errorf("got %s after %d attempts, want %s after %d: %v", failure.Kind, failure.Attempts, g.kind, attempts, err)
	}
	if !strings.HasPrefix(err.Error(), c.method+" "+adminapitest.URL+"/thing: ") {
		t.Errorf("the error does not name the request: %v", err)
	}
	if took, most := time.Since(start), 8*time.Second+4*30*time.Second; took > most {
		t.Errorf("took %s", took)
	}
}

// passing makes a call that meets the fault once.
func passing(t *testing.T, fault adminapitest.Step, c class) {
	fault.Call = c.method + " /thing"
	client := play(t, nil, fault, adminapitest.Step{Call: fault.Call, Answer: adminapitest.JSON(200, `{"answer":42}`)})
	var out struct{ Answer int }
	got, err := client.Do(t.Context(), adminapi.Request{Method: c.method, Path: "/thing", Repeat: c.repeat, Done: c.done}, &out)
	if err != nil || got.Status != 200 || out.Answer != 42 {
		t.Errorf("got %+v, %+v, %v", got, out, err)
	}
}

func TestMaxRetriesZeroTriesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := adminapitest.Play(t, adminapitest.Step{Call: "GET /thing", Answer: adminapitest.HTML(500)})
		client := open(t, adminapi.PoolOptions{DialContext: site.DialContext}, adminapi.Config{URL: adminapitest.URL, Limits: once()})
		if err := get(t.Context(), client, nil); err == nil {
			t.Error("got no error")
		}
	})
}

func TestALostWriteThatWasCarriedOutIsASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := play(t, nil, adminapitest.Step{Call: "PUT /thing", Answer: adminapitest.Reset})
		var out struct{ Answer int }
		got, err := client.Do(t.Context(), adminapi.Request{
			Method: "PUT", Path: "/thing", Repeat: adminapi.IfUndone,
			Done: func(context.Context) (bool, error) { out.Answer = 42; return true, nil },
		}, &out)
		if err != nil || out.Answer != 42 || got != (adminapi.Response{}) {
			t.Errorf("got %+v, %+v, %v", got, out, err)
		}
	})
}

func TestACancelledWriteIsNotAskedAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		client := play(t, nil, adminapitest.Step{Call: "PUT /thing", Answer: func(w http.ResponseWriter, r *http.Request) {
			cancel()
			adminapitest.Silence(w, r)
		}})
		_, err := client.Do(ctx, adminapi.Request{Method: "PUT", Path: "/thing", Repeat: adminapi.IfUndone, Done: func(ctx context.Context) (bool, error) {
			t.Error("the client looked up the outcome")
			return false, ctx.Err()
		}}, nil)
		if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Kind != adminapi.NoAnswer || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestALostWriteThatCannotBeAskedAfterSaysBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("reading failed as well")
		client := play(t, nil, adminapitest.Step{Call: "PUT /thing", Answer: adminapitest.Problem(500, "internal", `"detail":"disk on fire"`)})
		_, err := client.Do(t.Context(), adminapi.Request{
			Method: "PUT", Path: "/thing", Repeat: adminapi.IfUndone, Done: saying(false, cause),
		}, nil)
		if !errors.Is(err, cause) || !strings.Contains(err.Error(), "disk on fire") || !strings.Contains(err.Error(), cause.Error()) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheRequestIsTheSameEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := adminapitest.Step{
			Call:   "PUT /thing",
			Answer: adminapitest.HTML(503),
			Check: func(t adminapitest.T, r *http.Request, body string) {
				if body != `{"a":1}` || r.Header.Get("If-Match") != `"7"` || r.Header.Get("Content-Type") != "application/json" ||
					r.Header.Get("Idempotency-Key") != "" {
					t.Errorf("got body %s and headers %v", body, r.Header)
				}
			},
		}
		_, _ = play(t, nil, slices.Repeat([]adminapitest.Step{step}, 4)...).Do(t.Context(), adminapi.Request{
			Method: "PUT", Path: "/thing", Body: map[string]int{"a": 1}, Header: http.Header{"If-Match": {`"7"`}},
			Repeat: adminapi.IfUndone, Done: saying(false, nil),
		}, nil)
	})
}
