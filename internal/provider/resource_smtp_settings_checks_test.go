package provider_test

import (
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// TestAccSettingsRefused plans configurations that must be refused before the site or a mail server is contacted.
func TestAccSettingsRefused(t *testing.T) {
	t.Parallel()
	tb := newTestbed(t, smtptest.Config{}, "only")
	noEndpoint := arguments{"host": "", "port": "", "encryption": ""}
	preset := func(id string) arguments {
		return arguments{"host": "", "port": "", "encryption": "", "preset": hcl(id)}
	}
	noPassword := arguments{"password_wo": "", "password_wo_version": ""}
	var steps []resource.TestStep
	for _, refused := range []struct {
		overrides []arguments
		says      string
	}{
		{[]arguments{noEndpoint}, `Set host, or set\s+preset`},
		{[]arguments{{"port": "0"}}, `between 1 and 65535`},
		{[]arguments{{"port": "65536"}}, `between 1 and 65535`},
		{[]arguments{{"encryption": hcl("ssl")}}, `"starttls" "tls" "none"`},
		{[]arguments{{"host": hcl("https://smtp.example.com")}}, `host:`},
		{[]arguments{{"host": hcl("smtp.example.com:587")}}, `host:`},
		{[]arguments{{"host": `""`}}, `host string length`},
		{[]arguments{{"password_wo": `""`}}, `password_wo string\s+length`},
		{[]arguments{{"host": hcl("mail.example.com"), "encryption": hcl("none")}}, `Password would be sent in clear text`},
		{[]arguments{preset("gmial")}, `Did you\s+mean "gmail"`},
		{[]arguments{preset("gmail"), {"region": hcl("mars")}}, `Preset has no such region`},
		{[]arguments{preset("outlook")}, `does not accept passwords`},
		{[]arguments{noPassword}, `Password is missing`},
		{[]arguments{{"password_wo_version": ""}}, `password_wo_version`},
		{[]arguments{{"password_wo": ""}}, `password_wo`},
		{[]arguments{{"password": hcl("p")}}, `cannot be specified\s+when`},
		{[]arguments{{"username": ""}}, `A password without a username is\s+never used`},
		{[]arguments{{"username": hcl("mailer")}}, `Set from_address`},
		{[]arguments{{"username": `"a\nb"`, "from_address": hcl(mailbox)}}, `control\s+character`},
		{[]arguments{{"from_address": hcl("a@example.com> SIZE=1")}}, `from_address:`},
		{[]arguments{{"from_address": `"a@example.com\r\nBcc: b@example.com"`}}, `from_address:`},
		{[]arguments{{"from_name": `"Client\r\nBcc: b@example.com"`}}, `from_name:`},
		{[]arguments{{"helo_name": hcl("a b")}}, `helo_name:`},
		{[]arguments{{"test": `{ recipient = "nobody" }`}}, `recipient:`},
		{[]arguments{{"test": `{ retry_for = "soon" }`}}, `retry_for:`},
		{[]arguments{{"on_destroy": hcl("vanish")}}, `on_destroy`},
	} {
		steps = append(steps, resource.TestStep{
			Config:      tb.config(refused.overrides...),
			PlanOnly:    true,
			ExpectError: regexp.MustCompile(refused.says),
		})
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps})
	expect{tb: tb, site: "only"}.now()
	if got := tb.smtp.Counters(); got.Connections != 0 {
		t.Errorf("the mail server was reached: %+v", got)
	}
}

func TestAccSettingsRecipientMissing(t *testing.T) {
	tb := newTestbed(t, smtptest.Config{}, "only")
	provider := `provider "smtp" { url = "` + tb.http.URL + `/only" }` + "\n"
	t.Setenv("SMTP_SITE_TOKEN", tb.tokens["only"])
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: provider + tb.resource(), ExpectError: regexp.MustCompile(`Recipient of the test message is missing`)},
			{Config: provider + tb.resource(arguments{"enabled": "false"})},
		},
	})
}
