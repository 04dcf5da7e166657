package listmonk

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/platform/outcome"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// siteError converts the error of a failed request to a *[site.Error]; noAnswer is as in [outcome.Error].
func siteError(err error, noAnswer site.Kind) error { return outcome.Error(err, noAnswer, nil) }

// verdict converts the error of a test request to the result of a failed test, or to an error if no test was made. With status 500, the
// message says what went wrong at the mail server or on the way to it.
func verdict(err error) (site.TestResult, error) {
	var refusal struct {
		Message string `json:"message"`
	}
	e, ok := errors.AsType[*adminapi.Error](err)
	if !ok || e.Kind != adminapi.Refused || e.Status != http.StatusInternalServerError || e.Decode(&refusal) != nil || refusal.Message == "" {
		return site.TestResult{}, siteError(err, site.NoAnswer)
	}
	return outcome.Failure(refusal.Message), nil
}

// checkPassword refuses the mask that listmonk shows instead of a password.
func checkPassword(password secret.Text) error {
	if !password.IsEmpty() && strings.Trim(password.Reveal(), bullet) == "" {
		return &site.Error{Kind: site.Invalid, Field: "password", Message: "it is the mask that listmonk shows instead of a password"}
	}
	return nil
}

func lastServer() error {
	return &site.Error{Kind: site.Unsupported, Field: "enabled", Message: "listmonk requires at least one enabled SMTP server, and this is the last one. " +
		`Enable another server in its settings first, or keep this one with on_destroy = "keep"`}
}

func ambiguous(hosts []string) error {
	return &site.Error{Kind: site.Unsupported, Message: fmt.Sprintf(
		"listmonk has several enabled SMTP servers, so it is not clear which one to manage: %.300s. Leave only one of them enabled",
		strings.Join(hosts, ", "))}
}

func needsRestart() error {
	return &site.Error{Kind: site.Unexpected, Message: "listmonk has saved the settings but still uses the previous ones, because campaigns are running. " +
		"When they have finished, restart it from its admin page and apply again"}
}

func notAwaited(err error) error {
	return &site.Error{Kind: site.NoAnswer, Err: err, Message: fmt.Sprintf(
		"listmonk accepted the settings, but waiting for its restart was interrupted: %v", err)}
}

func changedMeanwhile() error {
	return errors.New("someone else changed the settings of listmonk in the meantime")
}

func notListmonk(why string) error {
	return &site.Error{Kind: site.Unexpected, Message: "the response is not from a listmonk: " + why + "; check url and platform"}
}

func noVerdict(version string) error {
	return &site.Error{Kind: site.Unsupported, Message: fmt.Sprintf(
		"listmonk %.50s reports that a test passed even if it could not reach the mail server, so its tests prove nothing. Upgrade it to 5.0.3 or later", version)}
}

func wrongSite(want, found string) error {
	return &site.Error{Kind: site.WrongSite, Message: fmt.Sprintf(
		"a different listmonk answers: its root URL is %.200q instead of %q; nothing was sent to it", found, want)}
}
