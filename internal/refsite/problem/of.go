package problem

import (
	"errors"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite/store"
)

// Of returns what a caller may know about err: the *[Error] in its chain, or one for an error of the store.
func Of(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, store.ErrClosed) {
		return &Error{Code: Stopping, Detail: "The site is being stopped.", RetryAfter: RetryStopping, Err: err}
	}
	if e, ok := errors.AsType[*store.WriteError](err); ok {
		if e.InDoubt {
			// Not Storage, which promises that nothing was changed: clients read the site to find out.
			return &Error{Code: Internal, Detail: "The site cannot tell whether the change was stored: read its settings.", Err: err}
		}
		return &Error{Code: Storage, Detail: "The site could not store the change; its settings are unchanged.", Err: err}
	}
	return &Error{Code: Internal, Detail: "Internal error; see the site's log.", Err: err}
}
