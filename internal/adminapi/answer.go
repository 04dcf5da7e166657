package adminapi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

const (
	maxName   = 100
	maxDetail = 500
	// maxProblem is the largest error response (bytes) that is read: every string in it is searched for secrets.
	maxProblem = 64 << 10
)

// judge says how an attempt ended: nil after a success that filled k.out, otherwise how it failed.
func (k *call) judge(resp *http.Response, err error) *Error {
	var body []byte
	if err == nil {
		body, err = io.ReadAll(resp.Body) // it is in memory
	}
	if err == nil {
		err = k.read(resp, body)
	}
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{Kind: Unreachable, Err: k.client.secrets.Error(err, maxDetail)}
	}
	e.Method, e.URL = k.Method, k.client.base.JoinPath(k.Path).String()
	return e
}

// read returns an *[Error] unless the response is a success, k.out has been filled and k.Check accepts it.
func (k *call) read(resp *http.Response, body []byte) error {
	secrets := k.client.secrets
	switch {
	case resp.StatusCode >= http.StatusBadRequest:
		return refusal(resp, body, secrets)
	case resp.StatusCode >= http.StatusMultipleChoices:
		return redirect(resp, secrets)
	case k.out == nil:
		return nil
	}
	malformed := func(err error) error {
		return &Error{Kind: Malformed, Status: resp.StatusCode, Err: secrets.Error(err, maxDetail)}
	}
	switch err := decode(body, k.out); {
	case errors.Is(err, errNotJSON):
		return malformed(fmt.Errorf("%w %s", err, describe(resp, body, secrets)))
	case err != nil:
		return malformed(err)
	}
	secrets.clean(k.out)
	if k.Check != nil {
		if err := k.Check(); err != nil {
			return malformed(err)
		}
	}
	return nil
}

// refusal reads a problem document (RFC 9457), if there is one. Products that do not use them have a member message or error instead
// of detail, and some send only text.
func refusal(resp *http.Response, body []byte, secrets *redactor) *Error {
	e := &Error{Kind: Refused, Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header, time.Now())}
	var members map[string]any
	if len(body) > maxProblem || decode(body, &members) != nil {
		e.Front = secrets.Brief(inFront(resp, body, secrets), maxDetail)
		if e.Front == "" {
			e.Detail = secrets.Brief(plainText(resp, body), maxDetail)
		}
		return e
	}
	members, _ = secrets.cleanJSON(members).(map[string]any)
	e.body, _ = json.Marshal(members)
	e.Code, e.Field = member(members, "code", maxName), member(members, "field", maxName)
	for _, name := range []string{"detail", "message", "title", "error", "error_description"} {
		e.Detail = cmp.Or(e.Detail, member(members, name, maxDetail))
	}
	if inner, ok := find(members, "error").(map[string]any); ok {
		e.Detail = cmp.Or(e.Detail, member(inner, "message", maxDetail))
	}
	return e
}

// find returns a member by its name, ignoring case as json.Unmarshal does.
func find(members map[string]any, name string) any {
	for given, value := range members {
		if strings.EqualFold(given, name) {
			return value
		}
	}
	return nil
}

func member(members map[string]any, name string, limit int) string {
	s, _ := find(members, name).(string)
	return untrusted.Shorten(s, limit)
}

// plainText is the body of a response that is declared to be plain text.
func plainText(resp *http.Response, body []byte) string {
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") || len(body) > maxProblem {
		return ""
	}
	return string(body)
}

// redirect names both origins. The query of the target is left out, because it may hold a token.
func redirect(resp *http.Response, secrets *redactor) *Error {
	from, to := originOf(resp.Request.URL), "nowhere"
	if target, err := resp.Location(); err == nil {
		to = originOf(target) + target.EscapedPath()
	}
	return &Error{Kind: Redirected, Status: resp.StatusCode, Err: secrets.Error(fmt.Errorf(
		"%s redirects to %s, which is not followed, because credentials must not go elsewhere; set url to the address of the site", from, to), maxDetail)}
}
