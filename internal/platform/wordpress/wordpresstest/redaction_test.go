//go:build linux && wordpress

package wordpresstest_test

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted/untrustedtest"
)

// said is a text of a mail server, the password that it may contain, and what the client chose of what the server has seen.
type said struct{ Text, Password, Supplied string }

// lines returns the texts as the site shows them.
func (c *client) lines(t *testing.T, texts []said) []string {
	t.Helper()
	sent, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	got := c.Eval(t, fmt.Sprintf(`
$settings = SiteSMTP\Settings::of(array("host" => "smtp.example.com", "username" => "shop@example.com"));
echo json_encode(array_map(
	fn($said) => (new SiteSMTP\Words($settings, new SiteSMTP\Secret($said["Password"]), $said["Supplied"]))->line($said["Text"]),
	json_decode(base64_decode("%s"), true)));`, base64.StdEncoding.EncodeToString(sent)))
	if err := json.Unmarshal([]byte(got), &shown); err != nil || len(shown) != len(texts) {
		t.Fatalf("%v: %s", err, got)
	}
	return shown
}

// TestWordsOfAMailServer covers the spellings that SECURITY.md promises. The provider does not know the stored password, so it cannot redact
// the site's response again.
func TestWordsOfAMailServer(t *testing.T) {
	c := start(t)
	t.Run("EachSpelling", func(t *testing.T) {
		var texts []said
		for _, s := range untrustedtest.Spellings {
			// A stray byte is none of JSON.
			repeated := strings.ToValidUTF8(s.Repeated, "\uFFFD")
			texts = append(texts, said{Text: "you said: " + repeated, Password: s.Value})
		}
		for i, shown := range c.lines(t, texts) {
			if shown != "you said: [redacted]" {
				t.Errorf("got %[2]q for %[1]q", texts[i].Text, shown)
			}
		}
	})
	t.Run("EachAlignment", func(t *testing.T) {
		const password = "canary-of-a-password"
		var texts []said
		for before := range 9 {
			for after := range 5 {
				plain := []byte(strings.Repeat("\x01", before) + password + strings.Repeat("\x01", after))
				for _, encoded := range []string{
					hex.EncodeToString(plain), base64.StdEncoding.EncodeToString(plain), base64.RawURLEncoding.EncodeToString(plain),
					base32.StdEncoding.EncodeToString(plain), strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(plain)),
				} {
					texts = append(texts, said{Text: "<" + encoded + ">", Password: password})
				}
			}
		}
		for i, shown := range c.lines(t, texts) {
			if shown != "<[redacted]>" {
				t.Errorf("got %[2]s for %[1]s", texts[i].Text, shown)
			}
		}
	})
	t.Run("KeepsOtherText", func(t *testing.T) {
		for want, s := range map[string]said{
			"a cat sat":                               {Text: "a cat sat", Password: "cat"},
			"3c3VwcG9ydA==":                           {Text: "3c3VwcG9ydA==", Password: "canary"},
			"100 % & \\more":                          {Text: "100 %\t&\r\n \\more\x1b[0m", Password: "canary"},
			"334 for shop@example.com: [redacted]":    {Text: "334 for shop@example.com: " + base64.StdEncoding.EncodeToString([]byte("shop@example.com")), Password: "canary"},
			"550 <OPS+Canary@Example.com> is unknown": {Text: "550 <OPS+Canary@Example.com> is unknown", Password: "Canary", Supplied: "ops+canary@example.com"},
			"550 canary is unknown":                   {Text: "550 canary is unknown", Password: "canary", Supplied: "ops+canary@example.com"},
			"550 [redacted] of ops@example.com":       {Text: "550 canary of ops@example.com", Password: "canary", Supplied: "ops@example.com"},
			"(70000 bytes left out)":                  {Text: strings.Repeat("x", 70000), Password: "canary"},
			strings.Repeat("x", 1995) + " [red":       {Text: strings.Repeat("x", 1995) + " canary-and-so-on", Password: "canary-and-so-on"},
			strings.Repeat("x", 2000):                 {Text: strings.Repeat("x", 60000), Password: "canary"},
			"before [redacted] after":                 {Text: "before \x1b]0;can\x07canary\x1b[1m after", Password: "canary"},
		} {
			if got := c.lines(t, []said{s})[0]; got != want {
				t.Errorf("%.100q: got %.100q, want %.100q", s.Text, got, want)
			}
		}
	})
	t.Run("IsBounded", func(t *testing.T) {
		encoded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
		decoy := "\\x41%41+&amp;\u200bab "
		inner := encoded(strings.Repeat(decoy, 3))
		hostile := strings.Repeat(decoy+encoded(inner+" "+decoy+inner)+" ", 5000)[:64<<10]
		if got := c.lines(t, []said{{Text: hostile, Password: "canary"}})[0]; got != "(65536 bytes left out)" {
			t.Errorf("got %.80q", got)
		}
	})
}

// Text that the client sent comes back from the server unchanged, whether it contains the password or not.
// Readers of the result can read the settings too: redacting a part of a setting would reveal that the password is that part.
func TestASettingDoesNotTellThePassword(t *testing.T) {
	c := start(t)
	c.password, _, _ = strings.Cut(mailer, "@")
	c.mail.SetUser(mailer, secret.New(c.password))
	c.enable(nil)
	const said = mailer + " may not send to this address"
	for _, to := range []string{"ops@example.com", "customer@example.com"} {
		c.mail.SetFaults(smtptest.Faults{RcptErr: map[string]*smtp.SMTPError{to: {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: said}}})
		if to == "ops@example.com" {
			equal(t, c.test(object{"recipient": to}).want(t, http.StatusOK, "").object["reply"].(object)["text"], any(said))
			continue
		}
		c.Eval(t, send)
		equal(t, c.read().object["last_failure"].(object)["reply"].(object)["text"], any(said))
	}
}

func TestRedactionAnswersNoGuess(t *testing.T) {
	c := start(t)
	c.password = "pa55word"
	c.mail.SetUser(mailer, secret.New(c.password))
	c.enable(nil)
	for _, to := range []string{"pa55word@example.com", "pa55wore@example.com", "PA55word@example.com", "ops+pa55word@example.com"} {
		said := "No such user " + strings.ReplaceAll(to, "PA", "pa")
		c.mail.SetFaults(smtptest.Faults{RcptErr: map[string]*smtp.SMTPError{
			to: {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: said},
		}})
		got := c.test(object{"recipient": to}).want(t, http.StatusOK, "")
		equal(t, got.object["reply"].(object)["text"], any(said))
		c.Eval(t, fmt.Sprintf(`wp_mail(%q, "Your order", "It is on its way.");`, to))
		failure := c.read().object["last_failure"].(object)
		equal(t, failure["reply"].(object)["text"], any(said))
	}
	t.Run("RedactsTheLogin", func(t *testing.T) {
		c.mail.SetFaults(smtptest.Faults{RcptErr: map[string]*smtp.SMTPError{
			"customer@example.com": {Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "Said by pa55word"},
		}})
		why := c.Eval(t, send)
		equal(t, c.read().object["last_failure"].(object)["reply"].(object)["text"], any("Said by [redacted]"))
		if strings.Contains(why, "pa55word") || !strings.Contains(why, "Said by [redacted]") {
			t.Error(why)
		}
	})
}
