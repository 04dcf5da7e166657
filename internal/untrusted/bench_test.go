package untrusted_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// benchTexts are what servers and sites say: a reply, a page, and what is made to keep the search busy.
var benchTexts = map[string]string{
	"Reply":   "5.7.8 Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials a640c23a62f3a-ab3f9c4d2a1sm1234567a12.34 - gsmtp",
	"Page":    strings.Repeat(`<div class="error">&quot;It&#039;s wrong&quot; &amp; more at <a href="/a%20b?c=d+e">C:\new\x41</a></div>`+"\n", 40),
	"Hostile": strings.Repeat("\\x41%41+&amp;\u200bab "+base64.StdEncoding.EncodeToString([]byte("\\x41%41+&amp; dGhlIHF1aWNrIGJyb3duIGZveA=="))+" ", 400),
}

func BenchmarkRedactor(b *testing.B) {
	for name, text := range benchTexts {
		b.Run(name, func(b *testing.B) {
			r := redactor("my s3cret-Canary", "token-of-a-session")
			r.AddEncoded("shop@example.com")
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				r.Line(text)
			}
		})
	}
}

// BenchmarkLine is what the same texts take without secrets: the ratio is what redacting costs.
func BenchmarkLine(b *testing.B) {
	for name, text := range benchTexts {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				untrusted.Line(text)
			}
		})
	}
}
