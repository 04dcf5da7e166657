package provider_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/test/imaptest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/oauthtest"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

const (
	inboxPassword = "horse staple battery correct"
	receiver      = "mx.agency.example"
)

// receiving is a testbed whose messages go into a mailbox.
type receiving struct {
	*testbed
	imap *imaptest.Server
	// arrives is the folder in which a message arrives, and the receiver's header fields.
	arrives atomic.Pointer[arrives]
	// refuses makes the mailbox close its connections and refuse every login once a message was accepted.
	refuses atomic.Bool
}

type arrives struct{ folder, results string }

func newReceiving(t *testing.T, sites ...string) *receiving {
	t.Helper()
	return newReceivingIn(t, imaptest.Config{}, sites...)
}

// newReceivingIn returns a receiving testbed with a mailbox at a server with this configuration.
func newReceivingIn(t *testing.T, c imaptest.Config, sites ...string) *receiving {
	t.Helper()
	c.Username, c.Password = recipient, secret.New(inboxPassword)
	server, err := imaptest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if changes := server.Seen().Changes; len(changes) > 0 {
			t.Errorf("the mailbox was changed: %v", changes)
		}
	})
	r := &receiving{imap: server}
	r.in("INBOX", "")
	r.testbed = newTestbed(t, smtptest.Config{Taken: func(m smtptest.Message) {
		if r.refuses.Load() {
			server.SetFaults(imaptest.Faults{Login: &imap.Error{Type: imap.StatusResponseTypeNo, Text: "Mailbox is locked"}})
			server.Kick()
		}
		to := r.arrives.Load()
		if err := server.Deliver(to.folder, append([]byte(to.results), m.Data...)); err != nil {
			t.Error(err)
		}
	}}, sites...)
	return r
}

// in makes messages arrive in a folder, with the receiver's results about their sender.
func (r *receiving) in(folder, results string) {
	if results != "" {
		results = "Authentication-Results: " + receiver + "; " + results + "\r\n"
	}
	r.arrives.Store(&arrives{folder, results})
}

// provider configures the provider with the inbox, whose arguments can be overridden.
func (r *receiving) provider(overrides ...string) string {
	inbox := fmt.Sprintf("  test_inbox = {\n    host = \"localhost\"\n    port = %d\n    password = %q\n    authserv_id = %q\n    ca_certificate = %q\n  }\n",
		r.imap.Port(), inboxPassword, receiver, r.imap.CAPEM())
	for i := 0; i < len(overrides); i += 2 {
		inbox = strings.Replace(inbox, overrides[i], overrides[i+1], 1)
	}
	return strings.Replace(r.testbed.provider(), "provider \"smtp\" {\n", "provider \"smtp\" {\n"+inbox, 1)
}

func (r *receiving) config(require string, overrides ...string) string {
	return r.provider(overrides...) + r.resource(arguments{"test": fmt.Sprintf("{ require = %q }", require)})
}

func arrivedInInbox(dmarc string) statecheck.StateCheck {
	result := knownvalue.Check(knownvalue.Null())
	if dmarc != "" {
		result = knownvalue.StringExact(dmarc)
	}
	return statecheck.ExpectKnownValue(settings, path("verification").AtMapKey("arrival"), knownvalue.ObjectPartial(map[string]knownvalue.Check{
		"folder": knownvalue.StringExact("INBOX"), "dmarc": result, "at": knownvalue.NotNull(),
	}))
}

// says matches text regardless of line breaks.
func says(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(text), " ", `[\s│]+`))
}

func TestAccArrival(t *testing.T) {
	t.Parallel()
	r := newReceiving(t, "only")
	holds := func(enabled bool, messages int) func() {
		return func() {
			if state := r.state("only"); state.Enabled != enabled || len(r.smtp.Messages()) != messages {
				t.Errorf("got enabled %t after %d messages, want %t after %d", state.Enabled, len(r.smtp.Messages()), enabled, messages)
			}
		}
	}
	then := func(check func(), folder, results string) func() {
		return func() {
			check()
			r.in(folder, results)
		}
	}
	const passes = "spf=pass smtp.mailfrom=example.com; dkim=pass header.d=example.com; dmarc=pass header.from=example.com"
	const unaligned = "spf=pass smtp.mailfrom=esp.example; dkim=pass header.d=esp.example; dmarc=fail header.from=example.com"
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{PreConfig: then(holds(false, 0), "Junk", ""), Config: r.config("delivered"), ExpectError: says("the test message was accepted, but went to Junk")},
			{PreConfig: holds(false, 1), Config: r.config("delivered", inboxPassword, "wrong"), ExpectError: says("The test inbox cannot be read")},
			{PreConfig: holds(false, 1), Config: r.config("authenticated", receiver, "mx.other.example"), ExpectError: says("The test message arrived in the spam folder")},
			{
				PreConfig: then(holds(false, 2), "INBOX", unaligned), Config: r.config("delivered"),
				ConfigStateChecks: []statecheck.StateCheck{arrivedInInbox("fail")},
			},
			{Config: r.config("delivered"), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}},
			{PreConfig: holds(true, 3), Config: r.config("authenticated"), ExpectError: says("SPF or DKIM passed, but not for the domain of from_address")},
			{
				PreConfig: then(holds(true, 4), "INBOX", passes), Config: r.config("authenticated"),
				ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectUnknownValue(settings, path("verification"))}},
				ConfigStateChecks: []statecheck.StateCheck{arrivedInInbox("pass")},
			},
			{PreConfig: holds(true, 5), Config: r.config("delivered"), ConfigStateChecks: []statecheck.StateCheck{arrivedInInbox("pass")}},
			{PreConfig: holds(true, 5), RefreshState: true},
			{Config: r.config("accepted"), ConfigStateChecks: []statecheck.StateCheck{arrivedInInbox("pass")}},
			{PreConfig: holds(true, 5), Config: r.config("authenticated"), ConfigStateChecks: []statecheck.StateCheck{arrivedInInbox("pass")}},
		},
	})
	holds(false, 5)() // the resource is destroyed, and nothing was sent again
}

func TestAccInboxLostAfterTheSending(t *testing.T) {
	t.Parallel()
	r := newReceiving(t, "only")
	r.refuses.Store(true)
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{{
			Config:      r.config("delivered"),
			ExpectError: says("the test message was accepted, but the test inbox could not be read, so it is not known whether the message arrived"),
		}},
	})
	if state := r.state("only"); state.Enabled || !state.Settings.IsZero() || len(r.smtp.Messages()) != 1 {
		t.Errorf("got %+v after %d messages", state, len(r.smtp.Messages()))
	}
}

// Microsoft's IMAP servers accept only tokens.
func TestAccArrivalWithAToken(t *testing.T) {
	t.Parallel()
	const clientID, clientSecret = "inbox-application", "client secret of the test inbox"
	endpoint := oauthtest.Start(t)
	endpoint.SetApp(clientID, oauthtest.App{Secret: secret.New(clientSecret), Mailboxes: []string{recipient}})
	r := newReceivingIn(t, imaptest.Config{TokensOnly: true, CheckToken: endpoint.Check}, "only")
	login := func(given string) []string {
		return []string{fmt.Sprintf("password = %q", inboxPassword), fmt.Sprintf("oauth2 = {\n token_url = %q\n scopes = [%q]\n client_id = %q\n client_secret = %q\n }",
			endpoint.URL(), oauthtest.Scope, clientID, given)}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			{Config: r.config("delivered", login("wrong")...), ExpectError: says("token endpoint answered 401 invalid_client")},
			{Config: r.config("delivered"), ExpectError: says("The test inbox cannot be read")}, // with the password
			{Config: r.config("delivered", login(clientSecret)...), ConfigStateChecks: []statecheck.StateCheck{arrivedInInbox("")}},
			{
				Config:           r.config("delivered", login(clientSecret)...),
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			},
		},
	})
	if n := len(r.smtp.Messages()); n != 1 {
		t.Errorf("got %d messages, want 1: an unreadable inbox must be noticed before sending", n)
	}
}

func TestAccTokenOfTheInboxRefused(t *testing.T) {
	t.Parallel()
	r := newReceiving(t, "only")
	plans := func(oauth2, refusal string) resource.TestStep {
		return resource.TestStep{
			Config:   r.config("delivered", fmt.Sprintf("password = %q", inboxPassword), "oauth2 = {\n client_id = \"app\"\n"+oauth2+"\n }"),
			PlanOnly: true, ExpectError: says(refusal),
		}
	}
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			plans("client_secret = \"s\"", "test_inbox.oauth2.token_url: is required without tenant."),
			plans("client_secret = \"s\"\n tenant = \"common\"", "test_inbox.oauth2.tenant: requires grant"),
			plans("client_secret = \"s\"\n tenant = \"client.example\"\n token_url = \"https://login.example/token\"", "cannot be combined with token_url. Set one of them."),
			plans("client_secret = \"s\"\n token_url = \"http://login.example/token\"", "must begin with https://"),
			plans("tenant = \"client.example\"", `test_inbox.oauth2.client_secret: is required with grant = "client_credentials".`),
			plans("grant = \"jwt_bearer\"", `test_inbox.oauth2.private_key: is required with grant = "jwt_bearer".`),
			plans("grant = \"refresh_token\"", "value must be one of"),
			{
				Config:   r.config("delivered", fmt.Sprintf("password = %q", inboxPassword), "password = \"p\"\n oauth2 = {\n client_id = \"app\"\n client_secret = \"s\"\n tenant = \"client.example\"\n }"),
				PlanOnly: true, ExpectError: says("cannot be combined with password. Set one of them."),
			},
		},
	})
}

func TestAccRequirementNeedsAnInbox(t *testing.T) {
	t.Parallel()
	r := newReceiving(t, "only")
	plans := func(config, refusal string) resource.TestStep {
		return resource.TestStep{Config: config, PlanOnly: true, ExpectError: says(refusal)}
	}
	required := func(test string) string { return r.resource(arguments{"test": test}) }
	none := r.testbed.provider()
	resource.UnitTest(t, resource.TestCase{
		ProtoV6ProviderFactories: factories,
		Steps: []resource.TestStep{
			plans(none+required(`{ require = "delivered" }`), "Test inbox is missing"),
			plans(r.provider("authserv_id = \""+receiver+"\"", "")+required(`{ require = "authenticated" }`), "Name of the receiving server is missing"),
			plans(r.provider()+required(`{ require = "read" }`), "value must be one of"),
			plans(r.provider()+required(`{ require = "delivered", wait = "1s" }`), "is not a duration of at least 10s"),
			plans(r.provider()+required(`{ require = "delivered", wait = "2h" }`), "is longer than the maximum, 30m0s"),
			plans(r.provider("password = \""+inboxPassword+"\"", "")+required(`{ require = "delivered" }`), "SMTP_TEST_INBOX_PASSWORD"),
			plans(r.provider("host = \"localhost\"", "host = \"imap.example.com\"\n encryption = \"none\"")+required(`{ require = "delivered" }`), "clear text"),
			plans(r.provider("ca_certificate = ", "ca_certificate = \"\" # ")+required(`{ require = "delivered" }`), "contains no certificate"),
		},
	})
	if calls := r.wrote(); len(calls) > 0 || r.imap.Seen().Connections > 0 {
		t.Errorf("got requests %q and IMAP connections %+v, want none", calls, r.imap.Seen())
	}
}

func TestActionSendTestLooksIntoTheInbox(t *testing.T) {
	r := newReceiving(t, "only")
	r.enable("only")
	p := startProtocolWith(t, r.testbed, map[string]any{
		"host": "localhost", "port": r.imap.Port(), "password": inboxPassword, "ca_certificate": string(r.imap.CAPEM()),
	})
	progress, failure := p.invoke(map[string]any{"site": "only", "require": "delivered"})
	if failure != "" || !strings.Contains(strings.Join(progress, "\n"), "arrived in INBOX") {
		t.Errorf("got progress %q and failure %q", progress, failure)
	}
	r.in("Junk", "")
	if _, failure := p.invoke(map[string]any{"site": "only", "require": "delivered"}); !strings.Contains(failure, "accepted, but went to Junk") {
		t.Errorf("got failure %q", failure)
	}
}
