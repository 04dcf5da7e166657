// Package adminapi speaks HTTP with the admin API of any site: credentials, limits, retries, errors and log lines. It
// knows neither mail nor Terraform; what a request means is the business of the platform that makes it.
//
// [Client.Do] composes a request's way to the site and back of layers of one idea each. What only gets an answer is a transport
// (net/http): authorized adds the credentials, limited waits for the origin's turn, logged writes one line, bounded gives each
// attempt an end in time and size. Around them go-retryablehttp repeats what [Repeat] allows, and asks call.judge between any two
// attempts what came of the last: a decoded answer, or an [Error].
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

// Client makes the requests to one admin API. It is safe for concurrent use. Neither an error of it nor what it decodes repeats a
// secret that one of its requests has sent.
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

// Request is one call of the admin API.
type Request struct {
	Method string
	// Path is appended to the client's URL; it starts with a slash and has no query.
	Path   string
	Header http.Header
	// Body is sent as JSON unless it is nil. What is a [Secret] or a secret.Text in it, however deep, is taken out of whatever the
	// site says, of this call and of later ones.
	Body any
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

// Do makes the call, repeats it where r allows, and decodes the JSON of a 2xx answer into out, a pointer or nil. The
// error is an *[Error]. It ends when ctx does, and after some minutes where ctx has no deadline.
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

// withDeadline gives a call that has no end the time that all of its attempts may take.
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
		// What a cache has kept is older than what is asked for (RFC 9111 section 5.2.1.4).
		req.Header.Set("Cache-Control", "no-cache")
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", c.userAgent)
	return req, nil
}
