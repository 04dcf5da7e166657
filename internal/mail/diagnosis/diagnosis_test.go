package diagnosis

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

func failed(stage site.Stage, err string) site.TestResult {
	return site.TestResult{Status: site.Failed, Stage: stage, Error: err, Recipient: "ops@example.net"}
}

func refused(stage site.Stage, code int, text string) site.TestResult {
	return site.TestResult{Status: site.Failed, Stage: stage, Reply: &site.Reply{Code: code, Text: text}, Recipient: "ops@example.net"}
}

func TestOfAlwaysHasAVerdict(t *testing.T) {
	for _, stage := range append(stageNames, "", "quit", "unheard of") {
		results := []site.TestResult{failed(stage, ""), failed(stage, "whatever"), {Status: site.InDoubt, Stage: stage}, {Stage: stage}}
		for _, code := range []int{-1, 0, 199, 220, 250, 354, 421, 450, 499, 500, 530, 535, 550, 556, 599, 600, 1000} {
			results = append(results, refused(stage, code, ""), refused(stage, code, "whatever"))
		}
		for _, r := range results {
			for _, host := range []string{"", "smtp.gmail.com", "mail.example.com"} {
				d := Of(r, site.Settings{Host: host})
				if _, ok := load().byID[d.ID]; !ok || d.Summary == "" || d.Cause == "" || d.Remedy == "" || d.Retry == "" {
					t.Fatalf("%+v at %s: got an incomplete diagnosis %+v", r, host, d)
				}
			}
		}
	}
}

func TestOfPassedTestHasNothingToSay(t *testing.T) {
	if d := Of(site.TestResult{Status: site.Passed, Stage: site.StageData}, site.Settings{}); d != (site.Diagnosis{}) {
		t.Errorf("got %+v", d)
	}
}

func TestInDoubtIsNeverRetriedWhateverWasSaid(t *testing.T) {
	for _, r := range []site.TestResult{failed(site.StageData, "i/o timeout"), refused(site.StageData, 421, "try again later")} {
		r.Status = site.InDoubt
		if d := Of(r, site.Settings{}); d.ID != inDoubt || d.Retry != site.RetryNever || d.Attribute != "" {
			t.Errorf("got %+v", d)
		}
	}
}

func TestLastResorts(t *testing.T) {
	for _, stage := range stageNames[:len(stageNames)-1] { // what fails at the arrival has a name
		if d := Of(failed(stage, "the moon was full"), site.Settings{Host: "mail.example.com"}); d.ID != "other-"+string(stage) {
			t.Errorf("%s: got %q", stage, d.ID)
		}
	}
	if d := Of(refused(site.StageMail, 250, "OK"), site.Settings{}); d.ID != otherReply {
		t.Errorf("a reply that refuses nothing: got %q", d.ID)
	}
	if d := Of(failed("", "SMTP connect() failed"), site.Settings{}); d.ID != Unknown {
		t.Errorf("an error without a stage: got %q", d.ID)
	}
}

func TestInvalidSettingIsNamed(t *testing.T) {
	for _, field := range append((site.Settings{}).Fields(), site.Field{Name: "password"}, site.Field{Name: "recipient"}) {
		d := Of(failed(site.StageData, field.Name+": must be something else"), site.Settings{})
		if d.ID != invalidSetting || d.Attribute != field.Name || d.Remedy != "Correct "+field.Name+": it must be something else." {
			t.Errorf("got %+v", d)
		}
	}
	if d := Of(failed(site.StageData, "weather: must be fine"), site.Settings{}); d.ID == invalidSetting || d.Attribute != "" {
		t.Errorf("got %+v", d)
	}
}

func TestLoginThatIsNotOffered(t *testing.T) {
	for _, test := range []struct {
		encryption        site.Encryption
		attribute, remedy string
	}{
		{site.STARTTLS, "username", "Set port to the one for outgoing mail"},
		{site.TLS, "username", "Set port to the one for outgoing mail"},
		{site.NoEncryption, "encryption", "Set encryption to starttls or tls."},
	} {
		for _, port := range []int{25, 587} {
			s := site.Settings{Host: "mail.example.com", Port: port, Encryption: test.encryption, Username: "shop"}
			d := Of(failed(site.StageAuth, "smtp: server doesn't support AUTH"), s)
			if d.ID != noLoginOffered || d.Attribute != test.attribute || !strings.HasPrefix(d.Remedy, test.remedy) ||
				!strings.Contains(d.Remedy, "If the relay needs no login, remove username and password.") {
				t.Errorf("%s on port %d: got %+v", test.encryption, port, d)
			}
		}
	}
}

const notVerified = "Message rejected: Email address is not verified. The following identities failed the check in region "

func ses() site.Settings {
	return site.Settings{
		Host: "email-smtp.eu-west-1.amazonaws.com", Port: 587, Encryption: site.STARTTLS,
		Username: "AKIAIOSFODNN7EXAMPLE", FromAddress: "shop@example.com",
	}
}

func TestAmazonSESNamesTheAddress(t *testing.T) {
	for name, test := range map[string]struct {
		identities, attribute string
		says                  []string
	}{
		"Sender":            {"shop@example.com", "from_address", []string{"shop@example.com (from_address)", "eu-west-1"}},
		"SenderWithName":    {`"Shop" <Shop@Example.com>, shop@example.com`, "from_address", []string{"shop@example.com"}},
		"Recipient":         {"ops@example.net", "recipient", []string{"ops@example.net (the recipient)", "sandbox"}},
		"Both":              {"ops@example.net, shop@example.com", "from_address", []string{"ops@example.net", "shop@example.com", "sandbox"}},
		"Neither":           {"else@example.org", "from_address", []string{"from_address", "the recipient"}},
		"OnlyPartOfAnother": {"no-ops@example.net", "from_address", []string{"from_address", "the recipient"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := Of(refused(site.StageData, 554, notVerified+"EU-WEST-1: "+test.identities), ses())
			if d.ID != "data-ses-unverified" || d.Attribute != test.attribute {
				t.Errorf("got %q, %q", d.ID, d.Attribute)
			}
			contains(t, d.Cause+" "+d.Remedy, test.says...)
			if strings.Contains(d.Cause, "host names") {
				t.Errorf("the cause claims a name mismatch: %s", d.Cause)
			}
		})
	}
}

func TestAmazonSESNamesARegionMismatch(t *testing.T) {
	d := Of(refused(site.StageData, 554, notVerified+"US-EAST-1: shop@example.com"), ses())
	contains(t, d.Cause, "region us-east-1", "host names eu-west-1")
	contains(t, d.Remedy, "set host to email-smtp.us-east-1.amazonaws.com")
}

func TestAmazonSESWithoutAddressesKeepsTheRow(t *testing.T) {
	d := Of(refused(site.StageData, 554, notVerified+"hunter2: shop@example.com"), ses())
	if d.Cause != load().byID["data-ses-unverified"].Cause {
		t.Errorf("got %s", d.Cause)
	}
}

func TestLogin(t *testing.T) {
	wrong := refused(site.StageAuth, 535, "Authentication credentials invalid")
	for name, test := range map[string]struct {
		host, username string
		attribute, url string
		says           []string
	}{
		"UnknownServiceKeepsTheRow":  {"mail.example.com", "shop@example.com", "password", "", []string{"usually the full address"}},
		"ServiceWithAppPasswords":    {"smtp.naver.com", "shop@example.com", "password", "", []string{"Naver", "an app password.", "2-step verification and an application password."}},
		"ServiceOfFixedUsername":     {"smtp.resend.com", "shop@example.com", "username", "https://resend.com/", []string{"the word resend itself"}},
		"RightFixedUsername":         {"smtp.resend.com", "resend", "password", "https://resend.com/", []string{"an API key"}},
		"LocalPartIsAGuess":          {"disroot.org", "shop@example.com", "password", "", []string{"usually the full address"}},
		"ServiceThatEndsPasswords":   {"smtp.mail.yahoo.com", "shop@example.com", "password", "https://", []string{"ending sign-in with a password"}},
		"ServiceWithoutPasswords":    {"smtp-mail.outlook.com", "shop@example.com", "host", "", []string{"only OAuth 2.0", "another mail service"}},
		"FormerNameOfAService":       {"smtp-relay.sendinblue.com", "shop@example.com", "password", "https://app.brevo.com/", []string{"an SMTP password"}},
		"EmptyUsername":              {"smtp.gmail.com", "", "username", "", []string{"needs a username"}},
		"UsernameIsNeverRepeated":    {"smtp.postmarkapp.com", "a-token-in-the-wrong@place", "username", "", nil},
		"LocalServersAreNotServices": {"localhost", "shop", "password", "", []string{"usually the full address"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := Of(wrong, site.Settings{Host: test.host, Username: test.username})
			if d.Attribute != test.attribute || !strings.HasPrefix(d.URL, test.url) {
				t.Errorf("got %q, %q", d.Attribute, d.URL)
			}
			contains(t, d.Cause+" "+d.Remedy, test.says...)
			if test.username != "" && test.username != "resend" && strings.Contains(fmt.Sprint(d), test.username) {
				t.Errorf("the diagnosis repeats the username: %+v", d)
			}
		})
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in: %s", part, text)
		}
	}
}

// Whether Yahoo still takes app passwords is in doubt, so its own refusal must not send anybody off for one only.
func TestYahooMayTakeNoAppPasswordEither(t *testing.T) {
	r := refused(site.StageAuth, 535, "(#AUTH005) Too many bad auth attempts.")
	r.Reply.EnhancedCode = "5.7.0"
	d := Of(r, site.Settings{Host: "smtp.mail.yahoo.com", Username: "shop@yahoo.com"})
	if d.ID != "auth-yahoo-auth005" {
		t.Fatalf("got %+v", d)
	}
	contains(t, d.Cause+" "+d.Remedy, "still offers an app password", "otherwise use another mail service", "ending sign-in with a password")
}
