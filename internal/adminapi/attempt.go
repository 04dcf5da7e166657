package adminapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync/atomic"
	"time"
)

var errTimeout = errors.New("request timeout")

// layer makes a function an [http.RoundTripper].
type layer func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f layer) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// bounded limits an attempt in time and in size: it returns a response with its whole body in memory, or an *[Error] that says
// whether the request may have reached the site.
func bounded(next http.RoundTripper, timeout time.Duration, k *call) http.RoundTripper {
	return layer(func(req *http.Request) (*http.Response, error) {
		k.waitFor("an answer")
		ctx, cancel := context.WithTimeoutCause(req.Context(), timeout, errTimeout)
		defer cancel()
		var sent atomic.Bool
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			// From here on, bytes may have reached the site.
			GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
		})
		resp, err := exchange(next, req.WithContext(ctx))
		if err == nil {
			return resp, nil
		}
		if errors.Is(context.Cause(ctx), errTimeout) {
			err = fmt.Errorf("gave up after %s", timeout)
		}
		return nil, attemptError(err, sent.Load(), k.client.secrets)
	})
}

func exchange(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	resp, err := next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	// The transport has already decompressed gzip, so the limit is on the decompressed size.
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponseBytes+1))
	if err != nil {
		return nil, err
	}
	switch {
	case len(body) <= maxResponseBytes:
	case resp.StatusCode >= http.StatusMultipleChoices:
		// The status is enough.
		body = nil
	default:
		return nil, &Error{Kind: Malformed, Status: resp.StatusCode, Err: fmt.Errorf("it is larger than %d bytes", maxResponseBytes)}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if _, err := resp.Location(); err != nil {
		// http.Client would fail on a Location that it cannot parse, although it must not follow it.
		resp.Header.Del("Location")
	}
	return resp, nil
}

func attemptError(err error, sent bool, secrets *redactor) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if explained := explainTLS(err, sent); explained != nil {
		return &Error{Kind: Untrusted, Err: secrets.Error(explained, maxDetail)}
	}
	if sent {
		return &Error{Kind: NoAnswer, Err: secrets.Error(err, maxDetail)}
	}
	return &Error{Kind: Unreachable, Err: secrets.Error(err, maxDetail)}
}

// logged writes one line for each attempt. It never contains anything that was sent to the site or received from it.
func logged(next http.RoundTripper, k *call) http.RoundTripper {
	return layer(func(req *http.Request) (*http.Response, error) {
		start := time.Now()
		resp, err := next.RoundTrip(req)
		attrs := append(k.attrs(req), slog.String("duration", time.Since(start).Round(time.Millisecond).String()))
		if err != nil {
			e, _ := errors.AsType[*Error](err)
			attrs = append(attrs, slog.String("error", e.reason()))
		} else {
			attrs = append(attrs, slog.String("status", strconv.Itoa(resp.StatusCode)))
		}
		k.client.log.LogAttrs(req.Context(), slog.LevelDebug, "admin API request", attrs...)
		return resp, err
	})
}
