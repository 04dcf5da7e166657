package page

import (
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/diagnosis"
	"github.com/sitemail/terraform-provider-smtp/internal/refsite/core"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// TestConfigurationToWrite: it is shown line by line, in a block of its own.
func TestConfigurationToWrite(t *testing.T) {
	result := site.TestResult{
		Status: site.Failed, Stage: site.StageAuth,
		Reply: &site.Reply{Code: 550, EnhancedCode: "5.7.30", Text: "Basic authentication is not supported for Client Submission."},
	}
	result.Diagnosis = new(diagnosis.Of(result, site.Settings{Host: "smtp.office365.com", Username: "shop@example.com"}))
	var page strings.Builder
	err := templates.ExecuteTemplate(&page, "outcome", outcome{Verdict: "failed", PastTest: core.PastTest{Test: core.Test{TestResult: result}}})
	if err != nil {
		t.Fatal(err)
	}
	const want = "write:<pre>oauth2 = {\n  tenant "
	if !strings.Contains(page.String(), want) || strings.Count(page.String(), "oauth2 = {") != 1 {
		t.Errorf("%q is not in:\n%s", want, page.String())
	}
}
