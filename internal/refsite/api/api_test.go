package api

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
)

func TestEveryCodeHasAStatus(t *testing.T) {
	codes := []problem.Code{
		problem.Malformed, problem.Unauthorized, problem.NotFound, problem.MethodNotAllowed, problem.VerificationRequired, problem.WrongSite,
		problem.NotConfigured, problem.Stale, problem.TooLarge, problem.UnsupportedMediaType, problem.Invalid, problem.PasswordRequired,
		problem.KeyReused, problem.PreconditionRequired, problem.RateLimited, problem.Internal, problem.Stopping, problem.Storage, problem.Misdirected,
	}
	for _, code := range codes {
		if statuses[code] == 0 {
			t.Errorf("code %s has no status", code)
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
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "api_test.go") || !strings.Contains(log.String(), "errorString") {
		t.Errorf("the log does not name file and type of the panic: %s", log.String())
	}
	if strings.Contains(log.String()+w.Body.String(), "canary") {
		t.Error("the log or the response shows the value of the panic")
	}
	t.Run("AfterTheResponseBegan", func(t *testing.T) {
		w := httptest.NewRecorder()
		a.surround(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			panic("canary")
		})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != http.StatusOK || w.Body.Len() != 0 {
			t.Errorf("got %d %s", w.Code, w.Body)
		}
	})
	t.Run("ErrAbortHandlerIsPassedOn", func(t *testing.T) {
		defer func() {
			if cause, _ := recover().(error); !errors.Is(cause, http.ErrAbortHandler) {
				t.Errorf("got %v", cause)
			}
		}()
		a.surround(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	})
}

func TestLogOfAnAnswerWithoutAStatus(t *testing.T) {
	var log bytes.Buffer
	a := &API{Log: slog.New(slog.NewTextHandler(&log, nil))}
	a.surround(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("body {}")) })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/style.css", nil))
	if !strings.Contains(log.String(), "status=200") {
		t.Errorf("got %s", log.String())
	}
}

func TestSecondsRoundUp(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Nanosecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", time.Minute: "60"} {
		if got := Seconds(d); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}
