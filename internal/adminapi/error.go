package adminapi

import "time"

// Kind is the small set of ways in which a call can fail.
type Kind string

// The kinds.
const (
	// Unreachable: the request never left this machine for the site: no name, no connection, no time left.
	Unreachable Kind = "unreachable"
	// Untrusted: no connection because of TLS: certificates of either side, or the protocol version.
	Untrusted Kind = "untrusted"
	// NotLoggedIn: the login that the call needs failed, so the call was not sent; Err holds that failure.
	NotLoggedIn Kind = "not_logged_in"
	// NoAnswer: the request may have reached the site and no complete answer came back.
	NoAnswer Kind = "no_answer"
	// Refused: an answer with a status of 400 or above.
	Refused Kind = "refused"
	// Redirected: an answer that sends the client elsewhere; never followed.
	Redirected Kind = "redirected"
	// Malformed: an answer that is too large or not the JSON that was asked for.
	Malformed Kind = "malformed"
)

// Error is a failed call.
type Error struct {
	Kind Kind
	// Method and Path are those of the request, URL the base of the site that it went to; none holds a secret.
	Method, Path, URL string
	// Status is that of the answer, 0 when there was none.
	Status int
	// Code, Field and Detail are the members of the problem document (RFC 9457), on one line, bounded and free of the
	// secrets that were sent; empty where the answer has none.
	Code, Field, Detail string
	// RetryAfter is how long the site wants to be left alone, at most a minute.
	RetryAfter time.Duration
	// Attempts is how often the request was sent or tried to be sent.
	Attempts int
	// Err is the error underneath; may be nil.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return e.URL + ": " + string(e.Kind) }

// Unwrap returns the error underneath.
func (e *Error) Unwrap() error { return e.Err }
