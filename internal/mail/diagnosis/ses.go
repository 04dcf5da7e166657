package diagnosis

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

var (
	// failedIdentities is how Amazon SES names the region and the addresses that it does not know.
	failedIdentities = regexp.MustCompile(`(?i)failed the check in region ([a-z]{2}(?:-[a-z]{2,12}){1,2}-[0-9]{1,2}):(.*)`)
	// sesRegion is the region in a host of Amazon SES.
	sesRegion = regexp.MustCompile(`(?i)^email-smtp(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com\.?$`)
)

// unverified finds out which of the two addresses Amazon SES does not know: the sender's, or in the sandbox the
// recipient's. An identity is verified for one region only.
func (v *verdict) unverified() {
	reply := site.Reply{}
	if v.result.Reply != nil {
		reply = *v.result.Reply
	}
	_, text := replyText(reply)
	parts := failedIdentities.FindStringSubmatch(text)
	if parts == nil {
		return
	}
	region, named := strings.ToLower(parts[1]), parts[2]
	from, recipient := v.settings.FromAddress, v.result.Recipient
	switch sender, to := names(named, from), names(named, recipient); {
	case sender && to && !strings.EqualFold(from, recipient):
		v.Cause = fmt.Sprintf("SES in region %s has verified neither %s (from_address) nor %s (the recipient); an account in the sandbox sends only to verified addresses.", region, untrusted.Brief(from, 254), untrusted.Brief(recipient, 254))
		v.Remedy = fmt.Sprintf("Verify the domain of from_address in region %s and leave the SES sandbox there.", region)
	case to && !sender:
		v.Attribute = "recipient"
		v.Cause = fmt.Sprintf("The SES account is in the sandbox of region %s and sends only to verified addresses; %s (the recipient) is not one.", region, untrusted.Brief(recipient, 254))
		v.Remedy = "Leave the SES sandbox, or verify the address of the recipient."
	case sender:
		v.Cause = fmt.Sprintf("SES has not verified %s (from_address) in region %s.", untrusted.Brief(from, 254), region)
		v.Remedy = fmt.Sprintf("Verify from_address or its domain in region %s, or set from_address to a verified address.", region)
	}
	if host := sesRegion.FindStringSubmatch(v.settings.Host); host != nil && !strings.EqualFold(host[1], region) {
		v.Cause += fmt.Sprintf(" The reply comes from region %s, but host names %s.", region, strings.ToLower(host[1]))
		v.Remedy += fmt.Sprintf(" If %s is the right region, set host to email-smtp.%s.amazonaws.com.", region, region)
	}
}

// names reports whether a list of addresses holds this one, with or without a display name.
func names(list, address string) bool {
	if address == "" {
		return false
	}
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool { return strings.ContainsRune(" ,;<>\"", r) }) {
		if strings.EqualFold(word, address) {
			return true
		}
	}
	return false
}
