package submit

import (
	"net"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// keepRecipient leaves the secrets alone that the recipient says, as it was entered or as DNS spells its domain. A caller who tests what
// is saved chose the recipient, and the server may repeat any part of it: taking the saved password out would tell the caller whether a
// guess is right.
func keepRecipient(r *untrusted.Redactor, recipient string) {
	r.Keep(recipient)
	if at := strings.LastIndexByte(recipient, '@'); at >= 0 {
		r.Keep(recipient[:at+1] + ascii(recipient[at+1:]))
	}
}

// withoutAddresses gives the error's text with host, as it was entered, in place of the addresses that it is about, and without
// that of the name server.
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

// hiddenLookup tells of a failed lookup what the name server said, and not which one or how it was reached.
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
