// Package adminapi speaks HTTP with the admin API of any site: credentials, limits, retries, errors and log lines. It
// knows nothing about mail or Terraform; only the platform that makes a request knows what it means.
//
// [Client.Do] sends a request through layers of one idea each. Those that only obtain a response are transports (net/http): authorized
// adds the credentials, limited waits for the origin's turn, logged writes one line, bounded limits each attempt in time and size.
// Around them, go-retryablehttp retries what [Repeat] allows; after each attempt it asks call.judge for the outcome: a decoded
// response, or an [Error].
package adminapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Client makes the requests to one admin API. It is safe for concurrent use. Neither its errors nor what it decodes repeat a secret
// that one of its requests has sent.
type Client struct {
	base        *url.URL
	credentials Credentials
	limits      Limits
	userAgent   string
	log         *slog.Logger
	origin      *origin
	transport   http.RoundTripper
	secrets     *redactor
}

// Request is one request to the admin API.
type Request struct {
	Method string
	// Path is appended to the client's URL; it starts with a slash and has no query.
	Path   string
	Header http.Header
	// Body is sent as JSON unless it is nil. Each [Secret] or secret.Text in it, at any depth, is redacted from whatever the site
	// says in response to this request and to later ones.
	Body any
	// Check, if set, examines what a 2xx response was decoded into. Its error says why that is not a response to this request. It
	// counts as a malformed body: the outcome of the request is unknown.
	Check func() error
	// Repeat says when the request may be retried.
	Repeat Repeat
	// Done is for [IfUndone]: it finds out whether a request whose response was lost has been carried out, and fills in what the
	// response would have. Its error ends the request.
	Done func(ctx context.Context) (bool, error)
}

// Response is what a response holds besides its body. It is zero if Request.Done found that the request was carried out.
type Response struct {
	Status int
	// RetryAfter is between zero and a minute.
	RetryAfter time.Duration
}

// Do makes the request, retries it as r allows, and decodes the JSON of a 2xx response into out, a pointer or nil. The error is an
// *[Error]. Do ends when ctx does, and after some minutes if ctx has no deadline.
func (c *Client) Do(ctx context.Context, r Request, out any) (Response, error) {
	ctx, cancel := withDeadline(ctx, c.limits)
	defer cancel()
	req, err := c.request(ctx, r)
	if err != nil {
		return Response{}, &Error{Kind: Unreachable, Method: r.Method, URL: c.base.String(), Err: err}
	}
	c.secrets.addBody(r.Body)
	k := &call{Request: r, client: c, out: out}
	defer k.tellProgress(req.Request)()

	transport := bounded(c.transport, c.limits.RequestTimeout, k)
	transport = logged(transport, k)
	transport = limited(transport, c.origin, k)
	transport = authorized(transport, c)
	repeater := retryablehttp.Client{
		HTTPClient:     &http.Client{Transport: transport, CheckRedirect: dontFollow},
		RetryMax:       c.limits.MaxRetries,
		RequestLogHook: k.begin,
		CheckRetry:     k.again,
		Backoff:        k.backoff,
		ErrorHandler:   retryablehttp.PassthroughErrorHandler,
	}
	resp, err := repeater.Do(req)
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
	}
	if k.failure != nil {
		return Response{}, k.outcome(ctx)
	}
	return Response{Status: resp.StatusCode, RetryAfter: min(retryAfter(resp.Header, time.Now()), maxRetryAfter)}, nil
}

// withDeadline gives a request without a deadline the time that all of its attempts may take.
func withDeadline(ctx context.Context, l Limits) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Duration(l.MaxRetries+1)*(l.RequestTimeout+maxRetryAfter))
}

func dontFollow(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (c *Client) request(ctx context.Context, r Request) (*retryablehttp.Request, error) {
	var body any
	if r.Body != nil {
		encoded, err := json.Marshal(r.Body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = encoded
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, r.Method, c.base.JoinPath(r.Path).String(), body)
	if err != nil {
		return nil, err
	}
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.Method == http.MethodGet {
		// A cached response may be older than what is asked for (RFC 9111 section 5.2.1.4).
		req.Header.Set("Cache-Control", "no-cache")
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", c.userAgent)
	return req, nil
}
