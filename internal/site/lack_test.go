package site_test

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// A platform may hold a value with some settings and not with others.
func TestALackCanDependOnOtherSettings(t *testing.T) {
	can := site.Capabilities{Lacks: []site.Lack{{
		Field: "encryption", Value: site.STARTTLS, Reason: "no",
		When: func(s site.Settings) bool { return s.Username == "" },
	}}}
	for username, want := range map[string]int{"": 1, "mailer": 0} {
		for encryption, wanted := range map[site.Encryption]int{site.STARTTLS: want, site.TLS: 0} {
			c := site.Change{Candidate: site.Candidate{Settings: site.Settings{Username: username, Encryption: encryption}}}
			got := can.Refuse(c)
			if len(got) != wanted || wanted > 0 && got[0] != (site.Refusal{Field: "encryption", Reason: "no"}) {
				t.Errorf("username %q, encryption %q: refused %v", username, encryption, got)
			}
		}
	}
}

func TestATestErrorNamesAStageThatIsKnown(t *testing.T) {
	for stage, want := range map[site.Stage]string{"": "the test failed", site.StageAuth: "the test failed at stage auth"} {
		if got := (&site.TestError{Result: site.TestResult{Status: site.Failed, Stage: stage}}).Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
