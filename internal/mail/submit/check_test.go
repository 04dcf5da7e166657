package submit_test

import (
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// checked runs a check over good and bad values.
func checked(t *testing.T, check func(string) error, good, bad map[string]string) {
	t.Helper()
	for name, value := range good {
		t.Run("Takes"+name, func(t *testing.T) {
			if err := check(value); err != nil {
				t.Errorf("%q: %v", value, err)
			}
		})
	}
	for name, value := range bad {
		t.Run("Refuses"+name, func(t *testing.T) {
			err := check(value)
			if err == nil {
				t.Fatalf("accepted %q", value)
			}
			if strings.ContainsAny(err.Error(), "\r\n\x00\x1b") {
				t.Errorf("the error repeats the value: %q", err)
			}
		})
	}
}

func TestCheckAddress(t *testing.T) {
	domain63 := strings.Repeat(strings.Repeat("d", 60)+".", 3)
	checked(t, submit.CheckAddress, map[string]string{
		"Plain":          "ops@example.com",
		"Tag":            "ops+tag@example.com",
		"Apostrophe":     "o'brien@example.com",
		"Atext":          "!#$%&'*+-/=?^_`{|}~@example.com",
		"Dotless":        "app@localhost",
		"Digits":         "123@456.example",
		"Punycode":       "ops@xn--bcher-kva.example",
		"Domain":         "ops@bücher.example",
		"Local":          "größe@example.com",
		"Chinese":        "用户@例子.example",
		"LongestLocal":   strings.Repeat("a", 64) + "@example.com",
		"LongestAddress": strings.Repeat("a", 64) + "@" + domain63 + "testee",
		"UpperCase":      "OPS@EXAMPLE.COM",
	}, map[string]string{
		"Empty":             "",
		"NoAt":              "ops",
		"NoLocal":           "@example.com",
		"NoDomain":          "ops@",
		"TwoAts":            "a@b@example.com",
		"Name":              "Ops <ops@example.com>",
		"Brackets":          "<ops@example.com>",
		"Parameter":         "a@b> SIZE=1",
		"ParameterNoSpace":  "a@b>SIZE=1",
		"CR":                "a@b\rRCPT",
		"LF":                "a@b\nRCPT",
		"CRLF":              "a@b\r\nRCPT TO:<x@example.com>",
		"NUL":               "a\x00@example.com",
		"Escape":            "a\x1b[31m@example.com",
		"DEL":               "a\x7f@example.com",
		"C1":                "a\u0085@example.com",
		"LeadingSpace":      " ops@example.com",
		"TrailingSpace":     "ops@example.com ",
		"Tab":               "ops\t@example.com",
		"NonBreakingSpace":  "ops\u00a0@example.com",
		"RightToLeft":       "ops\u202e@example.com",
		"ZeroWidth":         "ops\u200b@example.com",
		"ByteOrderMark":     "\ufeffops@example.com",
		"Quoted":            `"o ps"@example.com`,
		"QuotedWithoutNeed": `"ops"@example.com`,
		"Comment":           "ops@example.com (ops)",
		"CommentInside":     "ops(x)@example.com",
		"Group":             "g:ops@example.com;",
		"List":              "a@example.com,b@example.com",
		"Backslash":         `o\ps@example.com`,
		"DotFirst":          ".ops@example.com",
		"DotLast":           "ops.@example.com",
		"TwoDots":           "o..ps@example.com",
		"HyphenFirst":       "a@-b.example",
		"HyphenLast":        "a@b-.example",
		"EmptyLabel":        "a@b..example",
		"DomainDotLast":     "a@example.com.",
		"Underscore":        "a@b_c.example",
		"Literal":           "a@[192.0.2.1]",
		"LongLocal":         strings.Repeat("a", 65) + "@example.com",
		"LongLabel":         "a@" + strings.Repeat("d", 64) + ".example",
		"LongAddress":       strings.Repeat("a", 64) + "@" + domain63 + "testeex",
		"LongInASCII":       "a@" + strings.Repeat("ü.", 60) + "example",
		"LongWholeInASCII":  "addressing@" + strings.Repeat("ü.", 30) + "exampletest",
		"InvalidUTF8":       "a\xff@example.com",
		"InvalidUTF8Domain": "a@ex\xffample.com",
		"FullwidthAt":       "ops＠example.com",
		"URL":               "mailto:ops@example.com",
	})
}

func TestCheckHELOName(t *testing.T) {
	checked(t, submit.CheckHELOName, map[string]string{
		"Name":         "client.example.com",
		"Dotless":      "client",
		"Digits":       "1.example",
		"Literal4":     "[192.0.2.1]",
		"Literal6":     "[IPv6:2001:db8::1]",
		"MappedIn6":    "[IPv6:::ffff:192.0.2.1]",
		"Punycode":     "xn--bcher-kva.example",
		"LongestLabel": strings.Repeat("a", 63) + ".example",
	}, map[string]string{
		"Empty":           "",
		"Underscore":      "my_host.example.com",
		"Space":           "a b",
		"CRLF":            "a\r\nMAIL FROM:<x@example.com>",
		"LF":              "a\nb",
		"TrailingLF":      "client.example.com\n",
		"NUL":             "a\x00",
		"NonASCII":        "bücher.example",
		"LongS":           "\u017fmtp.example",
		"KelvinSign":      "\u212a.example",
		"BareAddress6":    "2001:db8::1",
		"Bracket":         ">",
		"HyphenFirst":     "-a.example",
		"DotFirst":        ".example",
		"DotLast":         "example.",
		"OpenLiteral":     "[192.0.2.1",
		"EmptyLiteral":    "[]",
		"NameInLiteral":   "[example.com]",
		"Literal6NoTag":   "[2001:db8::1]",
		"Literal4WithTag": "[IPv6:192.0.2.1]",
		"LiteralZone":     "[IPv6:fe80::1%eth0]",
		"LiteralTail":     "[192.0.2.1] SIZE",
		"LongLabel":       strings.Repeat("a", 64) + ".example",
		"LongName":        strings.Repeat("a.", 127),
	})
}

func TestCheckHost(t *testing.T) {
	checked(t, submit.CheckHost, map[string]string{
		"Name":       "smtp.example.com",
		"Dotless":    "mailhog",
		"Underscore": "mail_server",
		"FinalDot":   "smtp.example.com.",
		"Address4":   "192.0.2.1",
		"Address6":   "2001:db8::1",
		"Mapped":     "::ffff:192.0.2.1",
		"NonASCII":   "bücher.example",
		"Punycode":   "xn--bcher-kva.example",
		"DigitFirst": "1and1.example",
		"HexLike":    "0xcafe.example",
		"Longest":    strings.Repeat(strings.Repeat("a", 62)+".", 4) + "b",
		"UpperCase":  "SMTP.EXAMPLE.COM",
	}, map[string]string{
		"Empty":           "",
		"Dot":             ".",
		"URL":             "https://smtp.example.com",
		"SMTPURL":         "smtp://smtp.example.com:587",
		"Port":            "smtp.example.com:587",
		"Path":            "smtp.example.com/x",
		"Userinfo":        "user@smtp.example.com",
		"Space":           "smtp example.com",
		"LeadingSpace":    " smtp.example.com",
		"TrailingLF":      "smtp.example.com\n",
		"NUL":             "smtp\x00.example.com",
		"Control":         "smtp\x1b.example.com",
		"Brackets":        "[2001:db8::1]",
		"Zone":            "fe80::1%eth0",
		"Decimal":         "2130706433",
		"Octal":           "0177.0.0.1",
		"Hex":             "0x7f.0.0.1",
		"HexWhole":        "0x7f000001",
		"Short":           "127.1",
		"LeadingZero":     "127.0.0.01",
		"FiveParts":       "1.2.3.4.5",
		"NumberWithDot":   "127.1.",
		"EmptyLabel":      "smtp..example.com",
		"TwoDots":         "smtp.example.com..",
		"HyphenFirst":     "-smtp.example.com",
		"Wildcard":        "*.example.com",
		"Long":            strings.Repeat("abcdefgh.", 29) + "com",
		"InvalidUTF8":     "smtp\xff.example.com",
		"FullwidthDigits": "１２７.０.０.１",
	})
	if err := submit.CheckHost(""); err == nil || err.Error() != "must not be empty" {
		t.Errorf("an empty host: %v", err)
	}
}

func TestCheckFromName(t *testing.T) {
	checked(t, submit.CheckFromName, map[string]string{
		"Empty":   "",
		"Plain":   "Example App",
		"Quotes":  `The "App", Inc.`,
		"Umlaut":  "Größe AG",
		"Emoji":   "Shop 🛒",
		"Longest": strings.Repeat("n", 255),
	}, map[string]string{
		"CR":          "a\rb",
		"LF":          "a\nb",
		"CRLF":        "a\r\nBcc: x@example.com",
		"NUL":         "a\x00",
		"Escape":      "a\x1b[31m",
		"Tab":         "a\tb",
		"Address":     "Ops <ops@example.com>",
		"RightToLeft": "a\u202eb",
		"InvalidUTF8": "a\xff",
		"TooLong":     strings.Repeat("n", 256),
	})
}

// FuzzCheckAddress: whatever is accepted can be neither two addresses nor a parameter nor a line.
func FuzzCheckAddress(f *testing.F) {
	for _, seed := range []string{"ops@example.com", "a@b> SIZE=1", "\"a b\"@c", "a@b\r\nRCPT", "größe@bücher.example", "a@[1.2.3.4]", "<a@b>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if submit.CheckAddress(address) != nil {
			return
		}
		if len(address) > 254 || strings.ContainsAny(address, " <>\"\r\n\t\x00\\,;:()[]") || strings.Count(address, "@") != 1 {
			t.Errorf("accepted %q", address)
		}
	})
}

// FuzzCheckHELOName: whatever is accepted is one word of ASCII.
func FuzzCheckHELOName(f *testing.F) {
	for _, seed := range []string{"client.example.com", "[192.0.2.1]", "[IPv6:2001:db8::1]", "a b", "a\r\nb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if submit.CheckHELOName(name) != nil {
			return
		}
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r > '~' || r <= ' ' }) {
			t.Errorf("accepted %q", name)
		}
	})
}

// Each setting has rules, whatever its format: nothing unfit for SMTP gets past them.
func TestEverySettingIsChecked(t *testing.T) {
	for _, d := range site.AllSettings() {
		spoiled := site.Settings{Port: -1}
		if d.Format != site.PortNumber {
			_ = d.SetText(&spoiled, "a\r\nRSET\x00")
		}
		if err := submit.CheckSetting(d, spoiled); err == nil || strings.Contains(err.Error(), "without rules") {
			t.Errorf("%s: %v", d.Name, err)
		}
		if err := submit.CheckSetting(d, site.Settings{}); (err == nil) != d.Optional {
			t.Errorf("%s: without a value, got %v", d.Name, err)
		}
		if d.MaxLength == 0 {
			continue
		}
		switch d.Format {
		case site.Credential, site.DisplayName, site.ClientIdentifier, site.ScopeList:
			longest := site.Settings{}
			_ = d.SetText(&longest, strings.Repeat("a", d.MaxLength))
			if err := submit.CheckSetting(d, longest); err != nil {
				t.Errorf("%s of %d characters: %v", d.Name, d.MaxLength, err)
			}
		}
		_ = d.SetText(&spoiled, strings.Repeat("a", d.MaxLength+1))
		if err := submit.CheckSetting(d, spoiled); err == nil {
			t.Errorf("accepted %s of more than %d characters", d.Name, d.MaxLength)
		}
	}
}
