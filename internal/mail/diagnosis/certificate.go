package diagnosis

import (
	"fmt"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// certificate says what the refused certificate holds. If host is known to be right, no name from the
// certificate is recommended: anyone who intercepts the connection could have issued it.
func (v *verdict) certificate() {
	official := v.official()
	switch {
	case v.ID == hostMismatch && official:
		v.take(tlsIntercepted) // with another ID, so that the names of the certificate are not advised below
	case v.ID == "tls-cert-unknown-authority" && official:
		v.Attribute = ""
		v.Cause = fmt.Sprintf("%s has a certificate that every current system trusts. The machine that sends lacks current authorities, or a filter on the network inspects TLS and shows its own certificate.", v.service.Name)
		v.Remedy = "Install or renew the certificate authorities (package ca-certificates) on the machine that sends; if a filter inspects TLS, exempt this host. Do not turn verification off."
	}
	c := v.result.Certificate
	if c == nil {
		return
	}
	v.Cause += " " + describe(*c)
	if names := hostNames(c.Names); v.ID == hostMismatch && len(names) > 0 {
		v.Remedy = fmt.Sprintf("If one of these is your provider's server, set host to it: %s. Otherwise correct host.", strings.Join(names, ", "))
	}
}

// official reports whether host is one that the service itself names for submission today; former names are not.
func (v *verdict) official() bool { return v.known && v.service.Serves(v.settings.Host) }

// shown is how many names of a certificate are worth reading.
const shown = 4

// describe puts a certificate into a sentence. All of it comes from outside.
func describe(c site.Certificate) string {
	names := make([]string, 0, shown)
	for _, name := range c.Names[:min(len(c.Names), shown)] {
		names = append(names, untrusted.Brief(name, 100))
	}
	text := "no name"
	if len(names) > 0 {
		text = strings.Join(names, ", ")
	}
	if more := len(c.Names) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("The certificate is for %s, issued by %s, valid until %s.",
		text, untrusted.Brief(c.Issuer, 100), c.NotAfter.UTC().Format(time.DateOnly))
}

// hostNames are the names that could stand in host: no wildcards, and nothing but letters, digits, dots and hyphens.
func hostNames(names []string) []string {
	var plain []string
	for _, name := range names {
		odd := strings.ContainsFunc(name, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-", r)
		})
		if name != "" && len(name) <= 100 && !odd && len(plain) < shown {
			plain = append(plain, name)
		}
	}
	return plain
}
