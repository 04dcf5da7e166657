package api

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"runtime/debug"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/problem"
)

// surround does what every request needs: security headers, a log line, a response after a panic.
func (a *API) surround(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		seen := &recorder{ResponseWriter: w}
		defer func() {
			if cause := recover(); cause != nil {
				a.panicked(seen, r, cause)
			}
			a.Log.Info("request", "method", r.Method, "path", r.URL.Path, "status", seen.status, "took", time.Since(start))
		}()
		secure(w.Header(), r)
		// The mux would redirect to the clean path, but clients of the contract do not follow redirects.
		if path.Clean(r.URL.Path) != r.URL.Path {
			a.notFound(seen, r)
			return
		}
		next.ServeHTTP(seen, r)
	})
}

func secure(h http.Header, r *http.Request) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// panicked logs the stack and the type of a panic, but not its value, which may hold a secret.
func (a *API) panicked(w *recorder, r *http.Request, cause any) {
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(cause)
	}
	a.Log.Error("panic", "type", fmt.Sprintf("%T", cause), "stack", string(debug.Stack()))
	if w.status == 0 {
		a.fail(w, r, problem.New(problem.Internal, "Internal error; see the site's log."))
	}
}

// recorder records the status for the log.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter]. Without a preceding WriteHeader, the status is 200.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap is for [http.ResponseController].
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
