package adminapitest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// JSON answers with body.
func JSON(status int, body string) http.HandlerFunc {
	return answer(status, "application/json", body)
}

// Problem answers with a problem document that has a code and, optionally, further members such as `"field":"host"`.
func Problem(status int, code string, members ...string) http.HandlerFunc {
	all := append([]string{`"type":"about:blank"`, fmt.Sprintf(`"title":%q,"status":%d,"code":%q`, http.StatusText(status), status, code)}, members...)
	return answer(status, "application/problem+json", "{"+strings.Join(all, ",")+"}")
}

// HTML answers as something in front of the site would.
func HTML(status int) http.HandlerFunc {
	return answer(status, "text/html; charset=utf-8", "<!DOCTYPE html><title>something else</title>")
}

func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// WithHeader adds a header to an answer.
func WithHeader(name, value string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(name, value)
		next(w, r)
	}
}

// Silence never answers.
func Silence(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Reset ends the connection with a reset instead of an answer.
func Reset(w http.ResponseWriter, _ *http.Request) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		c.(*Conn).Reset()
	}
}

// Raw sends the bytes as they are; then it ends the connection, or falls silent until the client does.
func Raw(bytes string, silent bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = io.WriteString(c, bytes)
		if silent {
			_, _ = io.Copy(io.Discard, c)
		}
	}
}
