package untrusted_test

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted/untrustedtest"
)

func redactor(secrets ...string) *untrusted.Redactor {
	r := new(untrusted.Redactor)
	for _, s := range secrets {
		r.Add(secret.New(s))
	}
	return r
}

func TestEachFormIsRedacted(t *testing.T) {
	for name, c := range untrustedtest.Spellings {
		t.Run(name, func(t *testing.T) {
			got := redactor(c.Value).Line("you said: " + c.Repeated)
			if want := "you said: [redacted]"; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestASecretThatIsTheWholeText: nothing stands before or behind it.
func TestASecretThatIsTheWholeText(t *testing.T) {
	for _, c := range untrustedtest.Spellings {
		if got := redactor(c.Value).Line(c.Repeated); got != "[redacted]" {
			t.Errorf("%q: got %q", c.Repeated, got)
		}
	}
	for value, spellings := range map[string][]string{
		"žlutá":     {"&zcaron;lut&aacute;"},
		"pass word": {"pass  word", "pass%20+word"},
		"cana":      {"63616e61", "Y2FuYQ", "MNQW4YI", "mnqw4yi"},
		"can ary":   {"%63an+ary", base64.StdEncoding.EncodeToString([]byte("the word is " + base64.StdEncoding.EncodeToString([]byte("can ary"))))},
		"canary":    {"\x1b[1mcan\x1b[0mary", "can\x1b[~ary", "can\x1b[0?/ ~ary", "can\x1b[1/mary", "can\u0378ary"},
	} {
		for _, spelling := range spellings {
			if got := redactor(value).Line(spelling); got != "[redacted]" {
				t.Errorf("%q: got %q", spelling, got)
			}
		}
	}
}

// TestEachTimeASecretIsSaid: not only the first time.
func TestEachTimeASecretIsSaid(t *testing.T) {
	for _, spelling := range []string{"canary", "Y2FuYXJ5", "63616e617279", "c%61nary"} {
		if got, want := redactor("canary").Line(spelling+" and "+spelling), "[redacted] and [redacted]"; got != want {
			t.Errorf("%q twice: got %q", spelling, got)
		}
	}
}

// TestASecretThatEndsAnEscapeSequence: its first letter would be dropped with the sequence, and the rest shown.
func TestASecretThatEndsAnEscapeSequence(t *testing.T) {
	for name, text := range map[string]string{"Whole": "\x1b[31mcanary", "Broken": "\x1b[31mcan\x00ary"} {
		if got := redactor("mcanary").Line(text); strings.Contains(got, "canary") || !strings.Contains(got, "redacted") {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestOtherTextStays(t *testing.T) {
	for name, c := range map[string]struct{ value, text string }{
		"Short":        {"a", "a cat sat"},
		"Empty":        {"", "a cat sat"},
		"NoCharacter":  {"canary", "acc\uFFFDs refus\uFFFD"},
		"OtherEncoded": {"canary", "3c3VwcG9ydA== 5b1f17b1804b1-42a6b5c3"},
		"Beginning":    {"\x00\x00\x00abcd", "abc"},
		"OtherURL":     {"canary", "https://example.com/a%20b?c=d+e%zz&amp;f=100%&nosuch;&"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := redactor(c.value).Line(c.text); got != c.text {
				t.Errorf("got %q", got)
			}
		})
	}
}

// TestSecretsThatOverlap: of none is a part left.
func TestSecretsThatOverlap(t *testing.T) {
	for text, want := range map[string]string{
		"<abcdefgh>":     "<[redacted]>",
		"<abcdef%67%68>": "<[redacted]>",
		"<abcdabcd>":     "<[redacted][redacted]>",
		"<ababab>":       "<[redacted]>",
	} {
		if got := redactor("abcdef", "efgh", "abcd", "abab").Line(text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// TestSecretsInAnyOrder: which one was added first does not matter.
func TestSecretsInAnyOrder(t *testing.T) {
	r := redactor("second-canary", "first-canary")
	r.AddEncoded("user")
	r.AddEncoded("other")
	if got, want := r.Line("first-canary, then second-canary, then dXNlcg=="), "[redacted], then [redacted], then [redacted]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := r.Line(""); got != "" {
		t.Errorf("got %q of nothing", got)
	}
}

func TestEncodedOnly(t *testing.T) {
	r := redactor()
	r.AddEncoded("shop@example.com")
	r.AddEncoded("user")
	r.AddEncoded("abc")
	if got := r.Line("334 dXNlcg== YWJjYWJj user"); got != "334 [redacted] YWJjYWJj user" {
		t.Errorf("got %q", got)
	}
	got := r.Line("334 for shop@example.com: " + base64.StdEncoding.EncodeToString([]byte("shop@example.com")))
	if want := "334 for shop@example.com: [redacted]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEncodedOnlyWithOneText(t *testing.T) {
	r := redactor()
	r.AddEncoded("user")
	if got := r.Line("334 dXNlcg== user"); got != "334 [redacted] user" {
		t.Errorf("got %q", got)
	}
}

// TestAnySecretIsFound: the filter of what is looked for lets each one through, as is and encoded.
func TestAnySecretIsFound(t *testing.T) {
	for i := range 500 {
		value := fmt.Sprintf("%03d-canary", i)
		text := value + " " + base64.StdEncoding.EncodeToString([]byte(value))
		if got := redactor(value).Line(text); got != "[redacted] [redacted]" {
			t.Errorf("%s: got %q", value, got)
		}
		encodedOnly := redactor()
		encodedOnly.AddEncoded(value)
		if got := encodedOnly.Line(text); got != value+" [redacted]" {
			t.Errorf("%s, only encoded: got %q", value, got)
		}
	}
}

// TestAddingLater: a session's token is known only after the login.
func TestAddingLater(t *testing.T) {
	r := redactor("first-canary")
	before := r.Line("first-canary second-canary")
	r.Add(secret.New("second-canary"))
	if after := r.Line("first-canary second-canary"); before != "[redacted] second-canary" || after != "[redacted] [redacted]" {
		t.Errorf("got %q, then %q", before, after)
	}
}

// TestWordsOfAnyAlignment: what an encoding began with is not known, and every piece of it holds the secret somewhere else.
func TestWordsOfAnyAlignment(t *testing.T) {
	r := redactor("canary-of-a-password")
	for before := range 9 {
		for after := range 5 {
			plain := []byte(strings.Repeat("\x01", before) + "canary-of-a-password" + strings.Repeat("\x01", after))
			for _, encoded := range []string{
				hex.EncodeToString(plain), base64.StdEncoding.EncodeToString(plain), base64.RawURLEncoding.EncodeToString(plain),
				base32.StdEncoding.EncodeToString(plain), strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(plain)),
			} {
				if got := r.Line("<" + encoded + ">"); got != "<[redacted]>" {
					t.Errorf("%s: got %s", encoded, got)
				}
			}
		}
	}
}

// TestAnEncodedWordInAnEncodedText: white space and NUL stand beside words in texts of several lines or fields.
func TestAnEncodedWordInAnEncodedText(t *testing.T) {
	for _, between := range []string{" ", "\t", "\r", "\n", "\x00", "é"} {
		inner := "user" + between + base64.StdEncoding.EncodeToString([]byte("canary")) + between
		if got := redactor("canary").Line(base64.StdEncoding.EncodeToString([]byte(inner))); got != "[redacted]" {
			t.Errorf("%q: got %q", inner, got)
		}
	}
}

// TestWhatTheReaderSuppliedStays: whether a secret is in it would answer a guess, whatever part of it comes back and however.
func TestWhatTheReaderSuppliedStays(t *testing.T) {
	for supplied, texts := range map[string][]string{
		"ops+canary@example.com":   {"550 <ops+canary@example.com> is unknown", "550 +canary", "550 canary of ops", "Y2FuYXJ5", "c%61nary"},
		"OPS@Canary.example":       {"550 canary.example does not exist", "550 canary"},
		"Y2FuYXJ5@example.com":     {"550 canary is unknown"},
		"c%61nary@example.com":     {"550 <canary@example.com>", "550 c%61nary"},
		"V1RKR2RWbFlTalU9@a.test":  {"550 canary"},
		"q=63616e617279@a.test":    {"550 canary"},
		"CANARY@example.com":       {"550 canary"},
		"Q0FOQVJZ@example.com":     {"550 canary"},
		"AUNBTkFSWQ==@a.test":      {"550 canary"},
		"c\u200banary@example.com": {"550 canary"},
	} {
		r := redactor("canary", "other-secret")
		r.Keep(supplied)
		for _, text := range texts {
			if got := r.Line(text + " other-secret"); got != text+" [redacted]" {
				t.Errorf("%s supplied: %s: got %s", supplied, text, got)
			}
		}
	}
}

// TestWhatIsOnlyAPartOfASecretIsNotSupplied: nor is one that goes on beyond what the reader supplied.
func TestWhatIsOnlyAPartOfASecretIsNotSupplied(t *testing.T) {
	r := redactor("canary")
	for _, supplied := range []string{"", "can", "opscanar", "anary@example.com", "yYXJ5"} {
		r.Keep(supplied)
	}
	if got := r.Line("535 canary for opscanary@example.com"); got != "535 [redacted] for ops[redacted]@example.com" {
		t.Errorf("got %q", got)
	}
}

func TestExactLeavesWhatHoldsNoSecret(t *testing.T) {
	r := redactor("canary")
	for text, want := range map[string]string{
		"  two\u200d\x1b[31m  spaces\n":           "  two\u200d\x1b[31m  spaces\n",
		"of  a can\u200bary\n":                    "of a [redacted]",
		strings.Repeat("x", 64<<10):               strings.Repeat("x", 64<<10),
		strings.Repeat("x", 64<<10) + "\ncanary ": "(65544 bytes left out)",
	} {
		if got := r.Exact(text); got != want {
			t.Errorf("%.80q: got %.80q, want %.80q", text, got, want)
		}
	}
	if got := redactor().Exact("  two\u200d  spaces\n"); got != "  two\u200d  spaces\n" {
		t.Errorf("without a secret: got %q", got)
	}
}

func TestLinesOfARedactor(t *testing.T) {
	if got, want := redactor("canary").Lines("one\n\x1b[31mcanary\n two"), "one\n[redacted]\n two"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestErrorsKeepWhatTheyAre(t *testing.T) {
	cause := errors.New("535\ncanary and so on")
	if err := redactor("canary").Error(cause, 18); err.Error() != "535 [redacted] an…" || !errors.Is(err, cause) {
		t.Errorf("got %q", err)
	}
}

// TestSoManySecretsAreRemembered: sessions end, so that a client has new secrets for as long as it lives.
func TestSoManySecretsAreRemembered(t *testing.T) {
	const remembered = 64
	r := new(untrusted.Redactor)
	lasting := secret.New("lasting-token")
	for i := range 3 * remembered {
		r.Add(lasting, secret.New(fmt.Sprintf("canary-%03d", i)), secret.Text{})
	}
	for i := range 3 * remembered {
		text := fmt.Sprintf("canary-%03d", i)
		if got, forgotten := r.Line(text), i <= 2*remembered; (got == text) != forgotten {
			t.Errorf("%s: got %s", text, got)
		}
	}
	if got := r.Line(lasting.Reveal()); got != "[redacted]" {
		t.Errorf("the secret in steady use: got %s", got)
	}
}

// TestASecretThatIsThePlaceholder: there is no end to looking for it.
func TestASecretThatIsThePlaceholder(t *testing.T) {
	if got := redactor("redacted").Line("it was redacted twice"); got != "[redacted]" {
		t.Errorf("got %q", got)
	}
}

// FuzzRedactor repeats a secret with something in its middle that is not shown.
func FuzzRedactor(f *testing.F) {
	f.Add("", "", "")
	f.Add("\x1b[31", "\x00", "m")
	f.Add("535 \x1b]0;", "\xff", "\x07")
	f.Add("\u009b", "\u202e", "\n")
	r := redactor("my s3cret-Canary")
	f.Fuzz(func(t *testing.T, before, within, after string) {
		if untrusted.Line(within) != "" && strings.Trim(untrusted.Line(within), "\uFFFD") != "" {
			within = ""
		}
		got := r.Line(before + "my s3cr" + within + "et-Canary" + after)
		if got != untrusted.Line(got) {
			t.Errorf("got more than one line: %q", got)
		}
		if bare := strings.ReplaceAll(got, "\uFFFD", ""); strings.Contains(bare, "s3cret-Canary") {
			t.Errorf("the text shows the secret: %q", got)
		}
	})
}

// TestATextThatSaysTooMuchIsLeftOut: looked through in each of its readings and decodings, this one would take minutes.
func TestATextThatSaysTooMuchIsLeftOut(t *testing.T) {
	r := redactor("mail-canary", "token-canary", "third-canary")
	encoded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	// Each order of decoding makes another text of it.
	escapes := []func(string) string{
		func(text string) string { return strings.ReplaceAll(text, "x", "%78") },
		func(text string) string { return strings.ReplaceAll(text, "%", "&#37;") },
		func(text string) string { return strings.ReplaceAll(text, "&", `\x26`) },
		func(text string) string { return strings.ReplaceAll(text, `\`, "%5c") },
	}
	var hostile strings.Builder
	for n := range 8000 {
		word := "x"
		for range 5 {
			word = escapes[n%4](word)
			n /= 4
		}
		hostile.WriteString(word + " +\u200b")
	}
	for _, size := range []int{32 << 10, 64 << 10} {
		if got, want := r.Line(hostile.String()[:size]), fmt.Sprintf("(%d bytes left out)", size); got != want {
			t.Errorf("got %.80q, want %q", got, want)
		}
	}
	if got := r.Line("AUTH failed for " + encoded(encoded("mail-canary")) + " & 100 % of \\others"); !strings.Contains(got, "AUTH failed for [redacted] & 100") {
		t.Errorf("an ordinary text: got %q", got)
	}
}

// TestDecoysUseUpNothing: a text may say many things to look through before it says a secret.
func TestDecoysUseUpNothing(t *testing.T) {
	for _, secret := range []string{"canary &", "%2563anary", `\x63an&#97;ry`, "&#38;#99;anary", "Y2FuYXJ5"} {
		text := strings.Repeat("\\x5cx41%2541+&amp;#37;41\u200b\x1b[m\x00a  b ", 3) + secret
		if got := redactor("canary").Line(text); !strings.Contains(got, "[redacted]") {
			t.Errorf("%q: got %q", text, got)
		}
	}
	page := strings.Repeat("<a href=\"/a%20b?c=d+e\">&quot;It&#039;s C:\\new\\x41&quot;</a>\n", 100)
	if got := redactor("canary").Line(page + "c%61nary"); !strings.HasSuffix(got, "[redacted]") {
		t.Errorf("at the end of a page: got %.80q", got)
	}
}

// FuzzRedactorOfEncoded repeats a secret of which any characters are encoded, each as one of how says.
func FuzzRedactorOfEncoded(f *testing.F) {
	f.Add("", []byte{0}, "")
	f.Add("https://example.com/?", []byte{1, 0, 0, 1}, "&c=d")
	f.Add("<p>&am", []byte{0, 2, 3, 0, 2}, "p;")
	f.Add("%", []byte{2}, "6")
	const canary = "<my s3cret & 'Cänary'>"
	r := redactor(canary)
	f.Fuzz(func(t *testing.T, before string, how []byte, after string) {
		var url, page strings.Builder
		for i, c := range []rune(canary) {
			way := byte(0)
			if len(how) > 0 {
				way = how[i%len(how)]
			}
			url.WriteString([]string{string(c), percent(c, "%%%02x"), percent(c, "%%%02X")}[way%3])
			page.WriteString([]string{string(c), html.EscapeString(string(c)), fmt.Sprintf("&#%d;", c), fmt.Sprintf("&#x%x;", c)}[way%4])
		}
		for _, hidden := range []string{url.String(), page.String()} {
			// What stands beside it may be read as a part of its first or last escape.
			got := r.Line(before + " " + hidden + " " + after)
			if got != untrusted.Line(got) || strings.Contains(got, untrusted.Line(hidden)) {
				t.Errorf("found %q in %q", hidden, got)
			}
		}
	})
}

func percent(c rune, format string) string {
	var out string
	for _, b := range []byte(string(c)) {
		out += fmt.Sprintf(format, b)
	}
	return out
}
