package adminapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// answered turns what came back into a decoded out, or into an [Error] that names the call.
func answered(next http.RoundTripper, out any, check func() error, secrets *redactor) http.RoundTripper {
	return layer(func(req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err == nil {
			err = read(resp, out, check, secrets)
		}
		if err == nil {
			return resp, nil
		}
		e, ok := errors.AsType[*Error](err)
		if !ok {
			e = &Error{Kind: Unreachable, Err: err}
		}
		e.Method, e.URL = req.Method, req.URL.String()
		return nil, e
	})
}

// read returns an *[Error] unless the answer is a success, out has been filled and check agrees. The body is in memory
// already.
func read(resp *http.Response, out any, check func() error, secrets *redactor) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	switch {
	case resp.StatusCode >= http.StatusBadRequest:
		return refusal(resp, body, secrets)
	case resp.StatusCode >= http.StatusMultipleChoices:
		return redirect(resp, secrets)
	case out == nil:
		return nil
	}
	if err := decode(body, out); err != nil {
		return &Error{Kind: Malformed, Status: resp.StatusCode, Err: secrets.tame(fmt.Errorf("%w (%s)", err, contentType(resp.Header)))}
	}
	if check == nil {
		return nil
	}
	if err := check(); err != nil {
		return &Error{Kind: Malformed, Status: resp.StatusCode, Err: secrets.tame(err)}
	}
	return nil
}

func contentType(h http.Header) string {
	if t := h.Get("Content-Type"); t != "" {
		return t
	}
	return "no content type"
}

// refusal reads a problem document (RFC 9457) as far as there is one. Products that know no such documents mostly have a
// message instead of the detail.
func refusal(resp *http.Response, body []byte, secrets *redactor) *Error {
	e := &Error{Kind: Refused, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header, time.Now())}
	var members map[string]any
	if len(body) > maxProblem || decode(body, &members) != nil {
		return e
	}
	members, _ = secrets.redactAll(members).(map[string]any)
	e.body, _ = json.Marshal(members)
	text := func(name string, limit int) string {
		s, _ := members[name].(string)
		return untrusted.Shorten(s, limit)
	}
	e.Code, e.Field = text("code", maxName), text("field", maxName)
	e.Detail = cmp.Or(text("detail", maxDetail), text("message", maxDetail), text("title", maxDetail))
	return e
}

// redirect names both origins. The query of the target stays out: it may hold a token.
func redirect(resp *http.Response, secrets *redactor) *Error {
	from, to := originOf(resp.Request.URL), "nowhere"
	if target, err := resp.Location(); err == nil {
		to = originOf(target) + target.EscapedPath()
	}
	return &Error{Kind: Redirected, Status: resp.StatusCode, Err: secrets.tame(fmt.Errorf(
		"%s sends on to %s, which is not followed, so that no secret goes astray; set url to where the site is", from, to))}
}
