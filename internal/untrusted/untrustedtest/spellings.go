// Package untrustedtest has the spellings of a secret that every redactor of this project knows: the provider's, and that of the
// WordPress plugin.
package untrustedtest

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Spelling is a secret value, and how somebody repeats it.
type Spelling struct{ Value, Repeated string }

// Spellings are the secrets and their repetitions, by what is special about them.
var Spellings = map[string]Spelling{
	"AsItIs":              {"canary", "canary"},
	"LineBreakAtTheEnd":   {"canary\n", "canary\n"},
	"SpacesBetweenGroups": {"abcd efgh ijkl mnop", "abcd efgh ijkl mnop"},
	"GroupsWithoutSpaces": {"abcd efgh ijkl mnop", "abcdefghijklmnop"},
	"TabWithin":           {"pass\tword", "pass\tword"},
	"TabQuoted":           {"pass\tword", `pass\tword`},
	"ControlCharacters":   {"pass\x01\x7fword", "pass\x01\x7fword"},
	"NotASCII":            {"pässwörter", "pässwörter"},
	"QuotesAndSlashes":    {`pa"ss\word`, `pa"ss\word`},
	"JSON":                {`<pa"ss\word>`, `\u003cpa\"ss\\word\u003e`},
	"Query":               {"pass word&", "pass+word%26"},
	"Path":                {"pass word/", "pass%20word%2F"},
	"HTML":                {"<password>", "&lt;password&gt;"},
	"HTMLOfPHP":           {`it's "me"`, "it&#039;s &quot;me&quot;"},
	"JSONOfOthers":        {"<pass\x01word>", `<pass\u0001word>`},
	"JSONOfPHP":           {"pä/ssword", `p\u00e4\/ssword`},
	"LowerCasePercent":    {"pass/word", "pass%2fword"},
	"URLOfOthers":         {"a b&c", "a%20b%26c"},
	"URLOfJavaScript":     {"p!w d", "p!w%20d"},
	"URLOfAllCharacters":  {"canary", "%63%61%6E%61%72%79"},
	"Form":                {"p~w d*", "p%7Ew+d*"},
	"JSONInAURL":          {`pa"ss`, "pa%5C%22ss"},
	"Base64InAURL":        {"can?>?>ary", "AGFwcABjYW4%2FPj8%2BYXJ5"},
	"HTMLOfPython":        {"it's me", "it&#x27;s me"},
	"HTMLOfOldPHP":        {`it's "me"`, "it's &quot;me&quot;"},
	"HTMLInNumbers":       {"pä&s", "&#112;&#xE4;&amp;&#115;"},
	"HTMLWithoutEnd":      {"pass & word", "pass &amp word"},
	"SecretWithEscapes":   {"100%25&amp;", "100%25&amp;"},
	"SecretWithPercent":   {"100%25", "100%2525"},
	"Base64":              {"canary", base64.StdEncoding.EncodeToString([]byte("canary"))},
	"Base64Within":        {"canary", base64.RawURLEncoding.EncodeToString([]byte("\x00user\x00canary"))},
	"Hexadecimal":         {"canary", "f" + strings.ToUpper(hex.EncodeToString([]byte("canary")))},
	// What is dropped, or is no character, in the middle of the secret.
	"EscapeWithin":  {"canary", "can\x1b[31mary"},
	"NullWithin":    {"canary", "can\x00ary"},
	"StrayByte":     {"canary", "can\xffary"},
	"Bidirectional": {"canary", "can\u202eary"},
	"IsAnEscape":    {"\x1b[31mred", "\x1b[31mred"},
	"VariantWithin": {"canary", "can\ufe0fary"},
	// Both at once.
	"ZeroWidthAndEscape":     {"canary", "c\u200ban\x1b[31m\u200da\x1b[0mry"},
	"ZeroWidthInAnEscape":    {"canary", "can\x1b\u200b[31mary"},
	"NullInAnEscape":         {"canary", "can\x1b[\x003\x001mary"},
	"LineBreakAndEscape":     {"pass word", "pass\x1b[0m \r\n\x1b[0m word"},
	"ZeroWidthAndPercent":    {"canary", "c%61n\u200bary"},
	"ZeroWidthIsEncoded":     {"canary", "can%E2%80%8Bary"},
	"EscapeSequenceInJSON":   {"canary", `can\u001b[31mary`},
	"ZeroWidthInTheEncoding": {"canary", "Y2Fu\u200bYXJ5"},
	"Ignorable":              {"canary", "c\u034fa\u180bn\U000E0100a\u115fr\uffa0y"},
	// Escapes of strings, as programs print them.
	"Octal":             {"canary", `\143an\141ry`},
	"OctalShort":        {"can\nary", `can\12ary`},
	"HexadecimalEscape": {"canary", `\x63an\x61ry`},
	"BytesOfUTF8":       {"pässword", `p\xc3\xa4ssword`},
	"OctalBytesOfUTF8":  {"pässword", `p\303\244ssword`},
	"CharacterInHex":    {"pässword", `p\xE4ssword`},
	"JavaScript":        {"pässword", `p\u{e4}ssword`},
	"BeyondTheBasic":    {"pass😀word", `pass\ud83d\ude00word`},
	"LongEscape":        {"pass😀word", `pass\U0001f600word`},
	"ControlLetters":    {"a\a\b\f\v\x1bz", `a\a\b\f\v\ez`},
	"OfNoCharacter":     {`can\U99999999ary`, `can\U99999999ary`},
	// More than one encoding.
	"PercentTwice":     {"pass word/", "pass%2520word%252F"},
	"JSONInJSON":       {`pa"ss`, `pa\\\"ss`},
	"HTMLInAURL":       {"<pass>", "%26lt%3Bpass%26gt%3B"},
	"Base64Twice":      {"canary", base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("\x00user\x00canary"))))},
	"Base64ThreeTimes": {"canary", base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("canary"))))))},
	"Base64OfHex":      {"canary", base64.RawURLEncoding.EncodeToString([]byte(hex.EncodeToString([]byte("my canary"))))},
	"HexOfBase64":      {"canary", hex.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("canary"))))},
	"Base64OfAForm":    {"pass word&", base64.StdEncoding.EncodeToString([]byte("p=pass+word%26"))},
	"Base32":           {"canary", base32.StdEncoding.EncodeToString([]byte("canary"))},
	"Base32Within":     {"canary", base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte("\x00us\x00canary"))},
	"Base32LowCase":    {"canary", strings.ToLower(base32.StdEncoding.EncodeToString([]byte("a canary!")))},
	"Base32OfBase64":   {"canary", base32.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("canary"))))},
}
