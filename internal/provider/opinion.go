package provider

import (
	"context"
	"fmt"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// secondOpinion tries a candidate from this machine whose test failed at a site that does not say why. It is empty where
// the site said why, where it is switched off, and where there is no password to try. A login that the server refused is
// never repeated: that could lock the account.
func (e *entry) secondOpinion(ctx context.Context, c site.Change, failed site.TestResult) string {
	unexplained := failed.Status == site.Failed && diagnosis.Of(failed, c.Candidate.Settings).ID == diagnosis.Unknown
	if !unexplained || e.check == nil || c.Candidate.LacksPassword() {
		return ""
	}
	const intro = "\n\nTried from this machine too, without sending a message. The site is in another network and may see something else.\n\n"
	result, err := e.turns.Do(ctx, c.Candidate.Settings, func(ctx context.Context) (site.TestResult, error) { return e.check(ctx, c.Candidate), nil })
	if err != nil {
		return ""
	}
	if result.Status == site.Passed {
		return intro + fmt.Sprintf("From here, %s can be reached%s. The fault is then with the site's own way to it, or with the message: look at the site's log.",
			c.Candidate.Settings.Host, loginAccepted(c.Candidate))
	}
	return intro + diagnosis.Failure{
		Result:   result,
		Settings: c.Candidate.Settings,
		Machine:  thisMachine,
		Secrets:  []secret.Text{c.Candidate.Password},
	}.Text()
}

func loginAccepted(c site.Candidate) string {
	if c.Settings.Username == "" {
		return ""
	}
	return " and accepts the login"
}
