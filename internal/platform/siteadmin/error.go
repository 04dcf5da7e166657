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

// kinds says what the codes of the contract mean to a caller; the others are failures of this package, or of the site.
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

// siteError makes a *[site.Error] of a failed call; noAnswer is as in [outcome.Error].
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

// sentError is [siteError] for a call that changes something or sends a message. sent is what the request held, which another
// site that refuses it has got all the same.
func sentError(err error, sent string) error {
	failed := siteError(err, site.NoAnswer)
	if failed.Kind == site.WrongSite {
		failed.Message += "; it was sent " + sent + ", and says that it did nothing"
	}
	return failed
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

// wrongSite is the error of an answer of another site; sent says, in a clause, what that has got.
func wrongSite(want, found, sent string) error {
	return &site.Error{Kind: site.WrongSite, Message: fmt.Sprintf(
		"another site answers: its site_id is %.128q, and %q was expected; %s", found, want, sent)}
}

// cached is the error of an answer that is older than a write of this client.
func cached(revision string, newer any) error {
	return &site.Error{Kind: site.Unexpected, Message: fmt.Sprintf("an old answer came back: it is of revision %.100q, over which %.100q has been written since. "+
		"A cache in front of the site keeps its answers: let it pass on everything below %s", revision, newer, basePath)}
}

// unknownVerdict is the error of a test that was running when its site could no longer be asked.
func unknownVerdict(err error) error {
	return &site.Error{Kind: site.NoAnswer, Message: fmt.Sprintf(
		"the test was still running when asking for its result ended: %v; a message may have been sent", err), Err: err}
}
