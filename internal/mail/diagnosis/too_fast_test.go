package diagnosis

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// A server says that there is too much at once wherever it likes, and some sites do not tell where.
func TestTooFast(t *testing.T) {
	failed := func(stage site.Stage, code int, enhanced, text string) site.TestResult {
		return site.TestResult{Status: site.Failed, Stage: stage, Reply: &site.Reply{Code: code, EnhancedCode: enhanced, Text: text}}
	}
	for name, c := range map[string]struct {
		result site.TestResult
		want   bool
	}{
		"AtTheBanner":            {failed(site.StageBanner, 421, "", "Too many concurrent SMTP connections; please try again later."), true},
		"AtTheSender":            {failed(site.StageMail, 421, "4.7.0", "Too many connections from this address"), true},
		"AtAnUnknownStage":       {failed("", 421, "4.7.0", "Error: too many connections from 192.0.2.1"), true},
		"Exchange":               {failed(site.StageEHLO, 421, "4.3.2", "The maximum number of concurrent server connections has exceeded a limit"), true},
		"OtherFault":             {failed("", 421, "4.3.0", "Server closing connection"), false},
		"APassword":              {failed(site.StageAuth, 535, "5.7.8", "Authentication credentials invalid"), false},
		"InDoubt":                {site.TestResult{Status: site.InDoubt, Stage: site.StageData, Reply: &site.Reply{Code: 421, Text: "too many connections"}}, false},
		"APass":                  {site.TestResult{Status: site.Passed, Stage: site.StageData, Reply: &site.Reply{Code: 421, Text: "too many connections"}}, false},
		"ErrorThatQuotesAReply":  {site.TestResult{Status: site.Failed, Error: "421 4.7.0 Error: too many connections from 192.0.2.1"}, false},
		"ErrorWithoutReply":      {site.TestResult{Status: site.Failed, Stage: site.StageConnect, Error: "too many connections"}, false},
		"MicrosoftTokenEndpoint": {site.TestResult{Status: site.Failed, Stage: site.StageToken, Error: "token endpoint answered 400 invalid_grant: AADSTS50196: The server terminated an operation because it encountered a client request loop."}, true},
		"OtherTokenEndpoint":     {site.TestResult{Status: site.Failed, Stage: site.StageToken, Error: "token endpoint answered 429: not the JSON of a token endpoint"}, true},
		"TokenEndpointDown":      {site.TestResult{Status: site.Failed, Stage: site.StageToken, Error: "token endpoint answered 503"}, false},
		"NoToken":                {site.TestResult{Status: site.Failed, Stage: site.StageToken, Error: "token endpoint answered 401 invalid_client"}, false},
	} {
		if got := TooFast(c.result, site.Settings{Host: "mail.example.com"}); got != c.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	// Some rows are those of one service.
	rate := failed(site.StageData, 454, "", "Throttling failure: Maximum sending rate exceeded.")
	if !TooFast(rate, ses()) {
		t.Error("TooFast does not know the reply of the service")
	}
}
