package diagnosis

import (
	"fmt"
	"net/mail"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/presets"
)

// notItsSender is the summary of every row about an account that may not send as from_address.
const notItsSender = "This account may not send from from_address"

// sender fits the advice on from_address to the settings: a test without a login has no account that could be the wrong one; a
// username is no address at services that give a word or a key; and where from_address is the login's own address already, setting it
// to that does not help.
func (v *verdict) sender() {
	username := v.settings.Username
	_, err := mail.ParseAddress(username)
	isAddress := err == nil
	ownership := v.Summary == notItsSender
	switch {
	case ownership && v.facts[withoutLogin] && v.generic:
		v.Cause = strings.ReplaceAll(v.Cause, " for this login", "; there was no login")
		v.Remedy = "Set username and password of an account that may send from from_address, or set from_address to an address that the server accepts without a login."
	case ownership && isAddress && strings.EqualFold(username, v.settings.FromAddress):
		v.Remedy = "from_address is the address in username already: have the provider allow it as a sender, or set from_address to an address that it has verified for this account."
	case ownership && v.known && v.service.Category == presets.Transactional && v.generic:
		v.Remedy = fmt.Sprintf("Verify from_address or its domain at %s for this account, or set from_address to an address that is verified there.", v.service.Name)
	case ownership && isAddress && v.generic:
		v.Remedy = "Set from_address to the address in username, or have the provider allow from_address as a sender of this account."
	case !isAddress:
		v.Remedy = strings.NewReplacer(
			"to the address in username", "to an address that this account may send from",
			"in the same domain as username", "that this account may send from",
			"belongs to the mailbox in username", "is one that the account in username may use",
			"the mailbox in username", "the account in username",
		).Replace(v.Remedy)
		v.Cause = strings.ReplaceAll(v.Cause, "The mailbox in username", "The account in username")
	}
}
