package presets

import (
	"slices"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

func preset(t *testing.T, id string) Preset {
	t.Helper()
	p, ok := ByID(id)
	if !ok {
		t.Fatalf("no preset %q", id)
	}
	return p
}

func TestNear(t *testing.T) {
	for typed, want := range map[string]string{
		"gmial":       "gmail",
		"Gmail":       "gmail",
		"googlemail":  "gmail",
		"google":      "google-workspace google-workspace-relay",
		"sendgird":    "sendgrid",
		"send-grid":   "sendgrid",
		"hotmail":     "outlook",
		"office365":   "microsoft365",
		"office-365":  "microsoft365",
		"exchange":    "microsoft365",
		"aws":         "amazon-ses amazon-workmail",
		"amazon_ses":  "amazon-ses",
		"sendinblue":  "brevo",
		"postmarkapp": "postmark",
		"web.de":      "webde",
		"gmx.de":      "gmx-net gmx",
		"163":         "netease-163",
		"oracle":      "oci-email-delivery",
		"fast mail":   "fastmail",
		"qqqqqqq":     "",
		"x":           "",
		"":            "",
		"a name that is far longer than that of any service which can be mistyped": "",
	} {
		got := Near(typed)
		if strings.Join(got[:min(len(got), strings.Count(want, " ")+1)], " ") != want || want == "" && len(got) > 0 {
			t.Errorf("%q: got %q, want %q first", typed, got, want)
		}
	}
}

// Somebody who knows a service by its id with one slip must be led to it.
func TestNearForgivesOneSlip(t *testing.T) {
	for _, p := range All() {
		if len(p.ID) < 5 {
			continue
		}
		i := len(p.ID) / 2
		for _, typed := range []string{
			p.ID[:i] + p.ID[i+1:],
			p.ID[:i] + "x" + p.ID[i:],
			p.ID[:i] + "x" + p.ID[i+1:],
			p.ID[:i-1] + string(p.ID[i]) + string(p.ID[i-1]) + p.ID[i+1:],
		} {
			if near := Near(typed); !slices.Contains(near, p.ID) {
				t.Errorf("%q: got %q, want %q among them", typed, near, p.ID)
			}
		}
	}
}

func TestUsernameProblem(t *testing.T) {
	for id, usernames := range map[string]struct{ good, bad []string }{
		"gmail":                  {[]string{"shop@gmail.com", "shop@example.com"}, []string{"", "shop", "@gmail.com", "shop@", "shop@localhost", "shop@gmail.com\n"}},
		"bol":                    {[]string{"shop"}, []string{"", "shop@bol.com.br"}},
		"sendgrid":               {[]string{"apikey"}, []string{"", "APIKEY", "shop@example.com"}},
		"sparkpost":              {[]string{"SMTP_Injection"}, []string{"smtp_injection"}},
		"mailtrap":               {[]string{"api", "smtp@mailtrap.io"}, []string{"shop@example.com", "api|smtp@mailtrap.io"}},
		"amazon-ses":             {[]string{"AKIAIOSFODNN7EXAMPLE"}, []string{"", "ASIAIOSFODNN7EXAMPLE", "shop@example.com", "akiaiosfodnn7example"}},
		"postmark":               {[]string{"d3adb33f-0000-4000-8000-000000000000"}, []string{"", "shop@example.com"}},
		"google-workspace-relay": {[]string{"", "shop@example.com"}, nil},
		"brevo":                  {[]string{"7a1b2c@smtp-brevo.com", "anything"}, nil},
	} {
		p := preset(t, id)
		for _, username := range usernames.good {
			if problem := p.UsernameProblem(username); problem != "" {
				t.Errorf("%s with %q: %s", id, username, problem)
			}
		}
		for _, username := range usernames.bad {
			problem := p.UsernameProblem(username)
			if !strings.Contains(problem, p.Name) || !strings.Contains(problem, p.UsernameHint) || !strings.HasSuffix(problem, ".") {
				t.Errorf("%s with %q: %q", id, username, problem)
			}
			if len(username) > 5 && !strings.Contains(p.UsernameHint, username) && strings.Contains(problem, username) {
				t.Errorf("the hint repeats the username: %q", problem)
			}
		}
	}
}

func TestPasswordProblem(t *testing.T) {
	hex32, key22, key43 := strings.Repeat("0a", 16), strings.Repeat("a-", 11), strings.Repeat("x", 43)
	for id, passwords := range map[string]struct{ good, bad []string }{
		"gmail":        {[]string{"abcdefghijklmnop", "abcd efgh ijkl mnop"}, []string{"hunter2-hunter2-", "abcd efgh ijkl mno", "abcdefghijklmnop\n"}},
		"icloud":       {[]string{"abcd-efgh-ijkl-mnop"}, []string{"abcdefghijklmnop"}},
		"qq":           {[]string{"abcdefghijklmnop"}, []string{"ABCDEFGHIJKLMNOP"}},
		"yahoo":        {[]string{"abcd1234efgh5678"}, []string{"short"}},
		"amazon-ses":   {[]string{"A" + key43, "B" + key43}, []string{strings.Repeat("x", 40)}},
		"brevo":        {[]string{"xsmtpsib-0123-abc"}, []string{"xkeysib-0123-abc"}},
		"mailjet":      {[]string{hex32}, []string{hex32 + "0"}},
		"mandrill":     {[]string{key22, "md-" + key22}, []string{"md-short"}},
		"resend":       {[]string{"re_abc_123"}, []string{"SG.abc"}},
		"scaleway-tem": {[]string{"01234567-89ab-4cde-8f01-23456789abcd"}, []string{"0123456789ab"}},
		"sendgrid":     {[]string{"SG." + key22 + "." + key43}, []string{"SG.short"}},
		"fastmail":     {[]string{"whatever"}, nil},
	} {
		p := preset(t, id)
		for _, password := range append(passwords.good, "") {
			if problem := p.PasswordProblem(secret.New(password)); problem != "" {
				t.Errorf("%s: rejected a password of the right format: %s", id, problem)
			}
		}
		for _, password := range passwords.bad {
			problem := p.PasswordProblem(secret.New(password))
			if !strings.Contains(problem, p.Name) || !strings.Contains(problem, p.PasswordHint) || !strings.Contains(problem, p.AppPasswordURL) {
				t.Errorf("%s: %q", id, problem)
			}
			if strings.Contains(problem, password) {
				t.Errorf("%s: the hint repeats the password: %q", id, problem)
			}
		}
	}
}

func TestSignInProblem(t *testing.T) {
	for id, test := range map[string]struct {
		fatal bool
		says  string
	}{
		"outlook":      {true, "only OAuth 2.0"},
		"microsoft365": {false, "December 2026"},
		"yahoo":        {false, "OAuth"},
		"comcast":      {false, "Yahoo"},
		"gmail":        {false, ""},
		"fastmail":     {false, ""},
		"posteo":       {false, ""},
		"mailpit":      {false, ""},
	} {
		note, fatal := preset(t, id).SignInProblem()
		if fatal != test.fatal || !strings.Contains(note, test.says) || (note == "") != (test.says == "") {
			t.Errorf("%s: got %t, %q", id, fatal, note)
		}
	}
}

func TestWords(t *testing.T) {
	for kind, want := range map[PasswordKind]string{
		AccountPassword: "the password of the account",
		AppPassword:     "an app password",
		SMTPCredentials: "an SMTP password",
		APIKey:          "an API key",
		NoPassword:      "no password",
	} {
		if got := kind.Words(); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
}
