package site

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the kind of a failure, as far as the procedure and its callers need to distinguish.
type Kind string

// The ways in which a request to a site can fail.
const (
	// Stale: the site was changed since it was read.
	Stale Kind = "stale"
	// WrongSite: a site other than the pinned one answered.
	WrongSite Kind = "wrong_site"
	// Invalid: the site refuses a value; Error.Field names it.
	Invalid Kind = "invalid"
	// NotInForce: what sends the site's mail is not, or is no longer, what was to be taken over.
	NotInForce Kind = "not_in_force"
	// PasswordRequired: the stored password may not be used with changed settings.
	PasswordRequired Kind = "password_required"
	// VerificationRequired: enabling needs a passed test of exactly these settings and this password.
	VerificationRequired Kind = "verification_required"
	// Unauthorized: the site rejects the credentials of the admin API, or does not allow them this request.
	Unauthorized Kind = "unauthorized"
	// Blocked: something in front of the site, such as a firewall or the login of a staging site, answered instead.
	Blocked Kind = "blocked"
	// RateLimited: the site asks for fewer requests.
	RateLimited Kind = "rate_limited"
	// Unreachable: the request did not reach the site, or the site refused to serve it.
	Unreachable Kind = "unreachable"
	// NoAnswer: the request was sent, and its outcome is unknown.
	NoAnswer Kind = "no_answer"
	// Unsupported: the request needs a version or a feature that the site does not have.
	Unsupported Kind = "unsupported"
	// Unexpected: anything else, such as a response that is not one of the site admin API.
	Unexpected Kind = "unexpected"
)

// Error is a failed request to a site.
type Error struct {
	Kind Kind
	// Field is the setting at fault, by its name in [Settings.Fields] or "password" or "recipient"; may be empty.
	Field string
	// Message is for people: what the site said, or what went wrong.
	Message string
	// Err is the underlying error; may be nil.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Message)
	}
	return e.Message
}

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's chain, "" when there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// TestError is a test that did not pass.
type TestError struct {
	Result TestResult
	// Settings are those that were tested.
	Settings Settings
	// Attempts is how many tests were made, and Spent how long they took.
	Attempts int
	Spent    time.Duration
	// Local: the mail server already refused the login from this machine, so the site was not asked to test.
	Local bool
}

// Error implements error. It leaves out what the server said, which may repeat the password that it was sent.
func (e *TestError) Error() string {
	verdict := "failed"
	if e.Result.Status == InDoubt {
		verdict = "is in doubt"
	}
	text := "the test " + verdict
	if e.Result.Stage != "" {
		text += " at stage " + string(e.Result.Stage)
	}
	if d := e.Result.Diagnosis; d != nil {
		text += ": " + d.Summary
	}
	return text
}

// Left is the state in which a failed change left a site.
type Left int

const (
	// LeftOff: mail is off.
	LeftOff Left = iota
	// LeftRestored: the settings that worked before are restored and on.
	LeftRestored
	// LeftToOthers: someone else changed the site meanwhile, and their change stands.
	LeftToOthers
	// LeftUntested: mail may be on with settings that did not pass a test, because the site could not be read or written to.
	LeftUntested
)

// String completes a sentence that begins with "now".
func (l Left) String() string {
	switch l {
	case LeftOff:
		return "mail is off"
	case LeftRestored:
		return "the settings that worked before are back"
	case LeftToOthers:
		return "the site is as somebody else left it meanwhile"
	default:
		return "MAIL MAY BE ON WITH SETTINGS THAT DID NOT PASS A TEST"
	}
}

// PartialError is a change that failed after it had written to the site.
type PartialError struct {
	// Left is what the site was left with.
	Left Left
	// Err is why the change failed.
	Err error
	// Undo is why the site could not be brought into a safe state; nil unless Left is LeftUntested.
	Undo error
}

// Error implements error.
func (e *PartialError) Error() string {
	text := fmt.Sprintf("%s; now %s", e.Err, e.Left)
	if e.Undo != nil {
		text += fmt.Sprintf(": %s", e.Undo)
	}
	return text
}

// Unwrap returns why the change failed.
func (e *PartialError) Unwrap() error { return e.Err }
