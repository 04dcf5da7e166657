package provider_test

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/test/dnstest"
)

// senderZone is the DNS of client.example, set up for Fastmail, with changes.
func senderZone(changes dnstest.Zone) dnstest.Zone {
	zone := dnstest.Zone{
		"client.example":          {"TXT v=spf1 include:spf.messagingengine.com ~all"},
		"_dmarc.client.example":   {"TXT v=DMARC1; p=reject"},
		"spf.messagingengine.com": {"TXT v=spf1 ip4:192.0.2.0/24 ?all"},
	}
	for _, selector := range []string{"fm1", "fm2", "fm3"} {
		zone[selector+"._domainkey.client.example"] = []string{"CNAME " + selector + ".client.example.dkim.fmhosted.com"}
		zone[selector+".client.example.dkim.fmhosted.com"] = []string{"TXT v=DKIM1; k=rsa; p=MIIB"}
	}
	maps.Copy(zone, changes)
	return zone
}

// senderDomain configures data.smtp_sender_domain.test.
func senderDomain(server *dnstest.Server, with arguments) string {
	all := arguments{"domain": hcl("client.example"), "preset": hcl("fastmail"), "nameserver": hcl(server.Address())}
	maps.Copy(all, with)
	var b strings.Builder
	b.WriteString("data \"smtp_sender_domain\" \"test\" {\n")
	for name, value := range all {
		if value != "" {
			fmt.Fprintf(&b, "  %s = %s\n", name, value)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func sawSender(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("data.smtp_sender_domain.test", path(attribute), check)
}

// matches expects a text in which a line has this beginning.
func matches(pattern string) knownvalue.Check {
	return knownvalue.StringRegexp(regexp.MustCompile(pattern))
}

func TestAccSenderDomain(t *testing.T) {
	t.Parallel()
	server := dnstest.Start(t, senderZone(nil))
	finding := func(id, level string) knownvalue.Check {
		return knownvalue.ObjectPartial(map[string]knownvalue.Check{"id": knownvalue.StringExact(id), "level": knownvalue.StringExact(level)})
	}
	steps := []resource.TestStep{{
		Config: senderDomain(server, nil),
		ConfigStateChecks: []statecheck.StateCheck{
			sawSender("ok", knownvalue.Bool(true)),
			sawSender("text", knownvalue.StringExact("client.example: SPF covers Fastmail, DKIM covers Fastmail, and its DMARC policy is reject.")),
			sawSender("spf_covers", knownvalue.Bool(true)),
			sawSender("dkim_covers", knownvalue.Bool(true)),
			sawSender("spf", knownvalue.ObjectExact(map[string]knownvalue.Check{"record": matches("^v=spf1 "), "lookups": knownvalue.Int64Exact(1)})),
			sawSender("dkim", knownvalue.MapPartial(map[string]knownvalue.Check{"fm2": knownvalue.ObjectExact(map[string]knownvalue.Check{
				"found": knownvalue.Bool(true), "target": knownvalue.StringExact("fm2.client.example.dkim.fmhosted.com"),
			})})),
			sawSender("dmarc", knownvalue.ObjectPartial(map[string]knownvalue.Check{"domain": knownvalue.StringExact("client.example"), "policy": knownvalue.StringExact("reject")})),
			sawSender("findings", knownvalue.ListSizeExact(0)),
			sawSender("spf_term", knownvalue.StringExact("include:spf.messagingengine.com")),
			sawSender("expected_records", knownvalue.MapPartial(map[string]knownvalue.Check{"fm1._domainkey.client.example": knownvalue.ObjectExact(map[string]knownvalue.Check{
				"name": knownvalue.StringExact("fm1._domainkey.client.example"), "type": knownvalue.StringExact("CNAME"),
				"value": knownvalue.StringExact("fm1.client.example.dkim.fmhosted.com"),
			})})),
		},
	}, {
		PreConfig: func() {
			server.SetZone(dnstest.Zone{"client.example": {"TXT v=spf1 -all"}, "_dmarc.client.example": {"TXT v=DMARC1; p=reject"}})
		},
		Config: senderDomain(server, nil),
		ConfigStateChecks: []statecheck.StateCheck{
			sawSender("ok", knownvalue.Bool(false)),
			sawSender("text", matches("^client.example: neither SPF nor DKIM of the domain covers Fastmail, and its DMARC policy is reject.\n\nNo message")),
			sawSender("findings", knownvalue.ListExact([]knownvalue.Check{finding("unauthenticated", "error")})),
			sawSender("spf_covers", knownvalue.Bool(false)),
			sawSender("dkim_covers", knownvalue.Bool(false)),
		},
	}, { // the domain alone, with a selector
		Config: senderDomain(server, arguments{"preset": "", "dkim_selectors": `["s1"]`}),
		ConfigStateChecks: []statecheck.StateCheck{
			sawSender("ok", knownvalue.Bool(true)),
			sawSender("spf_covers", knownvalue.Null()),
			sawSender("expected_records", knownvalue.MapSizeExact(0)),
			sawSender("spf_term", knownvalue.Null()),
			sawSender("dkim", knownvalue.MapExact(map[string]knownvalue.Check{"s1": knownvalue.ObjectExact(map[string]knownvalue.Check{"found": knownvalue.Bool(false), "target": knownvalue.Null()})})),
		},
	}}
	for _, weather := range []struct {
		prepare   func()
		arguments arguments
		says      string
	}{
		{func() { server.SetZone(dnstest.Zone{"other.example": {"A 192.0.2.1"}}) }, nil, "^client.example: the domain does not exist, or has no records."},
		{func() { server.Break("client.example", dnstest.ServFail) }, nil, `^client.example: the DNS gave no answer(.|\n)*the name server failed \(SERVFAIL\)`},
		{func() { server.Break("client.example", dnstest.Silent) }, arguments{"timeout": hcl("300ms")}, `^client.example: the DNS gave no answer(.|\n)*no answer in time`},
	} {
		steps = append(steps, resource.TestStep{
			PreConfig: weather.prepare,
			Config:    senderDomain(server, weather.arguments),
			ConfigStateChecks: []statecheck.StateCheck{
				sawSender("ok", knownvalue.Bool(false)),
				sawSender("text", matches(weather.says)),
				sawSender("spf", knownvalue.Null()),
				sawSender("expected_records", knownvalue.MapSizeExact(3)), // derived from the domain alone
			},
		})
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps})
}

func TestAccSenderDomainRefused(t *testing.T) {
	t.Parallel()
	server := dnstest.Start(t, senderZone(nil))
	var steps []resource.TestStep
	for _, refused := range []struct {
		wrong arguments
		says  string
	}{
		{arguments{"domain": hcl("Client.example")}, `domain:\s+must\s+be`},
		{arguments{"domain": hcl("hello@client.example")}, `domain:\s+must\s+be`},
		{arguments{"domain": `""`}, `domain`},
		{arguments{"preset": hcl("fastmial")}, `Did you\s+mean\s+"fastmail"`},
		{arguments{"dkim_selectors": `["s1._domainkey.client.example"]`}, `must\s+be\s+a\s+DKIM\s+selector`},
		{arguments{"nameserver": hcl("dns.client.example")}, `nameserver:\s+must\s+be\s+an\s+IP\s+address`},
		{arguments{"timeout": hcl("1h")}, `timeout:`},
	} {
		steps = append(steps, resource.TestStep{Config: senderDomain(server, refused.wrong), PlanOnly: true, ExpectError: regexp.MustCompile(refused.says)})
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps})
	if queries := server.Queries(); len(queries) > 0 {
		t.Errorf("DNS was queried: %v", queries)
	}
}

// TestAccSenderDomainInACheck: as documented, a check warns, and an apply with unchanged DNS changes nothing.
func TestAccSenderDomainInACheck(t *testing.T) {
	t.Parallel()
	server := dnstest.Start(t, senderZone(dnstest.Zone{"client.example": {"TXT v=spf1 -all"}, "fm1._domainkey.client.example": nil, "fm2._domainkey.client.example": nil, "fm3._domainkey.client.example": nil}))
	ws := newWorkspace(t, senderDomain(server, nil)+`
check "sender_domain" {
  assert {
    condition     = data.smtp_sender_domain.test.ok
    error_message = data.smtp_sender_domain.test.text
  }
}
output "text" { value = data.smtp_sender_domain.test.text }
`)
	out, ok := ws.run("apply", "-auto-approve", "-no-color")
	if !ok || strings.Count(out, "Warning: Check block assertion failed") != 1 || !says("neither SPF nor DKIM of the domain covers Fastmail, and its DMARC policy is reject.").MatchString(out) {
		t.Error(out)
	}
	if out, ok := ws.run("plan", "-detailed-exitcode", "-no-color"); !ok {
		t.Errorf("the plan after the apply is not empty:\n%s", out)
	}
}
