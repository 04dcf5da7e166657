package diagnosis

import (
	"net/mail"
	"strings"
)

// notItsSender is the summary of every row about an account that may not send as from_address.
const notItsSender = "This account may not send from from_address"

// sender fits the advice on from_address to the settings: no username stands for an address at services that give a
// word or a key, and where from_address is the login's own address already, another one does not help.
func (v *verdict) sender() {
	username := v.settings.Username
	_, err := mail.ParseAddress(username)
	switch {
	case v.Summary == notItsSender && username != "" && strings.EqualFold(username, v.settings.FromAddress):
		v.Remedy = "from_address is the address in username already: have the provider allow it as a sender, or set from_address to an address that it has verified for this account."
	case err != nil:
		v.Remedy = strings.NewReplacer(
			"to the address in username", "to an address that this account may send from",
			"in the same domain as username", "that this account may send from",
			"belongs to the mailbox in username", "is one that the account in username may use",
			"the mailbox in username", "the account in username",
		).Replace(v.Remedy)
		v.Cause = strings.ReplaceAll(v.Cause, "The mailbox in username", "The account in username")
	}
}
