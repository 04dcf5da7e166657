package diagnosis

import (
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// newRedactor takes the secrets, and the username, which goes out in its base64 form only (RFC 4954 section 4).
func newRedactor(username string, secrets []secret.Text) *untrusted.Redactor {
	r := new(untrusted.Redactor)
	r.Add(secrets...)
	r.AddEncoded(username)
	return r
}

// Fit returns r with every text in it fit to be shown: one line of a bounded length, without the secrets.
func Fit(r site.TestResult, username string, secrets ...secret.Text) site.TestResult {
	return r.Shown(newRedactor(username, secrets).Brief)
}

// longText bounds a text before the page shortens it to what it shows.
const longText = 4096
