package untrusted_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// benchTexts are what servers and sites say: a reply, a page, and what is made to keep the search busy.
var benchTexts = map[string]string{
	"Reply":   "5.7.8 Username and Password not accepted. For more information, go to https://support.google.com/mail/?p=BadCredentials a640c23a62f3a-ab3f9c4d2a1sm1234567a12.34 - gsmtp",
	"Page":    strings.Repeat(`<div class="error">&quot;It&#039;s wrong&quot; &amp; more at <a href="/a%20b?c=d+e">C:\new\x41</a></div>`+"\n", 40),
	"Hostile": strings.Repeat("\\x41%41+&amp;\u200bab "+base64.StdEncoding.EncodeToString([]byte("\\x41%41+&amp; dGhlIHF1aWNrIGJyb3duIGZveA=="))+" ", 400),
}

// BenchmarkRedactor also prints how many times as long it takes as only making the text fit to be shown.
func BenchmarkRedactor(b *testing.B) {
	for name, text := range benchTexts {
		b.Run(name, func(b *testing.B) {
			r := redactor("my s3cret-Canary", "token-of-a-session")
			r.AddEncoded("shop@example.com")
			const rounds = 50
			start := time.Now()
			for range rounds {
				untrusted.Line(text)
			}
			plain := time.Since(start) / rounds
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				r.Line(text)
			}
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(plain), "times-Line")
		})
	}
}
