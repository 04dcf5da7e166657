package provider_test

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// connection configures data.smtp_connection.test. A later map overrides an earlier one, and "" omits an argument.
func connection(all ...arguments) string {
	merged := arguments{}
	for _, some := range all {
		maps.Copy(merged, some)
	}
	var b strings.Builder
	b.WriteString("data \"smtp_connection\" \"test\" {\n")
	for name, value := range merged {
		if value != "" {
			fmt.Fprintf(&b, "  %s = %s\n", name, value)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// to returns the arguments for a server with a certificate of that authority.
func to(host string, port int, encryption site.Encryption, ca []byte) arguments {
	return arguments{"host": hcl(host), "port": number(port), "encryption": hcl(string(encryption)), "ca_certificate": hcl(string(ca))}
}

// saw expects a value of data.smtp_connection.test.
func saw(attribute string, check knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue("data.smtp_connection.test", path(attribute), check)
}

func exactly(values ...string) knownvalue.Check {
	var checks []knownvalue.Check
	for _, v := range values {
		checks = append(checks, knownvalue.StringExact(v))
	}
	return knownvalue.ListExact(checks)
}

// stagesOf returns the stages before the login, for an IP address.
var stagesOf = map[site.Encryption][]string{
	site.STARTTLS:     {"connect", "banner", "ehlo", "starttls", "tls", "ehlo"},
	site.TLS:          {"connect", "tls", "banner", "ehlo"},
	site.NoEncryption: {"connect", "banner", "ehlo"},
}

func TestAccConnection(t *testing.T) {
	t.Parallel()
	ends := time.Now().Add(72 * time.Hour).UTC().Truncate(time.Second)
	for encryption, stages := range stagesOf {
		t.Run(string(encryption), func(t *testing.T) {
			server := smtptest.Start(t, smtptest.Config{
				Encryption:      encryption,
				Users:           map[string]secret.Text{mailbox: secret.New(password)},
				MaxMessageBytes: 4242,
				Leaf:            smtptest.Leaf{NotAfter: ends},
			})
			var passed []knownvalue.Check
			for _, stage := range stages {
				passed = append(passed, knownvalue.ObjectPartial(map[string]knownvalue.Check{"stage": knownvalue.StringExact(stage)}))
			}
			checks := []statecheck.StateCheck{
				saw("ok", knownvalue.Bool(true)),
				saw("failure", knownvalue.Null()),
				saw("addresses", exactly("127.0.0.1")),
				saw("remote_address", knownvalue.StringExact(fmt.Sprintf("127.0.0.1:%d", server.Port()))),
				saw("helo_name", knownvalue.StringExact("client.example.com")),
				saw("banner", knownvalue.StringRegexp(regexp.MustCompile("ESMTP"))),
				saw("auth_mechanisms", exactly("PLAIN", "LOGIN")),
				saw("size_limit", knownvalue.Int64Exact(4242)),
				saw("stages", knownvalue.ListExact(passed)),
			}
			if encryption == site.NoEncryption {
				checks = append(checks,
					saw("starttls", knownvalue.Bool(false)),
					saw("tls_version", knownvalue.Null()),
					saw("certificate", knownvalue.Null()),
					saw("text", knownvalue.StringExact(fmt.Sprintf("127.0.0.1: port %d can be used from this machine with encryption = \"none\".", server.Port()))),
				)
			} else {
				starttls := knownvalue.Check(knownvalue.Null())
				if encryption == site.STARTTLS {
					starttls = knownvalue.Bool(true)
				}
				checks = append(checks,
					saw("starttls", starttls),
					saw("tls_version", knownvalue.StringExact("TLS 1.3")),
					saw("certificate", knownvalue.ObjectPartial(map[string]knownvalue.Check{
						"names":     exactly("localhost", "127.0.0.1", "::1"),
						"issuer":    knownvalue.StringExact("CN=smtptest CA"),
						"not_after": knownvalue.StringExact(ends.Format(time.RFC3339)),
						"trusted":   knownvalue.Bool(true),
					})),
					saw("text", knownvalue.StringRegexp(regexp.MustCompile(`can be used .* The certificate expires on `+ends.Format(time.DateOnly)+`\.$`))),
				)
			}
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{{
					Config:            connection(to("127.0.0.1", server.Port(), encryption, server.CAPEM()), arguments{"helo_name": hcl("client.example.com")}),
					ConfigStateChecks: checks,
				}},
			})
			if got := server.Counters(); got.Logins > 0 || got.Messages > 0 {
				t.Errorf("the data source logged in or sent mail: %+v", got)
			}
		})
	}
}

func TestAccConnectionFails(t *testing.T) {
	t.Parallel()
	ended := smtptest.Leaf{NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
	good := smtptest.Start(t, smtptest.Config{})
	withoutTLS := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption})
	expired := smtptest.Start(t, smtptest.Config{Leaf: ended})
	another := smtptest.Start(t, smtptest.Config{Leaf: smtptest.Leaf{Names: []string{"mail.example.com"}}})
	refusing := smtptest.StartScript(t, func(p *smtptest.Peer) { p.Say("554 5.3.2 No\x1b[2J SMTP service here") })
	fussy := smtptest.StartScript(t, func(p *smtptest.Peer) {
		p.Say("220 ready")
		p.Answer("550 5.1.8 Sender address rejected: Domain not found")
	})
	silent := smtptest.StartScript(t, (*smtptest.Peer).Wait)
	for name, c := range map[string]struct {
		to                          arguments
		stage, id, attribute, reply string
		certificate                 bool
	}{
		"NothingListens":     {to: to("127.0.0.1", closedPort(t), site.TLS, nil), stage: "connect", id: "connect-refused", attribute: "port"},
		"NoSTARTTLS":         {to: to("127.0.0.1", withoutTLS.Port(), site.STARTTLS, nil), stage: "starttls", id: "starttls-not-offered", attribute: "encryption"},
		"NoImplicitTLS":      {to: to("127.0.0.1", good.Port(), site.TLS, nil), stage: "tls", id: "tls-on-plaintext-port", attribute: "encryption"},
		"UnknownAuthority":   {to: to("127.0.0.1", good.Port(), site.STARTTLS, nil), stage: "tls", id: "tls-cert-unknown-authority", attribute: "host", certificate: true},
		"CertificateExpired": {to: to("127.0.0.1", expired.Port(), site.STARTTLS, expired.CAPEM()), stage: "tls", id: "tls-cert-expired", attribute: "host", certificate: true},
		"AnotherServerName":  {to: to("localhost", another.Port(), site.STARTTLS, another.CAPEM()), stage: "tls", id: "tls-cert-host-mismatch", attribute: "host", certificate: true},
		"ServerRefuses":      {to: to("127.0.0.1", refusing.Port(), site.NoEncryption, nil), stage: "banner", id: "greeting-no-service", attribute: "host", reply: "554 5.3.2 No SMTP service here"},
		"SenderSetting":      {to: to("127.0.0.1", fussy.Port(), site.NoEncryption, nil), stage: "ehlo", id: "any-5xx", reply: "550 5.1.8 Sender address rejected: Domain not found"},
		"ServerIsSilent":     {to: arguments{"host": `"127.0.0.1"`, "port": number(silent.Port()), "encryption": `"none"`, "timeout": `"100ms"`}, stage: "banner", id: "banner-timeout-implicit-tls", attribute: "encryption"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate := knownvalue.Check(knownvalue.Null())
			if c.certificate {
				certificate = knownvalue.ObjectPartial(map[string]knownvalue.Check{"trusted": knownvalue.Bool(false)})
			}
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: factories,
				Steps: []resource.TestStep{{
					Config: connection(c.to),
					ConfigStateChecks: []statecheck.StateCheck{
						saw("ok", knownvalue.Bool(false)),
						saw("failure", knownvalue.ObjectPartial(map[string]knownvalue.Check{
							"stage":     knownvalue.StringExact(c.stage),
							"reply":     orNull(c.reply),
							"id":        knownvalue.StringExact(c.id),
							"attribute": orNull(c.attribute),
						})),
						saw("certificate", certificate),
						saw("text", knownvalue.StringRegexp(regexp.MustCompile(`(?s)^(127\.0\.0\.1|localhost): .*\n\n +Tried  From this machine.* Details  `))),
					},
				}},
			})
		})
	}
}

// orNull expects null for "".
func orNull(s string) knownvalue.Check {
	if s == "" {
		return knownvalue.Null()
	}
	return knownvalue.StringExact(s)
}

// closedPort returns a port on which nothing listens.
func closedPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().(*net.TCPAddr).Port
}

func TestAccConnectionToPreset(t *testing.T) {
	t.Parallel()
	server := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption})
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{ // a preset whose host is this machine
				Config: connection(arguments{"preset": hcl("mailpit"), "port": number(server.Port())}),
				ConfigStateChecks: []statecheck.StateCheck{
					saw("ok", knownvalue.Bool(true)),
					saw("host", knownvalue.StringExact("localhost")),
					saw("encryption", knownvalue.StringExact("none")),
				},
			},
			{ // a host that is known only after another resource was created is probed in the apply
				Config: `resource "terraform_data" "server" { input = "127.0.0.1" }` + "\n" +
					connection(arguments{"host": "terraform_data.server.output", "port": number(server.Port()), "encryption": hcl("none")}),
				ConfigStateChecks: []statecheck.StateCheck{saw("ok", knownvalue.Bool(true))},
			},
		},
	})
}

func TestAccConnectionRefused(t *testing.T) {
	t.Parallel()
	server := smtptest.Start(t, smtptest.Config{})
	good := to("127.0.0.1", server.Port(), site.STARTTLS, nil)
	var steps []resource.TestStep
	for _, refused := range []struct {
		wrong arguments
		says  string
	}{
		{arguments{"host": ""}, `Set\s+host`},
		{arguments{"port": "", "encryption": ""}, `Set\s+port`},
		{arguments{"host": hcl("smtp://mail.example.com")}, `host:`},
		{arguments{"host": `" "`}, `host:`},
		{arguments{"port": "0"}, `between 1 and 65535`},
		{arguments{"encryption": hcl("ssl")}, `"starttls" "tls" "none"`},
		{arguments{"preset": hcl("gmial")}, `Did you\s+mean\s+"gmail"`},
		{arguments{"preset": hcl("gmail"), "region": hcl("mars")}, `Preset has no such region`},
		{arguments{"region": hcl("eu-west-1")}, `preset`},
		{arguments{"helo_name": hcl("a b")}, `helo_name:`},
		{arguments{"timeout": hcl("soon")}, `timeout:`},
		{arguments{"timeout": hcl("1ms")}, `timeout:`},
		{arguments{"ca_certificate": hcl("none")}, `ca_certificate:\s+contains\s+no\s+certificate`},
	} {
		steps = append(steps, resource.TestStep{Config: connection(good, refused.wrong), PlanOnly: true, ExpectError: regexp.MustCompile(refused.says)})
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories, Steps: steps})
	if got := server.Counters(); got.Connections != 0 {
		t.Errorf("the server was reached: %+v", got)
	}
}

// TestAccConnectionInConditions: as documented, a check block warns, a postcondition stops the run, and text works in both.
func TestAccConnectionInConditions(t *testing.T) {
	t.Parallel()
	server := smtptest.Start(t, smtptest.Config{Leaf: smtptest.Leaf{NotAfter: time.Now().Add(20 * 24 * time.Hour)}})
	checks := `
check "submission_server" {
  assert {
    condition     = data.smtp_connection.test.ok
    error_message = data.smtp_connection.test.text
  }
  assert {
    condition     = try(timecmp(timeadd(plantimestamp(), "DAYS"), data.smtp_connection.test.certificate.not_after) < 0, true)
    error_message = data.smtp_connection.test.text
  }
}
`
	ws := newWorkspace(t, "")
	good, unreachable := to("127.0.0.1", server.Port(), site.STARTTLS, server.CAPEM()), to("127.0.0.1", closedPort(t), site.TLS, nil)
	for _, c := range []struct {
		name, config string
		ok           bool
		says         []string
		warnings     int
	}{
		{"NoWarning", connection(good) + strings.ReplaceAll(checks, "DAYS", "456h"), true, nil, 0},
		{"CertificateExpiresSoon", connection(good) + strings.ReplaceAll(checks, "DAYS", "504h"), true, []string{"The certificate expires on"}, 1},
		{"Unreachable", connection(unreachable) + strings.ReplaceAll(checks, "DAYS", "504h"), true, []string{"127.0.0.1: ", "\n       Tried  From this machine"}, 1},
		{"Postcondition", connection(unreachable) + `
data "smtp_connection" "needed" {
  host       = "127.0.0.1"
  port       = data.smtp_connection.test.port
  encryption = "tls"
  lifecycle {
    postcondition {
      condition     = self.ok
      error_message = self.text
    }
  }
}
`, false, []string{"Resource postcondition failed", "Tried  From this machine"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			ws.configure(c.config)
			out, ok := ws.run("apply", "-auto-approve", "-no-color")
			if ok != c.ok || strings.Count(out, "Warning: Check block assertion failed") != c.warnings {
				t.Errorf("succeeded: %t, want %t with %d warnings:\n%s", ok, c.ok, c.warnings, out)
			}
			for _, says := range c.says {
				if !strings.Contains(out, says) {
					t.Errorf("%q is not in:\n%s", says, out)
				}
			}
		})
	}
}
