package pocketbase

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/outcome"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// wireRefusal is the body of a response with a status of 400 or above.
type wireRefusal struct {
	Message string `json:"message"`
	Data    struct {
		SMTP  map[string]wireProblem `json:"smtp"`
		Meta  map[string]wireProblem `json:"meta"`
		Email wireProblem            `json:"email"`
	} `json:"data"`
}

type wireProblem struct {
	Message string `json:"message"`
}

// siteError converts the error of a failed request to a *[site.Error]; noAnswer is as in [outcome.Error].
func siteError(err error, noAnswer site.Kind) error {
	failed := outcome.Error(err, noAnswer, nil)
	if field, reason := refusalOf(err).field(); field != "" {
		failed.Kind, failed.Field = site.Invalid, field
		failed.Message = fmt.Sprintf("PocketBase does not accept it: %.200s", reason)
	}
	return failed
}

// refusalOf decodes the body of a refusal. It is empty for any other error.
func refusalOf(err error) wireRefusal {
	var refusal wireRefusal
	if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Kind != adminapi.Refused || e.Decode(&refusal) != nil {
		return wireRefusal{}
	}
	return refusal
}

// field returns the first setting at fault that a user can set, and what is wrong with it; empty if there is none.
func (r wireRefusal) field() (name, reason string) {
	for _, at := range []struct {
		name    string
		problem wireProblem
	}{
		{"host", r.Data.SMTP["host"]},
		{"port", r.Data.SMTP["port"]},
		{"username", r.Data.SMTP["username"]},
		{"helo_name", r.Data.SMTP["localName"]},
		{"from_address", r.Data.Meta["senderAddress"]},
		{"from_name", r.Data.Meta["senderName"]},
		{"recipient", r.Data.Email},
	} {
		if at.problem.Message != "" {
			return at.name, at.problem.Message
		}
	}
	return "", ""
}

// verdict converts the error of a test request to the result of a failed test, or to an error if no test was made. PocketBase ends
// every message with a full stop.
func verdict(err error) (site.TestResult, error) {
	if _, raw, ok := strings.Cut(refusalOf(err).Message, "Raw error:"); ok {
		return outcome.Failure(strings.TrimSuffix(raw, ".")), nil
	}
	return site.TestResult{}, siteError(err, site.NoAnswer)
}

func notPocketBase(why string) error {
	return &site.Error{Kind: site.Unexpected, Message: "the response is not from a PocketBase: " + why + "; check url and platform"}
}

func wrongSite(want, found string) error {
	return &site.Error{Kind: site.WrongSite, Message: fmt.Sprintf(
		"a different PocketBase answers: its ID is %.100q instead of %q; nothing was sent to it", found, want)}
}
