//go:build receiver

package provider_test

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/test/dnstest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/receivertest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const (
	// serviceAddress is the IP address that the mail service sends from.
	serviceAddress = "203.0.113.7"
	serviceDomain  = "esp.example"
)

// relayed is how the mail service forwards a message.
type relayed struct {
	// envelope is the domain of its bounce address, signs that of its DKIM signature, or empty.
	envelope, signs string
}

// TestAccGenuineReceiver sends test messages by way of a mail service to a genuine receiver: Postfix, OpenDKIM, OpenDMARC and Dovecot.
func TestAccGenuineReceiver(t *testing.T) {
	t.Parallel()
	receives := receivertest.Start(t, func(r *receivertest.Receiver) dnstest.Zone {
		zone := dnstest.Zone{serviceDomain: {"TXT v=spf1 ip4:" + serviceAddress + " -all"}}
		for domain, policy := range map[string]string{
			serviceDomain: "reject", "aligned.example": "reject", "signed.example": "quarantine", "stranger.example": "none", "closed.example": "quarantine", "open.example": "",
		} {
			if domain != "closed.example" {
				zone[receivertest.Selector+"._domainkey."+domain] = []string{"TXT " + r.Key()}
			}
			if policy != "" {
				zone["_dmarc."+domain] = []string{"TXT v=DMARC1; p=" + policy}
			}
		}
		zone["aligned.example"] = []string{"TXT v=spf1 include:" + serviceDomain + " -all"}
		zone["signed.example"] = []string{"MX 10 mx.signed.example"}
		zone["closed.example"] = []string{"TXT v=spf1 -all"}
		zone["open.example"] = []string{"TXT v=spf1 include:" + serviceDomain + " -all"}
		return zone
	})
	var how atomic.Pointer[relayed]
	tb := newTestbed(t, smtptest.Config{Taken: func(m smtptest.Message) {
		by, data, err := how.Load(), m.Data, error(nil)
		if by.signs != "" {
			data, err = receives.Sign(by.signs, data)
		}
		if err == nil {
			err = receives.Relay(serviceAddress, "bounce@"+by.envelope, recipient, data)
		}
		if err != nil {
			t.Error(err)
		}
	}}, "only")
	config := func(from, require string) string {
		inbox := fmt.Sprintf("  test_inbox = {\n    host = \"127.0.0.1\"\n    port = %d\n    encryption = \"none\"\n    password = %q\n    authserv_id = %q\n  }\n",
			receives.IMAP, receivertest.Password, receivertest.Name)
		return strings.Replace(tb.provider(), "provider \"smtp\" {\n", "provider \"smtp\" {\n"+inbox, 1) +
			tb.resource(arguments{"from_address": hcl("shop@" + from), "test": fmt.Sprintf("{ require = %q }", require)}) +
			fmt.Sprintf("data \"smtp_sender_domain\" \"test\" {\n  domain = %q\n  dkim_selectors = [%q]\n  nameserver = %q\n}\n", from, receivertest.Selector, net.JoinHostPort(receives.DNS, "53"))
	}
	sends := func(messages int, by relayed) func() {
		return func() {
			if state := tb.state("only"); state.Enabled || len(tb.smtp.Messages()) != messages {
				t.Errorf("got enabled %t after %d messages, want mail off after %d", state.Enabled, len(tb.smtp.Messages()), messages)
			}
			how.Store(&by)
		}
	}
	arrived := func(spf, dkim, dmarc string) statecheck.StateCheck {
		return statecheck.ExpectKnownValue(settings, path("verification").AtMapKey("arrival"), knownvalue.ObjectPartial(map[string]knownvalue.Check{
			"folder": knownvalue.StringExact("INBOX"), "by": knownvalue.StringExact(receivertest.Name),
			"spf": knownvalue.StringExact(spf), "dkim": knownvalue.StringExact(dkim), "dmarc": knownvalue.StringExact(dmarc),
		}))
	}
	foreign := relayed{envelope: serviceDomain, signs: serviceDomain}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{ // neither SPF nor DKIM: the receiver files it as spam
				PreConfig: sends(0, relayed{envelope: "closed.example"}), Config: config("closed.example", "delivered"),
				ExpectError: says("the test message was accepted, but went to Junk"),
			},
			{ // the service signs with its own domain
				PreConfig: sends(1, foreign), Config: config("stranger.example", "authenticated"),
				ExpectError: says("SPF or DKIM passed, but not for the domain of from_address"),
			},
			{ // the argument at fault
				PreConfig: sends(2, foreign), Config: config("stranger.example", "authenticated"),
				ExpectError: says(`from_address = "shop@stranger.example"`),
			},
			{ // no policy to pass
				PreConfig: sends(3, relayed{envelope: "open.example", signs: "open.example"}), Config: config("open.example", "authenticated"),
				ExpectError: says("has no DMARC"),
			},
			{ // the service's bounce address, and a signature of the domain
				PreConfig: sends(4, relayed{envelope: serviceDomain, signs: "signed.example"}), Config: config("signed.example", "authenticated"),
				ConfigStateChecks: []statecheck.StateCheck{
					arrived("pass", "pass", "pass"),
					statecheck.ExpectKnownValue("data.smtp_sender_domain.test", path("ok"), knownvalue.Bool(true)),
				},
			},
			{
				PreConfig: func() { how.Store(&relayed{envelope: "aligned.example"}) }, Config: config("aligned.example", "authenticated"),
				ConfigStateChecks: []statecheck.StateCheck{arrived("pass", "none", "pass")},
			},
			{
				Config:           config("aligned.example", "authenticated"),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			},
		},
	})
	if n := len(tb.smtp.Messages()); n != 6 {
		t.Errorf("got %d messages, want one per change", n)
	}
}
