package untrusted_test

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"\x1b[2J\x1b[1;31mred\x1b[0m":           "red",
		"\x1b]0;title\x07text":                  "text",
		"\x1b]8;;http://evil.example\x1b\\link": "link",
		"\x1bP1;2|data\x1b\\text":               "text",
		"\u009b31mred":                          "red",
		"\x9b31mred":                            "\uFFFD31mred",
		"\x1b":                                  "",
		"a\x1b[":                                "a",
		"one\r\n\ttwo  three\u00a0four\u2028five ": "one two three four five",
		"nul\x00bell\x07back\x08del\x7f":           "nulbellbackdel",
		"\u202egnp.exe\u202c \u2066x\u2069":        "gnp.exe x",
		"zero\u200bwidth\ufeff":                    "zerowidth",
		"授权码 ok":                                   "授权码 ok",
		"\x1b[?25h\x1b[0 /~x\x1b[3@y\x1b[<0M":      "xy",
		"\x1b]0;ti\x1b[1mtle\u009cx\u0090y\u009cz": "tlexz",
		"\u009d0;t\x1bxu\x07v":                     "uv",
		"\x1b]0;t\u00b0itle\x07x":                  "x",
		"\x1b(Bx\x1b\ny\x1bßz":                     "Bx yz",
	} {
		if got := untrusted.Line(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestIsHidden(t *testing.T) {
	for _, r := range "\u200b\u00ad\u034f\u115f\u2800\u3164\ufe0f\ufeff\U000E0100\u202e" {
		if !untrusted.IsHidden(r) {
			t.Errorf("%U counts as visible", r)
		}
	}
	for _, r := range "a\x00 \u0080é授\u00a0" {
		if untrusted.IsHidden(r) {
			t.Errorf("%U counts as hidden", r)
		}
	}
}

func TestShorten(t *testing.T) {
	for text, want := range map[string]string{"": "", "abcde": "abcde", "abcdef": "abcd…", "ab  cdef": "ab…", "äöüßéè": "äöüß…"} {
		if got := untrusted.Shorten(text, 5); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestLinesKeepsLineFeeds(t *testing.T) {
	if got, want := untrusted.Lines("one\r\n two\x1b[0m\n\x00three"), "one \n two\nthree"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBrief(t *testing.T) {
	r := redactor("canary")
	for text, want := range map[string]string{"a\n\x1b[31mb": "a b", "a\nbcdef": "a bc…"} {
		if got, redacted := untrusted.Brief(text, 5), r.Brief(text, 5); got != want || redacted != want {
			t.Errorf("%q: got %q and %q, want %q", text, got, redacted, want)
		}
	}
	if got, want := r.Brief("of canary\nand so on", 16), "of [redacted] a…"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
