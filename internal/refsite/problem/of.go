package problem

import (
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
)

// Of returns what a caller may know of err: the *[Error] in its chain, or one made for what the store said.
func Of(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, store.ErrClosed) {
		return &Error{Code: Stopping, Detail: "The site is being stopped.", RetryAfter: RetryStopping, Err: err}
	}
	if e, ok := errors.AsType[*store.WriteError](err); ok {
		if e.InDoubt {
			// Not Storage, which promises that nothing was changed: clients look for themselves.
			return &Error{Code: Internal, Detail: "The site cannot tell whether the change is on its disk: read what it holds.", Err: err}
		}
		return &Error{Code: Storage, Detail: "The site could not store the change; what it holds is as it was.", Err: err}
	}
	return &Error{Code: Internal, Detail: "The site made a mistake; its log says which.", Err: err}
}
