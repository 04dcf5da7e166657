package diagnosis

import (
	"cmp"
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// seen is a failure that somebody reported in public, with the settings of its reporter where they tell something.
type seen struct {
	Source      string          `json:"source"`
	Stage       site.Stage      `json:"stage"`
	Host        string          `json:"host"`
	Port        int             `json:"port"`
	Encryption  site.Encryption `json:"encryption"`
	Username    string          `json:"username"`
	FromAddress string          `json:"from_address"`
	Recipient   string          `json:"recipient"`
	// Reply is as on the wire; Error is what a client said instead.
	Reply string `json:"reply"`
	Error string `json:"error"`
	// Attribute is what a mail administrator would look at.
	Attribute string `json:"attribute"`
}

func (s seen) settings() site.Settings {
	return site.Settings{
		Host:        cmp.Or(s.Host, "mail.example.com"),
		Port:        cmp.Or(s.Port, 587),
		Encryption:  cmp.Or(s.Encryption, site.STARTTLS),
		Username:    s.Username,
		FromAddress: cmp.Or(s.FromAddress, "shop@example.com"),
	}
}

var wireLine = regexp.MustCompile(`(?m)^(\d{3})[ -]`)

// onWire reads a reply as a client does: one code, the lines joined with one space.
func onWire(t *testing.T, reply string) *site.Reply {
	t.Helper()
	code, err := strconv.Atoi(reply[:3])
	if err != nil {
		t.Fatalf("reply %q does not begin with a code", reply)
	}
	lines := strings.Split(wireLine.ReplaceAllString(reply, ""), "\n")
	return &site.Reply{Code: code, Text: strings.Join(lines, " ")}
}

func TestRepliesSeenInPublic(t *testing.T) {
	data, err := os.ReadFile("testdata/replies.json")
	if err != nil {
		t.Fatal(err)
	}
	var replies []seen
	if err := json.Unmarshal(data, &replies); err != nil {
		t.Fatal(err)
	}
	if len(replies) < 60 {
		t.Errorf("only %d replies", len(replies))
	}
	for _, s := range replies {
		result := site.TestResult{Status: site.Failed, Stage: s.Stage, Error: s.Error, Recipient: s.Recipient}
		if s.Reply != "" {
			result.Reply = onWire(t, s.Reply)
		}
		if got := Of(result, s.settings()); got.Attribute != s.Attribute {
			t.Errorf("%s\n\t%s%s at %s\n\tgot %q from %s, want %q", s.Source, s.Reply, s.Error, s.Stage, got.Attribute, got.ID, s.Attribute)
		}
		if !strings.HasPrefix(s.Source, "https://") {
			t.Errorf("source %q is not a URL", s.Source)
		}
	}
}
