package leaktest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"mime"
	"mime/quotedprintable"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// form is an encoding of a secret, and the text that it shows as, whatever precedes or follows it.
type form struct{ name, text string }

// forms returns the forms of a secret, plain text first.
func forms(secret string) []form {
	return slices.Concat([]form{
		{"plain", secret},
		{"the first half", secret[:len(secret)/2]},
		{"the second half", secret[len(secret)/2:]},
		{"lower case", strings.ToLower(secret)},
		{"upper case", strings.ToUpper(secret)},
		{"UTF-16LE", utf16Of([]rune(secret))},
	}, ofBytes([]byte(secret)), ofHashes([]byte(secret)), ofPrograms(secret), ofDocuments(secret))
}

// ofBytes returns the forms that encode bytes.
func ofBytes(raw []byte) []form {
	list := func(format, separator string) string {
		return strings.Join(strings.Fields(each(raw, format+" ")), separator)
	}
	all := []form{
		{"hex", list("%02x", "")},
		{"upper case hex", list("%02X", "")},
		{"spaced hex", list("%02x", " ")},
		{"upper case spaced hex", list("%02X", " ")},
		{"numbers", list("%d", " ")},
		{"octal numbers", list("%o", " ")},
		{"binary numbers", list("%b", " ")},
		{"JSON numbers", list("%d", ",")},
		{"Go numbers", list("0x%02x", ", ")},
		{"base32", base32.StdEncoding.EncodeToString(raw[:len(raw)/5*5])},
	}
	half := len(raw) / 2
	return slices.Concat(all, base64Of("", raw), base64Of(" of the first half", raw[:half]), base64Of(" of the second half", raw[half:]))
}

// base64Of returns the three alignments of base64 within longer text, without the characters at the ends, which depend on the
// neighbours.
func base64Of(what string, raw []byte) []form {
	var all []form
	for skip := range 3 {
		padded := append(bytes.Repeat([]byte("x"), skip), raw...)
		from, to := (skip*8+5)/6, len(padded)*8/6
		all = append(all,
			form{fmt.Sprint("base64 behind ", skip, what), base64.RawStdEncoding.EncodeToString(padded)[from:to]},
			form{fmt.Sprint("URL base64 behind ", skip, what), base64.RawURLEncoding.EncodeToString(padded)[from:to]})
	}
	return all
}

// ofHashes returns hashes from which a password could be guessed.
func ofHashes(raw []byte) []form {
	md5Sum, sha1Sum, sha256Sum, sha512Sum := md5.Sum(raw), sha1.Sum(raw), sha256.Sum256(raw), sha512.Sum512(raw)
	var all []form
	for name, sum := range map[string][]byte{"MD5": md5Sum[:], "SHA-1": sha1Sum[:], "SHA-256": sha256Sum[:], "SHA-512": sha512Sum[:]} {
		all = append(all, form{name, fmt.Sprintf("%x", sum)}, form{name + " in base64", base64.RawStdEncoding.EncodeToString(sum)})
	}
	slices.SortFunc(all, func(a, b form) int { return strings.Compare(a.name, b.name) })
	return all
}

// ofPrograms returns the forms of programming languages and shells.
func ofPrograms(secret string) []form {
	return []form{
		{"JSON", jsonOf(secret, true)},
		{"JSON without HTML", jsonOf(secret, false)},
		{"JSON in JSON", jsonOf(jsonOf(secret, true), false)},
		{"JSON escapes", each(utf16.Encode([]rune(secret)), `\u%04x`)},
		{"Go", inner(strconv.Quote(secret))},
		{"Go in ASCII", inner(strconv.QuoteToASCII(secret))},
		{"hex escapes", each([]byte(secret), `\x%02x`)},
		{"octal escapes", each([]byte(secret), `\%03o`)},
	}
}

// ofDocuments returns the forms of URLs, markup and mail.
func ofDocuments(secret string) []form {
	return []form{
		{"URL query", url.QueryEscape(secret)},
		{"URL path", url.PathEscape(secret)},
		{"URL", each([]byte(secret), "%%%02X")},
		{"HTML", html.EscapeString(secret)},
		{"XML", xmlOf(secret)},
		{"quoted-printable", quotedPrintable(secret)},
		{"Q encoding", qEncoding(secret)},
	}
}

// utf16Of encodes runes as UTF-16LE, like Windows programs.
func utf16Of(runes []rune) string {
	var out []byte
	for _, unit := range utf16.Encode(runes) {
		out = append(out, byte(unit), byte(unit>>8))
	}
	return string(out)
}

func each[T any](elements []T, format string) string {
	var b strings.Builder
	for _, e := range elements {
		fmt.Fprintf(&b, format, e)
	}
	return b.String()
}

// inner removes the quotes.
func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

func jsonOf(secret string, escapeHTML bool) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(escapeHTML)
	_ = encoder.Encode(secret) // a string can always be encoded
	return inner(strings.TrimSpace(b.String()))
}

func xmlOf(secret string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(secret)) // a buffer never fails
	return b.String()
}

func quotedPrintable(secret string) string {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(secret))
	_ = w.Close()
	return b.String()
}

// qEncoding encodes a secret like a header (RFC 2047). A leading ü makes the encoder encode it at all.
func qEncoding(secret string) string {
	word := mime.QEncoding.Encode("utf-8", "ü"+secret)
	return strings.TrimSuffix(strings.TrimPrefix(word, "=?utf-8?q?=C3=BC"), "?=")
}
