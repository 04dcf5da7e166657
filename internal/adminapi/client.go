package adminapi

import (
	"context"
	"net/http"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Client calls one admin API. It is safe for concurrent use.
type Client struct{}

// Request is one call.
type Request struct {
	Method string
	// Path is appended to the client's URL and starts with a slash.
	Path   string
	Header http.Header
	// Body is sent as JSON unless it is nil.
	Body any
	// Secrets in Body or Header are never repeated in an error, and never sent in clear text beyond this machine.
	Secrets []secret.Text
	// Repeat says when the call may be sent again.
	Repeat Repeat
	// Done, for [IfUndone] only, finds out whether the call was carried out when its answer was lost. It fills in what
	// the answer would have; an error ends the call.
	Done func(ctx context.Context) (bool, error)
}

// Repeat says when a call may be sent again.
type Repeat int

// The kinds of repetition.
const (
	IfUnsent Repeat = iota
	Always
	IfUndone
	Login
)

// Response is what an answer has beside its body. It is zero when Request.Done found that the call had been carried out.
type Response struct {
	Status int
	Header http.Header
}

// Client validates c and returns a client for it; the error is a *[ConfigError].
func (p *Pool) Client(c Config) (*Client, error) { return &Client{}, nil }

// Do calls the API and decodes the JSON of a 2xx answer into out, unless out is nil. The error is an *[Error].
func (c *Client) Do(ctx context.Context, r Request, out any) (Response, error) {
	return Response{}, &Error{}
}
