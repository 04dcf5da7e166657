// Package outcome says in the words of package site what became of a call to an admin API: why one failed, and what a
// test came to of which a product tells in a sentence only.
package outcome

import (
	"errors"
	"net/http"
	"slices"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Error makes a *[site.Error] of a failed call. noAnswer is the kind of one that nobody knows the end of: for a call that
// changes nothing and sends no message, that is as good as no site. codes say what the codes mean that the product gives
// beside a status; nil for a product without.
func Error(err error, noAnswer site.Kind, codes map[string]site.Kind) *site.Error {
	kind := site.Unexpected
	if e, ok := errors.AsType[*adminapi.Error](err); ok {
		kind = kindOf(e, noAnswer, codes)
	}
	return &site.Error{Kind: kind, Message: err.Error(), Err: err}
}

func kindOf(e *adminapi.Error, noAnswer site.Kind, codes map[string]site.Kind) site.Kind {
	switch e.Kind {
	case adminapi.Unreachable, adminapi.Untrusted:
		return site.Unreachable
	case adminapi.NoAnswer:
		return noAnswer
	case adminapi.NotLoggedIn:
		return loginKind(e.Err, codes)
	}
	if e.Undecided() && noAnswer == site.NoAnswer {
		return site.NoAnswer
	}
	if e.Kind == adminapi.Refused {
		return refusalKind(e, codes)
	}
	return site.Unexpected
}

func loginKind(err error, codes map[string]site.Kind) site.Kind {
	e, ok := errors.AsType[*adminapi.Error](err)
	if !ok {
		return site.Unexpected
	}
	kind := kindOf(e, site.Unreachable, codes)
	if e.Kind == adminapi.Refused && e.Front == "" && e.Status < http.StatusInternalServerError && kind != site.RateLimited {
		return site.Unauthorized
	}
	return kind
}

// blocking are the statuses with which firewalls and logins in front of a site answer in its place.
var blocking = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotAcceptable}

// Cloudflare answers with these statuses when it cannot reach the site behind it
// (https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/).
const (
	firstOfCloudflare = 520
	lastOfCloudflare  = 530
)

// refusalKind goes by the code, and by the status where there is no known one: something in front of the site may have
// answered.
func refusalKind(e *adminapi.Error, codes map[string]site.Kind) site.Kind {
	if kind, ok := codes[e.Code]; ok {
		return kind
	}
	if e.Front != "" && slices.Contains(blocking, e.Status) {
		return site.Blocked
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
	if e.Status >= firstOfCloudflare && e.Status <= lastOfCloudflare {
		return site.Unreachable
	}
	return site.Unexpected
}
