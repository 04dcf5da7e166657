package adminapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

var errTimeout = errors.New("request timeout")

// bounded gives an attempt an end, in time and in size: it returns an answer with its whole body, or an [Error] that
// says whether the request may have reached the site.
func bounded(next http.RoundTripper, timeout time.Duration, secrets *redactor) http.RoundTripper {
	return layer(func(req *http.Request) (*http.Response, error) {
		ctx, cancel := context.WithTimeoutCause(req.Context(), timeout, errTimeout)
		defer cancel()
		var sent atomic.Bool
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			// From here on bytes may flow, whatever becomes of them.
			GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
		})
		resp, err := exchange(next, req.WithContext(ctx))
		if err == nil {
			return resp, nil
		}
		if errors.Is(context.Cause(ctx), errTimeout) {
			err = fmt.Errorf("gave up after %s", timeout)
		}
		return nil, attemptError(err, sent.Load(), secrets)
	})
}

func exchange(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	resp, err := next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	// The transport has unpacked gzip by now: the bound is on what it unpacks to.
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxResponseBytes+1))
	if err != nil {
		return nil, err
	}
	switch {
	case len(body) <= maxResponseBytes:
	case resp.StatusCode >= http.StatusMultipleChoices:
		// The status says enough.
		body = nil
	default:
		return nil, &Error{Kind: Malformed, Status: resp.StatusCode, Err: fmt.Errorf("it is larger than %d bytes", maxResponseBytes)}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func attemptError(err error, sent bool, secrets *redactor) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if explained := explainTLS(err, sent); explained != nil {
		return &Error{Kind: Untrusted, Err: secrets.tame(explained)}
	}
	if sent {
		return &Error{Kind: NoAnswer, Err: secrets.tame(err)}
	}
	return &Error{Kind: Unreachable, Err: secrets.tame(err)}
}
