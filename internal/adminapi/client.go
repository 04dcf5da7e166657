// Package adminapi speaks HTTP with the admin API of any site: credentials, limits, retries, errors and log lines. It
// knows neither mail nor Terraform; what a call means is the business of the platform that makes it.
//
// A call passes through layers of one idea each, composed in [Client.Do]: answered turns what came back into a result
// or an [Error], authorized adds the credentials, limited waits for the origin's turn, logged writes one line, bounded
// gives each attempt an end in time and size. Around them go-retryablehttp repeats what [Repeat] allows.
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

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Client calls one admin API. It is safe for concurrent use. No error of it repeats a secret that one of its calls has sent.
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

// Request is one call.
type Request struct {
	Method string
	// Path is appended to the client's URL; it starts with a slash and has no query.
	Path   string
	Header http.Header
	// Body is sent as JSON unless it is nil.
	Body any
	// Secrets lists those in Body, so that no error repeats them: neither that of this call nor that of a later one.
	Secrets []secret.Text
	// Check, where it is set, looks at what a 2xx answer was decoded into. Its error says why that is no answer to this call,
	// which counts as a body of another shape: what became of the call is open.
	Check func() error
	// Repeat says when the call may be sent again.
	Repeat Repeat
	// Done is for [IfUndone]: it finds out whether a call whose answer was lost has been carried out, and fills in what
	// the answer would have. Its error ends the call.
	Done func(ctx context.Context) (bool, error)
}

// Response is what an answer holds beside its body. It is zero when Request.Done found the call carried out.
type Response struct {
	Status int
	// RetryAfter is between zero and a minute.
	RetryAfter time.Duration
}

// layer is a function as a [http.RoundTripper].
type layer func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f layer) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// Do makes the call, repeats it where r allows, and decodes the JSON of a 2xx answer into out, a pointer or nil. The
// error is an *[Error]. It ends when ctx does.
func (c *Client) Do(ctx context.Context, r Request, out any) (Response, error) {
	req, err := c.request(ctx, r)
	if err != nil {
		return Response{}, &Error{Kind: Unreachable, Method: r.Method, URL: c.base.String(), Err: err}
	}
	k := &call{Request: r}
	c.secrets.add(r.Secrets...)
	chain := bounded(c.transport, c.limits.RequestTimeout, c.secrets)
	chain = logged(chain, c.log, k.attempts)
	chain = limited(chain, c.origin)
	chain = authorized(chain, c)
	chain = answered(chain, out, r.Check, c.secrets)

	repeater := retryablehttp.Client{
		HTTPClient:     &http.Client{Transport: chain},
		RetryMax:       c.limits.MaxRetries,
		RequestLogHook: k.begin,
		CheckRetry:     k.again,
		Backoff:        k.backoff,
		ErrorHandler:   retryablehttp.PassthroughErrorHandler,
	}
	resp, err := repeater.Do(req)
	if err != nil {
		return Response{}, k.outcome(ctx)
	}
	defer func() { _ = resp.Body.Close() }()
	return Response{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header, time.Now())}, nil
}

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
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", c.userAgent)
	return req, nil
}
