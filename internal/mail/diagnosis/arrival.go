package diagnosis

import (
	"fmt"
	"strings"

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
