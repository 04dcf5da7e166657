package adminapi

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Kind is a way in which a request can fail.
type Kind string

// The kinds.
const (
	// Unreachable: the request was not sent: no address, no connection, or no time left.
	Unreachable Kind = "unreachable"
	// Untrusted: TLS failed, because of the certificate of either side or the protocol version.
	Untrusted Kind = "untrusted"
	// NotLoggedIn: the login failed, so the request was not sent; Err is that failure.
	NotLoggedIn Kind = "not_logged_in"
	// NoAnswer: the request may have reached the site, and no complete response came back.
	NoAnswer Kind = "no_answer"
	// Refused: a response with a status of 400 or above.
	Refused Kind = "refused"
	// Redirected: a redirect, which is never followed.
	Redirected Kind = "redirected"
	// Malformed: a success whose body is too large or not the expected JSON.
	Malformed Kind = "malformed"
)

// Error is a failed request. It holds no secret.
type Error struct {
	Kind Kind
	// Method and URL are those of the request.
	Method, URL string
	// Status is that of the response, 0 if there was none.
	Status int
	// Code, Field and Detail are members of the problem document (RFC 9457), each on one line of limited length; empty if the
	// response has none. They are untrusted input.
	Code, Field, Detail string
	// Front is what answered instead of the site's admin API, such as a firewall, in a few words; empty for the site itself. It is
	// untrusted input.
	Front string
	// RetryAfter is how long the site asks to wait, at most a year.
	RetryAfter time.Duration
	// Attempts is how many attempts were made.
	Attempts int
	// Err is the underlying error; may be nil.
	Err error

	body []byte
}

// Error implements error: the request, how it failed, and after how many attempts.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %s", e.Method, e.URL, e.reason())
	if e.Attempts > 1 {
		text += fmt.Sprintf(" (%d attempts)", e.Attempts)
	}
	return text
}

func (e *Error) reason() string {
	text := map[Kind]string{
		Unreachable: "the site cannot be reached",
		Untrusted:   "the site is not trusted",
		NotLoggedIn: "login failed",
		NoAnswer:    "sent, but no complete response came back",
		Refused:     e.refusal(),
		Redirected:  fmt.Sprintf("redirect %d", e.Status),
		Malformed:   "the answer is not one of the admin API; check url",
	}[e.Kind]
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) refusal() string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)))
	if e.Code != "" {
		text = fmt.Sprintf("%d %s", e.Status, e.Code)
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Front != "" {
		text += ", and not from the site's admin API: it looks like " + e.Front
	}
	switch wish := e.RetryAfter.Round(time.Second); {
	case e.RetryAfter > maxRetryAfter:
		text += fmt.Sprintf(" (the site asks to wait %s, which is too long to wait)", wish)
	case e.RetryAfter > 0:
		text += fmt.Sprintf(" (the site asks to wait %s)", wish)
	}
	return strings.TrimSpace(text)
}

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// Decode fills out, a pointer, from the JSON of a response with a status of 400 or above: for members that a platform
// adds to the problem document, or for formats of its own.
func (e *Error) Decode(out any) error { return decode(e.body, out) }

// Undecided reports whether the request may have been carried out although it failed.
func (e *Error) Undecided() bool {
	switch e.Kind {
	case NoAnswer, Malformed:
		return true
	case Refused:
		return e.Status >= http.StatusInternalServerError && !declines(e.Status)
	}
	return false
}

// declines reports whether a 5xx status says that nothing was done.
func declines(status int) bool {
	return status == http.StatusNotImplemented || status == http.StatusServiceUnavailable ||
		status == http.StatusInsufficientStorage
}
