// Package problem names the failures of the site admin contract, free of HTTP.
package problem

import (
	"fmt"
	"time"
)

// Code identifies a failure to clients.
type Code string

// The codes of the contract; openapi.yaml says when each is used.
const (
	Malformed            Code = "malformed"
	Unauthorized         Code = "unauthorized"
	NotFound             Code = "not_found"
	MethodNotAllowed     Code = "method_not_allowed"
	VerificationRequired Code = "verification_required"
	WrongSite            Code = "wrong_site"
	NotConfigured        Code = "not_configured"
	Stale                Code = "stale"
	TooLarge             Code = "too_large"
	UnsupportedMediaType Code = "unsupported_media_type"
	Invalid              Code = "invalid"
	PasswordRequired     Code = "password_required"
	KeyReused            Code = "key_reused"
	PreconditionRequired Code = "precondition_required"
	RateLimited          Code = "rate_limited"
	Internal             Code = "internal"
	Stopping             Code = "stopping"
	Storage              Code = "storage"
	Misdirected          Code = "misdirected"
)

// RetryStopping is how long to wait for a site that is stopping.
const RetryStopping = 5 * time.Second

// Error is a failed request. Everything except Err may be shown to the client.
type Error struct {
	Code Code
	// Field is the name, in the contract, of the field at fault; may be empty.
	Field string
	// Detail says what is wrong, for people.
	Detail string
	// Revision and UpdatedBy are set if Code is Stale: the current revision and who wrote it.
	Revision, UpdatedBy string
	// RetryAfter is how long to wait before the next request; 0 if waiting does not help.
	RetryAfter time.Duration
	// Err is the underlying error, for the log; may be nil.
	Err error
}

// New returns an Error whose detail is formatted as by [fmt.Sprintf].
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// OfField returns an Error of code Invalid for one field.
func OfField(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }
