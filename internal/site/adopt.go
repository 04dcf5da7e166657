package site

import (
	"fmt"
	"slices"
	"strings"
)

// InForce describes what sends a site's mail if that is not the settings that the site holds, such as another plugin. Private state
// stores it as JSON.
type InForce struct {
	// By is its name and version, for people.
	By string `json:"by"`
	// Transport is how it sends, in the terms of the contract: smtp, api, local, none or unknown.
	Transport string `json:"transport"`
	// Settings are those of smtp; zero where they are not known.
	Settings Settings `json:"settings"`
	// PasswordReadable: it has a password, which the site can use but never returns.
	PasswordReadable bool `json:"password_readable"`
	// Obstacle says, in sentences for people, why it cannot be taken over; empty if it can.
	Obstacle string `json:"obstacle,omitempty"`
}

// Adoptable reports whether f can be taken over with the password that it has. f may be nil.
func (f *InForce) Adoptable() bool {
	return f != nil && f.Obstacle == "" && !f.Settings.IsZero()
}

// ofSender are the settings that may differ from those in force: none of them decides where the password is sent, or for whom.
var ofSender = []string{"from_address", "from_name", "reply_to", "helo_name"}

// RefuseAdoption says why a change that adopts cannot be made at the site as read; false if it can, and for a change that does not adopt.
func (c Change) RefuseAdoption() (Refusal, bool) {
	found := c.Prior.InForce
	switch {
	case !c.Candidate.Adopt:
		return Refusal{}, false
	case found == nil:
		return Refusal{"adopt", "the site does not say that anything else sends its mail, so there is nothing to take over. Sites that say so are those of " +
			"WordPress with the plugin Site SMTP 0.2 or newer, while another mail plugin sends."}, true
	case !found.Adoptable():
		return Refusal{"adopt", fmt.Sprintf("its mail goes through %s, which cannot be taken over: %s", found.By, found.Obstacle)}, true
	}
	differing := slices.DeleteFunc(found.Settings.Diff(c.Candidate.Settings), func(name string) bool { return slices.Contains(ofSender, name) })
	if len(differing) == 0 {
		return Refusal{}, false
	}
	return Refusal{differing[0], fmt.Sprintf("%s sends with another %s, and its password is only used where it goes already. "+
		"Leave that to adopt, or set a password.", found.By, strings.Join(differing, ", "))}, true
}
