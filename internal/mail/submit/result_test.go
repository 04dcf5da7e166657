package submit

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// TestReply holds the forms in which servers write enhanced codes (RFC 2034 section 4 and what is made of it).
func TestReply(t *testing.T) {
	for name, c := range map[string]struct {
		code int
		text string
		want site.Reply
	}{
		"InItsPlace":     {535, "5.7.8 Error: authentication failed", site.Reply{Code: 535, EnhancedCode: "5.7.8", Text: "Error: authentication failed"}},
		"OnEachLine":     {535, "5.7.8 Username and Password not accepted.\n5.7.8  See help gsmtp", site.Reply{Code: 535, EnhancedCode: "5.7.8", Text: "Username and Password not accepted. See help gsmtp"}},
		"OnTheLastLine":  {550, "one\ntwo\n5.1.1 three", site.Reply{Code: 550, EnhancedCode: "5.1.1", Text: "one two three"}},
		"OnTheFirstLine": {550, "5.1.1 one\ntwo", site.Reply{Code: 550, EnhancedCode: "5.1.1", Text: "one two"}},
		"Alone":          {550, "5.7.1", site.Reply{Code: 550, EnhancedCode: "5.7.1"}},
		"WithColon":      {550, "5.7.1: refused", site.Reply{Code: 550, EnhancedCode: "5.7.1", Text: "refused"}},
		"ThreeDigits":    {550, "5.7.708 Access denied", site.Reply{Code: 550, EnhancedCode: "5.7.708", Text: "Access denied"}},
		"Success":        {250, "2.0.0 OK: queued as 4bXy", site.Reply{Code: 250, EnhancedCode: "2.0.0", Text: "OK: queued as 4bXy"}},
		"TaggedAtTheEnd": {535, "authentication failed (#5.7.1)", site.Reply{Code: 535, EnhancedCode: "5.7.1", Text: "authentication failed (#5.7.1)"}},
		"TaggedByHash":   {550, "#5.1.0 Address rejected", site.Reply{Code: 550, EnhancedCode: "5.1.0", Text: "#5.1.0 Address rejected"}},
		"InBrackets":     {451, "try later [4.7.1]", site.Reply{Code: 451, EnhancedCode: "4.7.1", Text: "try later [4.7.1]"}},
		"None":           {554, "Message rejected: Email address is not verified.", site.Reply{Code: 554, Text: "Message rejected: Email address is not verified."}},
		"NoText":         {554, "", site.Reply{Code: 554}},
		"NotAnAddress":   {554, "Client host [5.1.2.3] blocked", site.Reply{Code: 554, Text: "Client host [5.1.2.3] blocked"}},
		"AddressFirst":   {554, "5.1.2.3 is blocked", site.Reply{Code: 554, Text: "5.1.2.3 is blocked"}},
		"NotAVersion":    {550, "Exim 4.96.2 says no", site.Reply{Code: 550, Text: "Exim 4.96.2 says no"}},
		"OtherClass":     {451, "5.7.3 STARTTLS is required to send mail", site.Reply{Code: 451, EnhancedCode: "5.7.3", Text: "STARTTLS is required to send mail"}},
		"NoClass":        {550, "3.7.1 no such class", site.Reply{Code: 550, Text: "3.7.1 no such class"}},
		"WhiteSpace":     {550, "5.7.1 \t much   space \n5.7.1 and\tmore", site.Reply{Code: 550, EnhancedCode: "5.7.1", Text: "much space and more"}},
		"Terminal":       {550, "5.7.1 \x1b[1;31mred\x1b[0m \x07\x08bell \u202edesrever \x9bC1", site.Reply{Code: 550, EnhancedCode: "5.7.1", Text: "red bell desrever \uFFFDC1"}},
		"EscapedCode":    {550, "\x1b[0m5.7.1 no", site.Reply{Code: 550, EnhancedCode: "5.7.1", Text: "no"}},
		"Umlauts":        {550, "5.7.1 Empfänger unbekannt", site.Reply{Code: 550, EnhancedCode: "5.7.1", Text: "Empfänger unbekannt"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := new(Sender).attempt(site.Candidate{})
			if got := *a.reply(c.code, c.text); got != c.want {
				t.Errorf("got %+q, want %+q", got, c.want)
			}
		})
	}
}

// FuzzReply: whatever a server says, what is kept is one short printable line without the password.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"5.7.8 no", "5.7.8 a\n5.7.8 b", "hunter2", "hun\x00ter2", "hu\x1b[0mnter2", "AGFwcABodW50ZXIy", "#5.1.1", "\xff\xfe", "hunhunter2ter2",
	} {
		f.Add(550, seed)
	}
	a := new(Sender).attempt(site.Candidate{Settings: site.Settings{Username: "app"}, Password: secret.New("hunter2")})
	f.Fuzz(func(t *testing.T, code int, text string) {
		r := a.reply(code, text)
		if utf8.RuneCountInString(r.Text) > maxText || !utf8.ValidString(r.Text) {
			t.Errorf("got text %q", r.Text)
		}
		if strings.ContainsFunc(r.Text, func(c rune) bool { return !unicode.IsPrint(c) }) || strings.Contains(r.Text, "  ") {
			t.Errorf("got text %q", r.Text)
		}
		if again, _ := site.SplitEnhancedCode(r.EnhancedCode); again != r.EnhancedCode {
			t.Errorf("got enhanced code %q that does not parse", r.EnhancedCode)
		}
		for _, form := range []string{"hunter2", "aHVudGVyMg", "AGFwcABodW50ZXIy"} {
			if strings.Contains(r.Text, form) {
				t.Errorf("found %q in %q", form, r.Text)
			}
		}
	})
}

// FuzzExtensions: whatever a server offers, go-smtp gets lines that it reads as an EHLO reply.
func FuzzExtensions(f *testing.F) {
	for _, seed := range []string{"mail\nAUTH PLAIN\nSIZE 100", "mail\nauth=login\n\n \nSIZE", "", "x\nSIZE\r\nAUTH \x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, reply string) {
		offers := parseExtensions(reply)
		for _, name := range offers.mechanisms() {
			if !isMechanism(name) {
				t.Errorf("got mechanism %q", name)
			}
		}
		if offers.sizeLimit() < 0 {
			t.Errorf("got size limit %d", offers.sizeLimit())
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(helloReply(offers), "\r\n"), "\r\n") {
			if !strings.HasPrefix(line, "250") || len(line) > 20 {
				t.Errorf("got line %q", line)
			}
		}
	})
}

// TestSecretIsFoundBeforeItIsChanged: what makes a text printable would make such a password unrecognisable.
func TestSecretIsFoundBeforeItIsChanged(t *testing.T) {
	for _, password := range []string{"tab\tbed", "two  spaces", "bell\a", " around ", "caf\xe9", "\x1b[31mred"} {
		a := new(Sender).attempt(site.Candidate{Settings: site.Settings{Username: "app"}, Password: secret.New(password)})
		if got := a.reply(535, "5.7.8 not ("+password+")").Text; got != "not ([redacted])" {
			t.Errorf("password %q: got %q", password, got)
		}
	}
}

func TestWhatIsTakenOut(t *testing.T) {
	for name, c := range map[string]struct {
		username, password, text, want string
	}{
		"NoPassword":      {"mailer", "", "abcd", "abcd"},
		"NoLogin":         {"", "abcd", "abcd", "abcd"},
		"Username":        {"mailer", "abcd", "mailer", "mailer"},
		"UsernameEncoded": {"mailer", "abcd", "334 bWFpbGVy", "334 [redacted]"},
		"Responses":       {"mailer", "abcd", "YWJjZA== AG1haWxlcgBhYmNk", "[redacted] [redacted]"},
		"Backslash":       {"mailer", `a\bcd`, `a\bcd "a\\bcd"`, `[redacted] "[redacted]"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRedactor(site.Candidate{Settings: site.Settings{Username: c.username}, Password: secret.New(c.password)})
			if got := r.Line(c.text); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
