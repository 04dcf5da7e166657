package diagnosis

import (
	"cmp"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// publicCase is a failure from a public report whose cause is known, in wordings that the table was not made from.
type publicCase struct {
	ID          string          `json:"id"`
	Stage       site.Stage      `json:"stage"`
	Host        string          `json:"host"`
	Port        int             `json:"port"`
	Encryption  site.Encryption `json:"encryption"`
	FromAddress string          `json:"from_address"`
	// Username is nil where the report does not tell; empty where there was no login.
	Username    *string           `json:"username"`
	Certificate *site.Certificate `json:"certificate"`
	// Reply is as on the wire, or what a client said where no server answered.
	Reply string `json:"reply"`
	// Attribute is the setting at fault, "none" where no setting is; Accept are others that would not mislead.
	Attribute string   `json:"attribute"`
	Accept    []string `json:"accept"`
}

func (c publicCase) verdict(t *testing.T, username string) site.Diagnosis {
	r := site.TestResult{Status: site.Failed, Stage: c.Stage, Recipient: "ops@example.net", Certificate: c.Certificate}
	if c.Stage == site.StageTLS || c.Stage == site.StageConnect {
		r.Error = c.Reply
	} else {
		r.Reply = onWire(t, c.Reply)
	}
	if c.Username != nil {
		username = *c.Username
	}
	return Of(r, site.Settings{
		Host: c.Host, Port: cmp.Or(c.Port, 587), Encryption: cmp.Or(c.Encryption, site.STARTTLS),
		Username: username, FromAddress: cmp.Or(c.FromAddress, "shop@example.com"),
	})
}

// named is how the cases name a setting.
func named(attribute string) string {
	switch attribute {
	case "recipient":
		return "test_recipient"
	case "":
		return "none"
	}
	return attribute
}

// The bar is that of people who were asked to judge the same replies: five of six strictly as the cause in the report,
// and next to none against it.
func TestPublicCases(t *testing.T) {
	for _, file := range []string{"public-cases.json", "more-public-cases.json"} {
		t.Run(file, func(t *testing.T) { judge(t, readPublicCases(t, file)) })
	}
}

func readPublicCases(t *testing.T, file string) []publicCase {
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []publicCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// judge counts. A report that does not tell of a login is read both ways.
func judge(t *testing.T, cases []publicCase) {
	for _, username := range []string{"", "your-name@example.com"} {
		strict, fine := 0, 0
		for _, c := range cases {
			switch got := c.verdict(t, username); {
			case named(got.Attribute) == c.Attribute:
				strict++
				fine++
			case slices.Contains(c.Accept, named(got.Attribute)):
				fine++
				t.Logf("%s: %s, accepted instead of %s, from %s", c.ID, named(got.Attribute), c.Attribute, got.ID)
			default:
				t.Logf("%s: %s instead of %s, from %s: %s", c.ID, named(got.Attribute), c.Attribute, got.ID, c.Reply)
			}
		}
		t.Logf("username %q: %d of %d strictly (%d %%), %d acceptable", username, strict, len(cases), 100*strict/len(cases), fine)
		if 100*strict < 85*len(cases) || 100*fine < 95*len(cases) {
			t.Errorf("username %q: %d strictly and %d acceptable of %d, want 85 %% and 95 %%", username, strict, fine, len(cases))
		}
	}
}
