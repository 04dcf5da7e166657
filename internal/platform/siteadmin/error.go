package siteadmin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// The codes of problem documents that this package acts on.
const (
	codeStale    = "stale"
	codeNotFound = "not_found"
)

// kinds says what the codes of the contract mean to a caller; the others are failures of this package, or of the site.
var kinds = map[string]site.Kind{
	codeStale:               site.Stale,
	"wrong_site":            site.WrongSite,
	"password_required":     site.PasswordRequired,
	"verification_required": site.VerificationRequired,
	"invalid":               site.Invalid,
	"unauthorized":          site.Unauthorized,
	"rate_limited":          site.RateLimited,
	"stopping":              site.Unreachable,
	"method_not_allowed":    site.Unsupported,
}

// siteError makes a *[site.Error] of a failed call. noAnswer is the kind of a call that nobody knows the end of: for one
// that changes nothing and sends no message, that is as good as no site.
func siteError(err error, noAnswer site.Kind) error {
	e, ok := errors.AsType[*adminapi.Error](err)
	if !ok {
		return &site.Error{Kind: site.Unexpected, Message: err.Error(), Err: err}
	}
	return &site.Error{Kind: kindOf(e, noAnswer), Field: fieldOf(e), Message: e.Error() + whoChangedIt(e), Err: err}
}

func kindOf(e *adminapi.Error, noAnswer site.Kind) site.Kind {
	switch e.Kind {
	case adminapi.Unreachable, adminapi.Untrusted:
		return site.Unreachable
	case adminapi.NoAnswer:
		return noAnswer
	case adminapi.NotLoggedIn:
		return loginKind(e.Err)
	}
	if e.Undecided() && noAnswer == site.NoAnswer {
		return site.NoAnswer
	}
	if e.Kind == adminapi.Refused {
		return refusalKind(e)
	}
	return site.Unexpected
}

func loginKind(err error) site.Kind {
	e, ok := errors.AsType[*adminapi.Error](err)
	if !ok {
		return site.Unexpected
	}
	kind := kindOf(e, site.Unreachable)
	if e.Kind == adminapi.Refused && e.Status < http.StatusInternalServerError && kind != site.RateLimited {
		return site.Unauthorized
	}
	return kind
}

// refusalKind goes by the code of the contract, and by the status where something in front of the site answered.
func refusalKind(e *adminapi.Error) site.Kind {
	if kind, ok := kinds[e.Code]; ok {
		return kind
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return site.Unauthorized
	case http.StatusPreconditionFailed:
		return site.Stale
	case http.StatusTooManyRequests:
		return site.RateLimited
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return site.Unreachable
	}
	return site.Unexpected
}

// fieldOf is the field at fault where that is one that a user can set.
func fieldOf(e *adminapi.Error) string {
	fields := []string{"password", "recipient"}
	for _, f := range (site.Settings{}).Fields() {
		fields = append(fields, f.Name)
	}
	if slices.Contains(fields, e.Field) {
		return e.Field
	}
	return ""
}

func whoChangedIt(e *adminapi.Error) string {
	var problem struct {
		Revision  string `json:"revision"`
		UpdatedBy string `json:"updated_by"`
	}
	if e.Code != codeStale || e.Decode(&problem) != nil {
		return ""
	}
	if problem.UpdatedBy == "" {
		return fmt.Sprintf("; it is at revision %.100q now", problem.Revision)
	}
	return fmt.Sprintf("; it is at revision %.100q now, written by %.100q", problem.Revision, problem.UpdatedBy)
}

func wrongSite(want, found string) error {
	return &site.Error{Kind: site.WrongSite, Message: fmt.Sprintf(
		"another site answers: its site_id is %.128q, and %q was expected; nothing was sent to it", found, want)}
}

// unknownVerdict is the error of a test that was running when its site could no longer be asked.
func unknownVerdict(err error) error {
	return &site.Error{Kind: site.NoAnswer, Message: fmt.Sprintf(
		"the test was still running when asking for its result ended: %v; a message may have been sent", err), Err: err}
}
