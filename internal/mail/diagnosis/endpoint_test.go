package diagnosis

import (
	"strings"
	"testing"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

const (
	silence   = "read tcp 192.0.2.1:40690->192.0.2.7:587: i/o timeout"
	plaintext = "tls: first record does not look like a TLS handshake"
	dropped   = "dial tcp 192.0.2.7:587: i/o timeout"
	closed    = "dial tcp 192.0.2.7:25: connect: connection refused"
)

func TestPortAndEncryption(t *testing.T) {
	stripped := "smtp: server doesn't support STARTTLS"
	needsTLS := refused(site.StageMail, 530, "5.7.0 Must issue a STARTTLS command first")
	for name, test := range map[string]struct {
		result     site.TestResult
		host       string
		port       int
		encryption site.Encryption
		id         string
		attribute  string
		says       []string
	}{
		"TLSOnAPortOfSTARTTLS":          {failed(site.StageTLS, plaintext), "mail.example.com", 587, site.TLS, "tls-on-plaintext-port", "encryption", []string{`Set encryption to "starttls"`, "port 587"}},
		"TLSOnAPortOfSTARTTLSAtGmail":   {failed(site.StageTLS, plaintext), "smtp.gmail.com", 587, site.TLS, "tls-on-plaintext-port", "encryption", []string{`Set encryption to "starttls"`}},
		"TLSOnAnUnknownPort":            {failed(site.StageTLS, plaintext), "mail.example.com", 1587, site.TLS, "tls-on-plaintext-port", "encryption", []string{"Set encryption to starttls"}},
		"TLSOnAPortGmailDoesNotServe":   {failed(site.StageTLS, plaintext), "smtp.gmail.com", 25, site.TLS, "tls-on-plaintext-port", "encryption", []string{"Set port to 465 and encryption to \"tls\", where Gmail accepts mail"}},
		"STARTTLSOnAPortOfTLS":          {failed(site.StageBanner, silence), "mail.example.com", 465, site.STARTTLS, "banner-timeout-implicit-tls", "encryption", []string{`Set encryption to "tls"`, "port 465", "first byte"}},
		"NoEncryptionOnATLSPort":        {failed(site.StageBanner, "EOF"), "mail.example.com", 465, site.NoEncryption, "banner-eof", "encryption", []string{`Set encryption to "tls"`}},
		"SilenceThoughThePairIsRight":   {failed(site.StageBanner, silence), "mail.example.com", 587, site.STARTTLS, connectionCut, "", []string{`port 465 with encryption "tls"`}},
		"SilenceOnAClearTextRelay":      {failed(site.StageBanner, silence), "mail.example.com", 25, site.NoEncryption, connectionCut, "", nil},
		"HandshakeCutOnTheRightPort":    {failed(site.StageTLS, "EOF"), "smtp.gmail.com", 465, site.TLS, connectionCut, "", []string{`port 587 with encryption "starttls"`}},
		"STARTTLSNotOfferedOnTLSPort":   {failed(site.StageSTARTTLS, stripped), "mail.example.com", 465, site.STARTTLS, "starttls-not-offered", "encryption", []string{`Set encryption to "tls"`}},
		"STARTTLSNotOfferedWhereItIs":   {failed(site.StageSTARTTLS, stripped), "mail.example.com", 587, site.STARTTLS, "starttls-not-offered", "encryption", []string{"inside a private network only"}},
		"EncryptionIsNeeded":            {needsTLS, "mail.example.com", 587, site.NoEncryption, "starttls-required-530", "encryption", []string{`Set encryption to "starttls"`}},
		"EncryptionIsNeededOnPort465":   {needsTLS, "mail.example.com", 465, site.NoEncryption, "starttls-required-530", "encryption", []string{`Set encryption to "tls"`}},
		"SpectrumTakesBothOnOnePort":    {failed(site.StageTLS, "EOF"), "mobile.charter.net", 587, site.TLS, connectionCut, "", nil},
		"SomethingElseListens":          {failed(site.StageBanner, `short response: "* OK IMAP4rev1 ready"`), "smtp.gmail.com", 993, site.STARTTLS, "banner-not-smtp", "port", []string{"Set port to 465"}},
		"SomethingElseListensSomewhere": {failed(site.StageBanner, `short response: "* OK IMAP4rev1 ready"`), "mail.example.com", 993, site.STARTTLS, "banner-not-smtp", "port", []string{"993, 995"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := Of(test.result, site.Settings{Host: test.host, Port: test.port, Encryption: test.encryption})
			if d.ID != test.id || d.Attribute != test.attribute {
				t.Errorf("got %q, %q", d.ID, d.Attribute)
			}
			contains(t, d.Remedy, test.says...)
		})
	}
}

func TestNetworkOrSettings(t *testing.T) {
	for name, test := range map[string]struct {
		err       string
		host      string
		port      int
		id        string
		attribute string
		says      []string
	}{
		"DroppedWhereTheServiceListens": {dropped, "smtp.gmail.com", 587, connectBlocked, "", []string{"Gmail accepts mail at smtp.gmail.com:587", `port 465 with encryption "tls"`}},
		"RefusedWhereTheServiceListens": {closed, "smtp.gmail.com", 465, connectBlocked, "", []string{"outgoing TCP to port 465"}},
		"DroppedInARegionOfTheService":  {dropped, "smtp.eu.mailgun.org", 587, connectBlocked, "", []string{"Mailgun"}},
		"DroppedWhereItDoesNotListen":   {dropped, "smtp.gmail.com", 2525, "connect-timeout", "port", []string{"Set port to 465"}},
		"DroppedInARegionOfOracle":      {dropped, "smtp.email.mx-queretaro-1.oci.oraclecloud.com", 587, connectBlocked, "", []string{"outgoing TCP to port 587"}},
		"DroppedInARegionOfAmazon":      {dropped, "email-smtp.ap-southeast-3.amazonaws.com", 587, connectBlocked, "", []string{"outgoing TCP to port 587"}},
		"DroppedInACountryOfIonos":      {dropped, "smtp.ionos.es", 465, connectBlocked, "", []string{"outgoing TCP to port 465"}},
		"DroppedInACountryOfZoho":       {dropped, "smtp.zoho.ae", 465, connectBlocked, "", []string{"outgoing TCP to port 465"}},
		"WrongPortInARegionOfOracle":    {dropped, "smtp.email.mx-queretaro-1.oci.oraclecloud.com", 26, "connect-timeout", "port", []string{"Set port to 587 and"}},
		"DroppedWithATrailingDot":       {dropped, "smtp.gmail.com.", 587, connectBlocked, "", []string{"outgoing TCP to port 587"}},
		"DroppedAtAHostOfOneCustomer":   {dropped, "example-com.mail.protection.outlook.com", 587, "connect-timeout", "port", []string{"Set host to smtp.office365.com"}},
		"DroppedAtAnotherPortOfMailjet": {dropped, "in-v3.mailjet.com", 2525, connectBlocked, "", []string{"outgoing TCP to port 2525"}},
		"DroppedAtMicrosoftInChina":     {dropped, "smtp.partner.outlook.cn", 587, connectBlocked, "", []string{"outgoing TCP to port 587"}},
		"DroppedAtAFormerName":          {dropped, "smtp.1and1.com", 465, "connect-timeout", "port", []string{"Set host to smtp.ionos.com, port to 465"}},
		"DroppedAtAnUnknownHost":        {dropped, "mail.example.com", 587, "connect-timeout", "port", []string{"Check host and port"}},
		"Port25OfAServiceThatHasIt":     {"dial tcp 192.0.2.7:25: i/o timeout", "email-smtp.eu-west-1.amazonaws.com", 25, "connect-port25-timeout", "port", []string{"Set port to 465"}},
		"Port25Dropped":                 {"dial tcp 192.0.2.7:25: i/o timeout", "mail.example.com", 25, "connect-port25-timeout", "port", []string{"587"}},
		"Port25Refused":                 {closed, "mail.example.com", 25, connectBlocked, "port", []string{"587"}},
		"Port25RefusedOnThisMachine":    {closed, "localhost", 25, "connect-refused", "port", []string{"localhost"}},
		"Port25RefusedOnLoopback":       {closed, "127.0.0.1", 25, "connect-refused", "port", nil},
		"Port25RefusedOnLOCALHOST":      {closed, "LOCALHOST", 25, "connect-refused", "port", nil},
		"Port25RefusedWithAFinalDot":    {closed, "localhost.", 25, "connect-refused", "port", nil},
		"Port25RefusedOnMappedLoopback": {closed, "::ffff:127.0.0.1", 25, "connect-refused", "port", nil},
		"NoRouteToAnyHost":              {"dial tcp [2001:db8::1]:587: connect: network is unreachable", "mail.example.com", 587, "connect-no-route", "host", nil},
		"NoRouteToAHostKnownToBeRight":  {"dial tcp [2001:db8::1]:587: connect: network is unreachable", "smtp.gmail.com", 587, "connect-no-route", "", []string{"smtp.gmail.com is the right host for Gmail"}},
		"NoIPv6":                        {"dial tcp [2001:db8::1]:587: connect: cannot assign requested address", "smtp.gmail.com", 587, "connect-no-ipv6", "", []string{"IPv4"}},
		"ForbiddenOnTheSendingMachine":  {"dial tcp 192.0.2.7:587: connect: operation not permitted", "smtp.gmail.com", 587, "connect-not-permitted", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := Of(failed(site.StageConnect, test.err), site.Settings{Host: test.host, Port: test.port, Encryption: site.STARTTLS})
			if d.ID != test.id || d.Attribute != test.attribute {
				t.Errorf("got %q, %q", d.ID, d.Attribute)
			}
			contains(t, d.Cause+" "+d.Remedy, test.says...)
		})
	}
}

func TestNamesKnownToBeRight(t *testing.T) {
	for _, err := range []string{
		"lookup smtp.gmail.com on 127.0.0.11:53: no such host",
		"dial tcp: lookup smtp.gmail.com on 127.0.0.53:53: server misbehaving",
		"getaddrinfo ENOTFOUND smtp.gmail.com",
		"getaddrinfo EAI_AGAIN smtp.gmail.com",
		"php_network_getaddresses: getaddrinfo failed: Temporary failure in name resolution",
		"lookup smtp.gmail.com: i/o timeout",
		"the moon was full",
	} {
		for host, attribute := range map[string]string{"smtp.gmail.com": "", "smtp.gmial.example": "host"} {
			d := Of(failed(site.StageDNS, err), site.Settings{Host: host, Port: 587, Encryption: site.STARTTLS})
			if strings.Contains(err, "i/o timeout") {
				attribute = ""
			}
			if d.Attribute != attribute || !strings.Contains(d.Cause+d.Remedy, "machine") {
				t.Errorf("%s at %s: got %+v", err, host, d)
			}
			if host == "smtp.gmail.com" && strings.Contains(d.Remedy, "Check the spelling") {
				t.Errorf("%s: %s", err, d.Remedy)
			}
		}
	}
}
