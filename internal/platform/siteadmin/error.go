package siteadmin

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/outcome"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// The codes of problem documents that this package acts on.
const (
	codeStale    = "stale"
	codeNotFound = "not_found"
	codeStorage  = "storage"
)

// kinds maps codes of the contract to what they mean to a caller. The other codes are bugs of this package or of the site.
var kinds = map[string]site.Kind{
	codeStale:               site.Stale,
	"wrong_site":            site.WrongSite,
	"password_required":     site.PasswordRequired,
	"verification_required": site.VerificationRequired,
	"invalid":               site.Invalid,
	"not_in_force":          site.NotInForce,
	"unauthorized":          site.Unauthorized,
	"rate_limited":          site.RateLimited,
	"stopping":              site.Unreachable,
	"method_not_allowed":    site.Unsupported,
}

// siteError converts the error of a failed request to a *[site.Error]; noAnswer is as in [outcome.Error].
func siteError(err error, noAnswer site.Kind) *site.Error {
	failed := outcome.Error(err, noAnswer, kinds)
	if e, ok := errors.AsType[*adminapi.Error](err); ok {
		failed.Field = fieldOf(e)
		if failed.Kind == site.NotInForce {
			failed.Field = cmp.Or(failed.Field, "adopt")
		}
		failed.Message += whoChangedIt(e)
		if e.Code == codeStorage {
			failed.Message += "; nothing was saved"
		}
	}
	return failed
}

// sentError is [siteError] for a request that changes something or sends a message. sent names the content of the request, which a wrong
// site has received even if it refused the request.
func sentError(err error, sent string) error {
	failed := siteError(err, site.NoAnswer)
	if failed.Kind == site.WrongSite {
		failed.Message += "; it received " + sent + ", and reports that it did nothing"
	}
	return failed
}

// fieldOf returns the field at fault if a user can set it, else "".
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

// wrongSite is the error of a response from a different site; sent is a clause that says what that site received.
func wrongSite(want, found, sent string) error {
	return &site.Error{Kind: site.WrongSite, Message: fmt.Sprintf(
		"a different site answers: its site_id is %.128q instead of %q; %s", found, want, sent)}
}

// cached is the error of a response that is older than a write of this client.
func cached(revision string, newer any) error {
	return &site.Error{Kind: site.Unexpected, Message: fmt.Sprintf("the response is outdated: it has revision %.100q, which %.100q has replaced since. "+
		"A cache in front of the site stores its responses: exclude everything below %s", revision, newer, basePath)}
}

// unknownVerdict is the error of a test that was still running when its site could no longer be polled.
func unknownVerdict(err error) error {
	return &site.Error{Kind: site.NoAnswer, Message: fmt.Sprintf(
		"the test was still running when polling for its result failed: %v; a message may have been sent", err), Err: err}
}
