package untrusted_test

import (
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// TestOnlyTheSecretIsTakenOut: what stands directly before and behind it stays.
func TestOnlyTheSecretIsTakenOut(t *testing.T) {
	for text, want := range map[string]string{
		`"canar&#121}`:        `"[redacted]}`,
		"canar&#121é":         "[redacted]é",
		"<canar&#121;>":       "<[redacted]>",
		"[%63anar%79]":        "[[redacted]]",
		"%%63anary%":          "%[redacted]%",
		"<Y2FuYXJ5==>":        "<[redacted]>",
		"a=Y2FuYXJ5&b":        "a=[redacted]&b",
		"\x1b[1mcanary\x1b[m": "[redacted]",
	} {
		if got := redactor("canary").Line(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestEscapesThatAreCutOff: a text may end, or go on as something else, in the middle of one.
func TestEscapesThatAreCutOff(t *testing.T) {
	for _, end := range []string{
		"%", "%4", "%g1", "&", "&#", "&#x", "&;", `\`, `\x`, `\x4`, `\xg1`, `\u`, `\u12`, `\u{`, `\u{}`, `\u{61`, `\u{1234567}`, `\U0000006`, `\ud83d\`, `\ud83d\u`,
		`\ud83d\ude0`, `\ud83d\u0041`, "+", "+%",
	} {
		for _, text := range []string{end, end + "ary"} {
			if got, want := redactor("canary").Line("c%61nary can"+text), "[redacted] can"+text; got != want {
				t.Errorf("%q: got %q", text, got)
			}
		}
	}
}

// TestEscapesBesideDigits: an escape has as many digits as it may have, and what follows may look like one more.
func TestEscapesBesideDigits(t *testing.T) {
	for value, spellings := range map[string][]string{
		"cafe-7f":  {`\u0063\u0061\u0066\u0065-7f`, `\u0063afe-7f`, `\x63afe-7f`, "%63afe-7f", `\U00000063afe-7f`, `\143afe-7f`, "&#99;afe-7f", `\u{63}afe-7f`},
		"c1anary":  {`\1431anary`, `\x631anary`, `\u00631anary`},
		"7canary":  {`\0677canary`[:4] + "canary", `\67canary`, "%37canary"},
		"pass😀ace": {`pass\ud83d\ude00ace`, `pass\u{1f600}ace`, `pass\U0001f600ace`, "pass&#x1f600;ace", "pass%f0%9f%98%80ace"},
		"canary":   {`can\u{1}ary`, `can\u{000001}ary`, `can\1ary`, `can\x01ary`, "can%01ary", "can&#8203;ary"},
		"é!é":      {"%C3%A9!%c3%a9", `\u00e9!\u00E9`, "&eacute;!&#xe9;", `\303\251!\xc3\xa9`},
	} {
		for _, spelling := range spellings {
			if got := redactor(value).Line(spelling); got != "[redacted]" {
				t.Errorf("%q: got %q", spelling, got)
			}
		}
	}
}

// TestControlCharactersInAnEscapeSequence: terminals ignore or obey them, and go on with the sequence.
func TestControlCharactersInAnEscapeSequence(t *testing.T) {
	for b := range rune(0x20) {
		switch b {
		case 0, '\a', '\b', '\t', '\n', '\v', '\f', '\r', 0x1b, 0x1c, 0x1d, 0x1e, 0x1f:
			continue
		}
		if got := redactor("canary").Line("can\x1b[3" + string(b) + "1mary"); got != "[redacted]" {
			t.Errorf("%U: got %q", b, got)
		}
	}
	if got := redactor("canary").Line("can\x1b[3\x7f1mary"); got != "[redacted]" {
		t.Errorf("U+007F: got %q", got)
	}
}

// TestASecretWithoutASCII: a character that is not shown stands between others that are not ASCII either.
func TestASecretWithoutASCII(t *testing.T) {
	if got := redactor("пароль").Line("пар\u200bоль"); got != "[redacted]" {
		t.Errorf("got %q", got)
	}
}

// TestWhatIsNotTheSecretStays: its beginning, it in another case, and what would be it with one more way to write.
func TestWhatIsNotTheSecretStays(t *testing.T) {
	for text, value := range map[string]string{
		"Q0FOQVJZ":  "canary",
		"CANARY":    "canary",
		"can%g1ary": "canary",
		"can%1gary": "canary",
		"canar":     "canary",
		"Y2FuYXI=":  "canary",
		"can ary":   "canary",
	} {
		if got := redactor(value).Line(text); got != text {
			t.Errorf("%q: got %q", text, got)
		}
	}
	r := redactor()
	r.AddEncoded("\x00abcd")
	if got := r.Line("YWJjeHl6"); got != "YWJjeHl6" {
		t.Errorf("got %q", got)
	}
}

// TestExactLeavesOutWhatItCannotLookThrough, as [untrusted.Redactor.Line] does: a value that is compared is shown afterwards.
func TestExactLeavesOutWhatItCannotLookThrough(t *testing.T) {
	var hostile strings.Builder
	for n := range 4000 {
		word := "x"
		for range 5 {
			word = []func(string) string{
				func(text string) string { return strings.ReplaceAll(text, "x", "%78") },
				func(text string) string { return strings.ReplaceAll(text, "%", "&#37;") },
				func(text string) string { return strings.ReplaceAll(text, "&", `\x26`) },
				func(text string) string { return strings.ReplaceAll(text, `\`, "%5c") },
			}[n%4](word)
			n /= 4
		}
		hostile.WriteString(word + " +\u200b")
	}
	r := redactor("mail-canary", "token-canary", "third-canary")
	if got, want := r.Exact(hostile.String()[:32<<10]), "(32768 bytes left out)"; got != want {
		t.Errorf("got %.80q, want %q", got, want)
	}
	if got := redactor("redacted").Exact("it was redacted"); got != "[redacted]" {
		t.Errorf("got %q", got)
	}
}

func TestEscapeSequencesEndWhereTheyEnd(t *testing.T) {
	for text, want := range map[string]string{
		"\x1b[31éa":                   "éa",
		"\x1b[31\x7fa":                "a",
		"\x1b[31~a":                   "a",
		"\x1b]0;C:\\dir\x07rest":      "rest",
		"\x1b]0;title\x1b\\rest":      "rest",
		"\x1b]0;title\u009crest":      "rest",
		"\u009d0;C:\\dir\u009crest":   "rest",
		"\x1b]0;title\x1b[31mrest":    "rest",
		"\x1b]0;title\x1b[\\rest":     "rest",
		"\x1bPq\x1b\\a\x1b_b\x1b\\c":  "ac",
		"\x1b]8;;https://a.test\acli": "cli",
	} {
		if got := untrusted.Lines(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
