package adminapi

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// logged writes one line for each attempt. What a site sent is never part of it, nor what it was sent.
func logged(next http.RoundTripper, log *slog.Logger, attempt func() int) http.RoundTripper {
	return layer(func(req *http.Request) (*http.Response, error) {
		start := time.Now()
		resp, err := next.RoundTrip(req)
		attrs := []slog.Attr{
			slog.String("method", req.Method),
			slog.String("url", req.URL.String()),
			slog.String("attempt", strconv.Itoa(attempt())),
			slog.String("duration", time.Since(start).Round(time.Millisecond).String()),
		}
		if err != nil {
			e, _ := errors.AsType[*Error](err)
			attrs = append(attrs, slog.String("error", e.reason()))
		} else {
			attrs = append(attrs, slog.String("status", strconv.Itoa(resp.StatusCode)))
		}
		log.LogAttrs(req.Context(), slog.LevelDebug, "admin API call", attrs...)
		return resp, err
	})
}
