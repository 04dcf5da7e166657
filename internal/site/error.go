package site

import (
	"errors"
	"fmt"
)

// Kind is the small set of failures that the procedure and its callers tell apart.
type Kind string

// The kinds of failure of a call to a site.
const (
	// Stale: the site was changed since it was read.
	Stale Kind = "stale"
	// WrongSite: another site answers than the one that was pinned.
	WrongSite Kind = "wrong_site"
	// Invalid: the site refuses a value; Error.Field names it.
	Invalid Kind = "invalid"
	// PasswordRequired: the stored password may not travel to changed settings.
	PasswordRequired Kind = "password_required"
	// VerificationRequired: enabling needs a passed test of exactly these settings and this password.
	VerificationRequired Kind = "verification_required"
	// Unauthorized: the site does not accept the credentials of the admin API, or not for this call.
	Unauthorized Kind = "unauthorized"
	// RateLimited: the site wants fewer calls.
	RateLimited Kind = "rate_limited"
	// Unreachable: the call did not reach the site, or it refused to serve it.
	Unreachable Kind = "unreachable"
	// NoAnswer: the call was sent and nobody knows what became of it.
	NoAnswer Kind = "no_answer"
	// Unsupported: the site speaks a version or lacks a feature that the call needs.
	Unsupported Kind = "unsupported"
	// Unexpected: anything else, such as an answer that is not of the site admin API.
	Unexpected Kind = "unexpected"
)

// Error is a failed call to a site.
type Error struct {
	Kind Kind
	// Field is the setting at fault, by its name in [Settings.Fields] or "password" or "recipient"; may be empty.
	Field string
	// Message is for people: what the site said, or what was seen instead.
	Message string
	// Err is the error underneath; may be nil.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Message)
	}
	return e.Message
}

// Unwrap returns the error underneath.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first *Error in err's chain, "" when there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}
