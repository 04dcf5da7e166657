package diagnosis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/sender"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// arrival says where the message is, and what its receiver found out about the sender.
func (v *verdict) arrival() {
	a := v.result.Arrival
	if a == nil {
		return
	}
	if a.Place != site.PlaceInbox && a.Folder != "" {
		v.Cause += fmt.Sprintf(" It is in %s.", untrusted.Brief(a.Folder, 100))
	}
	if found := authentication(*a); found != "" {
		v.Cause += " " + found
	}
	if v.ID == string(site.InJunk) && a.DMARC.Result == "pass" {
		v.Attribute = ""
		v.Remedy = "Mark the message as not spam in the test inbox, or use a mail service with a better reputation; SPF, DKIM and DMARC are in order."
	}
	domain, ok := v.senderDomain()
	switch {
	case !ok || a.DMARC.Result == "" || a.DMARC.Result == "pass":
	case v.ID == string(site.NoPolicy):
		v.Remedy = strings.Replace(v.Remedy, "_dmarc under that domain", "_dmarc."+domain, 1)
	default:
		v.Remedy = strings.TrimSpace(v.Remedy + " " + v.missingRecords(*a, domain))
	}
}

// senderDomain returns the domain of from_address, and whether it is one.
func (v *verdict) senderDomain() (string, bool) {
	_, domain, _ := strings.Cut(strings.ToLower(v.settings.FromAddress), "@")
	return domain, sender.CheckDomain(domain) == nil
}

// missingRecords names the DNS records that the receiver's results show to be missing; empty where they show none. A result that
// the receiver did not state shows nothing.
func (v *verdict) missingRecords(a site.Arrival, domain string) string {
	facts := sender.Facts{}
	if v.known {
		facts, _ = sender.FactsOf(v.service.ID)
	}
	var missing []string
	if notFor(a.DKIM, domain) {
		missing = append(missing, missingKey(facts.Expected(domain), domain))
	}
	term := facts.SPFTerm()
	switch {
	case !notFor(a.SPF, domain):
	case term != "" && a.SPF.Result != "pass":
		missing = append(missing, term+" in the SPF record (TXT) of "+domain)
	case a.SPF.Result == "none" && aligned(a.SPF.Domain, domain):
		missing = append(missing, "an SPF record (TXT) at "+untrusted.Brief(a.SPF.Domain, 100))
	}
	switch len(missing) {
	case 0:
		return ""
	case 1:
		return "Missing, as far as the results show: " + missing[0] + "."
	}
	return "Missing, as far as the results show, and either is enough: " + strings.Join(missing, "; ") + "."
}

// missingKey names the DKIM records of a service for a domain, where they are known.
func missingKey(expected []sender.Record, domain string) string {
	switch len(expected) {
	case 0:
		return "the mail service's DKIM record, below _domainkey." + domain
	case 1:
		return fmt.Sprintf("%s, a CNAME to %s", expected[0].Name, expected[0].Value)
	}
	return fmt.Sprintf("%s, a CNAME to %s, and %d more like it (smtp_sender_domain lists them)", expected[0].Name, expected[0].Value, len(expected)-1)
}

// notFor reports whether the receiver stated a result that is no pass for the domain.
func notFor(r site.AuthResult, domain string) bool {
	return !slices.Contains([]string{"", "temperror"}, r.Result) && (r.Result != "pass" || !aligned(r.Domain, domain))
}

// aligned reports whether one of two domains is the other, or below it (RFC 7489 section 3.1, relaxed).
func aligned(a, b string) bool {
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}

// authentication puts the receiver's results into a sentence; empty where there is none. All of it comes from outside.
func authentication(a site.Arrival) string {
	var results []string
	for _, method := range []struct {
		name string
		site.AuthResult
	}{{"spf", a.SPF}, {"dkim", a.DKIM}, {"dmarc", a.DMARC}} {
		if method.Result == "" {
			continue
		}
		text := method.name + "=" + untrusted.Brief(method.Result, 20)
		if method.Domain != "" {
			text += " for " + untrusted.Brief(method.Domain, 100)
		}
		results = append(results, text)
	}
	if len(results) == 0 {
		return ""
	}
	by := "The receiver"
	if a.Receiver != "" {
		by = untrusted.Brief(a.Receiver, 100)
	}
	return by + " reports " + strings.Join(results, ", ") + "."
}
