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

// siteError makes a *[site.Error] of a failed call; noAnswer is as in [outcome.Error].
func siteError(err error, noAnswer site.Kind) error { return outcome.Error(err, noAnswer, nil) }

// verdict is the result of a test that listmonk answered with an error, or the error of one that was not made. A message
// beside a status of 500 says what went wrong on the way to the submission server, or there.
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

// checkPassword refuses what listmonk shows instead of a password.
func checkPassword(password secret.Text) error {
	if !password.IsEmpty() && strings.Trim(password.Reveal(), bullet) == "" {
		return &site.Error{Kind: site.Invalid, Field: "password", Message: "it is what listmonk shows instead of a password"}
	}
	return nil
}

func lastServer() error {
	return &site.Error{Kind: site.Unsupported, Field: "enabled", Message: "listmonk wants at least one SMTP server that is enabled, and this is the last. " +
		`Enable another one in its settings first, or leave this one with on_destroy = "keep"`}
}

func ambiguous(hosts []string) error {
	return &site.Error{Kind: site.Unsupported, Message: fmt.Sprintf(
		"listmonk has several SMTP servers that are enabled, and nothing tells which one to manage: %.300s. Leave one of them enabled",
		strings.Join(hosts, ", "))}
}

func needsRestart() error {
	return &site.Error{Kind: site.Unexpected, Message: "listmonk has saved the settings and goes on with the former ones, because campaigns are running. " +
		"Restart it from its admin page when they are done, and apply again"}
}

func notAwaited(err error) error {
	return &site.Error{Kind: site.NoAnswer, Err: err, Message: fmt.Sprintf(
		"listmonk has taken the settings, and nobody waited until its restart was over: %v", err)}
}

func changedMeanwhile() error {
	return errors.New("somebody else changed the settings of listmonk meanwhile")
}

func notListmonk(why string) error {
	return &site.Error{Kind: site.Unexpected, Message: "what answered is not a listmonk: " + why + "; check url and platform"}
}

func noVerdict(version string) error {
	return &site.Error{Kind: site.Unsupported, Message: fmt.Sprintf(
		"listmonk %.50s says that a test passed also when it could not reach the mail server, so it cannot be tested with. Upgrade it to 5.0.3 or later", version)}
}

func wrongSite(want, found string) error {
	return &site.Error{Kind: site.WrongSite, Message: fmt.Sprintf(
		"another listmonk answers: its root URL is %.200q, and %q was expected; nothing was sent to it", found, want)}
}
