package api

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
)

func TestEveryCodeHasAStatus(t *testing.T) {
	codes := []problem.Code{
		problem.Malformed, problem.Unauthorized, problem.NotFound, problem.MethodNotAllowed, problem.VerificationRequired, problem.WrongSite,
		problem.NotConfigured, problem.Stale, problem.TooLarge, problem.UnsupportedMediaType, problem.Invalid, problem.PasswordRequired,
		problem.KeyReused, problem.PreconditionRequired, problem.RateLimited, problem.Internal, problem.Stopping, problem.Storage,
	}
	for _, code := range codes {
		if statuses[code] == 0 {
			t.Errorf("%s has none", code)
		}
	}
	if len(codes) != len(statuses) {
		t.Errorf("%d codes and %d statuses", len(codes), len(statuses))
	}
}

func TestPanic(t *testing.T) {
	var log bytes.Buffer
	a := &API{Log: slog.New(slog.NewTextHandler(&log, nil))}
	w := httptest.NewRecorder()
	a.surround(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(errors.New("canary")) })).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `"code":"internal"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "api_test.go") || !strings.Contains(log.String(), "errorString") {
		t.Errorf("the log does not say where: %s", log.String())
	}
	if strings.Contains(log.String()+w.Body.String(), "canary") {
		t.Error("what it was about shows")
	}
	t.Run("AfterTheAnswerBegan", func(t *testing.T) {
		w := httptest.NewRecorder()
		a.surround(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			panic("canary")
		})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
	t.Run("OnPurposeGoesOn", func(t *testing.T) {
		defer func() {
			if cause, _ := recover().(error); !errors.Is(cause, http.ErrAbortHandler) {
				t.Errorf("got %v", cause)
			}
		}()
		a.surround(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	})
}

func TestClient(t *testing.T) {
	for name, test := range map[string]struct {
		proxy     bool
		forwarded []string
		want      string
	}{
		"Direct":               {false, nil, "192.0.2.1"},
		"DirectIsNotFooled":    {false, []string{"198.51.100.1"}, "192.0.2.1"},
		"Proxy":                {true, []string{"198.51.100.1"}, "198.51.100.1"},
		"LastElementCounts":    {true, []string{"203.0.113.1, 198.51.100.1"}, "198.51.100.1"},
		"LastHeaderCounts":     {true, []string{"203.0.113.1", "203.0.113.2, 2001:db8::1"}, "2001:db8::1"},
		"ProxyThatSaysNothing": {true, nil, ""},
		"ProxyThatSaysNoIP":    {true, []string{"unknown"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = "192.0.2.1:1234"
			r.Header["X-Forwarded-For"] = test.forwarded
			want, _ := netip.ParseAddr(test.want)
			if got := (call{API: &API{BehindProxy: test.proxy}, r: r}).client(); got != want {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestSecondsRoundUp(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Nanosecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Minute: "60"} {
		if got := seconds(d); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}
