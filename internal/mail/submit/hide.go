package submit

import (
	"net"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// keepRecipient exempts the recipient from redaction, both as it was entered and as DNS spells its domain. Whoever tests saved settings
// chooses the recipient, and the server may repeat any part of it: if the saved password were redacted there, it could be guessed piece
// by piece.
func keepRecipient(r *untrusted.Redactor, recipient string) {
	r.Keep(recipient)
	if at := strings.LastIndexByte(recipient, '@'); at >= 0 {
		r.Keep(recipient[:at+1] + ascii(recipient[at+1:]))
	}
}

// withoutAddresses returns the error's text with host, as it was entered, in place of its addresses, and without the address of the
// name server.
func withoutAddresses(err error, host string) string {
	switch e := err.(type) { //nolint:errorlint // each level of the chain is looked at by itself
	case *net.DNSError:
		return hiddenLookup(e)
	case *net.OpError:
		where := e.Op + " " + e.Net
		if e.Addr != nil {
			where += " " + host
		}
		return where + ": " + withoutAddresses(e.Err, host)
	case interface{ Unwrap() []error }:
		var texts []string
		for _, one := range e.Unwrap() {
			if text := withoutAddresses(one, host); !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
		return strings.Join(texts, "\n")
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return strings.Replace(err.Error(), inner.Error(), withoutAddresses(inner, host), 1)
		}
	}
	return err.Error()
}

// hiddenLookup returns what the name server said about a failed lookup, without its address and how it was reached.
func hiddenLookup(e *net.DNSError) string {
	switch {
	case e.IsNotFound:
		return "lookup " + e.Name + ": no such host"
	case e.IsTimeout:
		return "lookup " + e.Name + ": i/o timeout"
	default:
		return "lookup " + e.Name + ": server misbehaving"
	}
}
