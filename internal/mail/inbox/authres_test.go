package inbox

import (
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Headers in the shapes in which receivers write them.
func TestAuthenticate(t *testing.T) {
	type results struct{ spf, dkim, dmarc site.AuthResult }
	of := func(result, domain string) site.AuthResult { return site.AuthResult{Result: result, Domain: domain} }
	passed := results{of("pass", "client.example"), of("pass", "client.example"), of("pass", "client.example")}
	for name, tt := range map[string]struct {
		receiver string
		headers  []string
		want     results
	}{
		"Gmail": {"mx.google.com", []string{"mx.google.com;\r\n       dkim=pass header.i=@client.example header.s=s1 header.b=Ab1Cd2Ef;\r\n" +
			"       spf=pass (google.com: domain of bounce@client.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=bounce@client.example;\r\n" +
			"       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=client.example"}, passed},
		"Microsoft": {"", []string{"spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=client.example; dkim=pass (signature was verified)\r\n" +
			" header.d=client.example;dmarc=pass action=none\r\n header.from=client.example;compauth=pass reason=100"}, passed},
		"Yahoo": {"yahoo.com", []string{"atlas214.free.mail.bf1.yahoo.com;\r\n dkim=pass header.i=@client.example header.s=s1;\r\n" +
			" spf=pass smtp.mailfrom=client.example;\r\n dmarc=pass(p=NONE) header.from=client.example;"}, passed},
		"ICloud": {"icloud.com", []string{
			"bimi.icloud.com; bimi=skipped reason=\"insufficient dmarc\"",
			"dmarc.icloud.com; dmarc=pass header.from=client.example",
			"dkim-verifier.icloud.com; dkim=pass (2048-bit key) header.d=client.example header.i=@client.example header.b=xyz",
			"spf.icloud.com; spf=pass (spf.icloud.com: domain of a@client.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=a@client.example",
		}, passed},
		"Fastmail": {"messagingengine.com", []string{
			"mx5.messagingengine.com; dkim=pass (2048-bit rsa key sha256) header.d=client.example header.i=@client.example header.b=aBc; dmarc=pass policy.published-domain-policy=none header.from=client.example; spf=pass smtp.mailfrom=a@client.example smtp.helo=out.example",
			"mx5.messagingengine.com; x-csa=none; x-ptr=pass smtp.helo=out.example",
		}, passed},
		"GMX": {"gmx.net", []string{"gmx.net; dkim=pass header.i=@client.example; spf=pass smtp.mailfrom=client.example; dmarc=pass header.from=client.example"}, passed},
		"OpenDKIMAndOpenDMARC": {"mx.agency.example", []string{
			"mx.agency.example; dmarc=pass (p=quarantine dis=none) header.from=client.example",
			"mx.agency.example; spf=pass smtp.mailfrom=client.example",
			"mx.agency.example;\r\n\tdkim=pass (2048-bit key; unprotected) header.d=client.example header.i=@client.example header.a=rsa-sha256",
		}, passed},
		"Rspamd":                  {"mx.agency.example", []string{"mx.agency.example;\r\n\tdkim=pass header.d=client.example header.s=s1;\r\n\tspf=pass (mx: domain designates 192.0.2.1) smtp.mailfrom=a@client.example;\r\n\tdmarc=pass (policy=none) header.from=client.example"}, passed},
		"Spaced":                  {"mx.agency.example", []string{"mx.agency.example 1; spf = pass smtp.mailfrom = client.example; dkim/1=pass header.d=client.example; DMARC=Pass header.from=Client.Example"}, passed},
		"Quoted":                  {"mx.agency.example", []string{`mx.agency.example; spf=pass reason="a; dmarc=fail" smtp.mailfrom="client.example"; dkim=pass header.d=client.example; dmarc=pass header.from=client.example`}, passed},
		"NestedComment":           {"mx.agency.example", []string{`mx.agency.example; spf=pass (a (b; dmarc=fail) \) ; c) smtp.mailfrom=client.example; dkim=pass header.d=client.example; dmarc=pass header.from=client.example`}, passed},
		"SignatureOfSender":       {"mx", []string{"mx; dkim=pass header.d=esp.example; dkim=pass header.d=client.example; dkim=fail header.d=list.example"}, results{dkim: of("pass", "client.example")}},
		"SignatureOfService":      {"mx", []string{"mx; dkim=fail header.d=client.example; dkim=pass header.d=esp.example"}, results{dkim: of("pass", "esp.example")}},
		"NothingIsSigned":         {"mx", []string{"mx; none"}, results{}},
		"OtherReceiver":           {"mx.agency.example", []string{"mx.other.example; spf=pass; dkim=pass; dmarc=pass"}, results{}},
		"NameEndsLikeTheReceiver": {"agency.example", []string{"evilagency.example; spf=pass; dkim=pass; dmarc=pass"}, results{}},
		"HeaderWithoutReceiver":   {"mx.agency.example", []string{"spf=pass; dkim=pass; dmarc=pass"}, results{}},
		"NameAtMicrosoft":         {"", []string{"mx.forged.example; dmarc=pass"}, results{}},
		"ForgedBelow": {"mx", []string{
			"mx; dmarc=fail header.from=client.example", "mx; spf=none smtp.mailfrom=client.example; dkim=none",
			"mx; spf=pass smtp.mailfrom=client.example; dkim=pass header.d=client.example; dmarc=pass header.from=client.example",
		}, results{of("none", "client.example"), of("none", ""), of("fail", "client.example")}},
		"ForgedWithAnotherName": {"mx", []string{"forged; dmarc=pass", "mx; dmarc=fail header.from=client.example"}, results{dmarc: of("fail", "client.example")}},
		"Hostile":               {"mx", []string{"mx; dmarc=pa\x1b[31mss header.from=cli\x1b[31ment.example"}, results{dmarc: of("", "client.example")}},
	} {
		t.Run(name, func(t *testing.T) {
			_, spf, dkim, dmarc := authenticate(tt.headers, tt.receiver, "client.example")
			if got := (results{spf, dkim, dmarc}); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}
