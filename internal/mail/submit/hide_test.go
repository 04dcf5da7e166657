package submit_test

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// A caller who tests what is saved could otherwise try recipients until a part of one comes back as stars.
func TestARecipientIsNotComparedWithThePassword(t *testing.T) {
	for name, c := range map[string]struct{ password, recipient, repeated string }{
		"Whole":                  {"correct-horse", "correct-horse@example.com", "<correct-horse@example.com>"},
		"LocalPart":              {"correct-horse", "correct-horse@example.com", "correct-horse"},
		"Lowered":                {"correct-horse", "Correct-Horse@example.com", "<correct-horse@EXAMPLE.com>"},
		"BeforeTheTag":           {"correct-horse", "ops+correct-horse@example.com", "ops+correct-horse"},
		"Tag":                    {"correct-horse", "ops+correct-horse@example.com", "correct-horse"},
		"Domain":                 {"correct-horse.example", "ops@correct-horse.example", "correct-horse.example"},
		"WithinADomain":          {"correct-horse", "ops@mail.correct-horse.example", "<ops@other.example> (was: correct-horse.example)"},
		"InBase64":               {"correct-horse", "correct-horse@example.com", "Y29ycmVjdC1ob3JzZQ=="},
		"FromBase64":             {"correct-horse", "Y29ycmVjdC1ob3JzZQ==@example.com", "correct-horse"},
		"FromPercentEncoding":    {"correct-horse", "correct%2Dhorse@example.com", "correct-horse@example.com"},
		"DomainInPunycode":       {"xn--bcher-kva.example", "ops@bücher.example", "xn--bcher-kva.example"},
		"DomainInUnicode":        {"bücher.example", "ops@bücher.example", "bücher.example"},
		"WholeAddressInPunycode": {"ops@xn--bcher-kva.example", "ops@bücher.example", "<ops@xn--bcher-kva.example>"},
		"InOtherCase":            {"Correct-Horse", "correct-horse@example.com", "Correct-Horse"},
		"EncodedLogin":           {"correct-horse", "correct-horse@example.com", "AHVzZXIAY29ycmVjdC1ob3JzZQ=="},
		"WithAnotherWord":        {"correct-horse", "correct-horse@example.com", "correct-horse battery"},
	} {
		t.Run(name, func(t *testing.T) {
			_, sender, candidate := script(t, site.STARTTLS, until(site.StageRcpt, say("550 5.1.1 "+c.repeated+" is unknown")))
			candidate.Password = secret.New(c.password)
			r := sender.Send(t.Context(), candidate, c.recipient)
			if r.Reply == nil || r.Reply.Text != c.repeated+" is unknown" || r.Recipient != c.recipient {
				t.Errorf("got %+v of %s", r.Reply, r.Recipient)
			}
		})
	}
	t.Run("PartOfThePasswordHidesNothing", func(t *testing.T) {
		_, sender, candidate := script(t, site.STARTTLS, until(site.StageRcpt, say("550 5.1.1 correct-horse is for horse")))
		candidate.Password = secret.New("correct-horse")
		if r := sender.Send(t.Context(), candidate, "horse@example.com"); r.Reply == nil || r.Reply.Text != "[redacted] is for horse" {
			t.Errorf("got %+v", r.Reply)
		}
	})
}

// Whoever reads the result knows the settings: stars in the middle of one would tell that the password is a part of it.
func TestASettingDoesNotTellThePassword(t *testing.T) {
	for name, c := range map[string]struct{ password, repeated string }{
		"PartOfTheUsername": {"shop-mail", "535 5.7.8 authentication failed for shop-mail@example.com"},
		"Username":          {"shop-mail@example.com", "535 5.7.8 authentication failed for shop-mail@example.com"},
		"PartOfTheSender":   {"example.org", "535 5.7.8 you may not send as example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			_, sender, candidate := script(t, site.STARTTLS, until(site.StageAuth, say(c.repeated)))
			candidate.Settings.Username, candidate.Settings.FromAddress = "shop-mail@example.com", "shop@example.org"
			candidate.Password = secret.New(c.password)
			if r := sender.Send(t.Context(), candidate, recipient); r.Reply == nil || r.Reply.String() != c.repeated {
				t.Errorf("got %+v", r.Reply)
			}
		})
	}
}

func TestHiddenAddresses(t *testing.T) {
	const inside = "127.77.0.1"
	answers := map[string]func() ([]netip.Addr, dnsmessage.RCode, bool){
		"relay.example.com.": func() ([]netip.Addr, dnsmessage.RCode, bool) {
			return []netip.Addr{netip.MustParseAddr(inside)}, 0, false
		},
		"broken.example.com.":  func() ([]netip.Addr, dnsmessage.RCode, bool) { return nil, dnsmessage.RCodeServerFailure, false },
		"nothing.example.com.": func() ([]netip.Addr, dnsmessage.RCode, bool) { return nil, dnsmessage.RCodeNameError, false },
	}
	resolver := smtptest.StartResolver(t, func(name string) ([]netip.Addr, dnsmessage.RCode, bool) { return answers[name]() })
	refuse := func(string, string, syscall.RawConn) error { return errNotAllowed }
	closed := closedPort(t)
	for name, c := range map[string]struct {
		host    string
		control func(string, string, syscall.RawConn) error
		want    string
	}{
		"Refused":     {"relay.example.com", refuse, "dial tcp relay.example.com:" + closed + ": not allowed"},
		"Closed":      {"relay.example.com", nil, "dial tcp relay.example.com:" + closed + ": connect: connection refused"},
		"Unknown":     {"nothing.example.com", nil, "dial tcp: lookup nothing.example.com: no such host"},
		"Misbehaving": {"broken.example.com", nil, "dial tcp: lookup broken.example.com: server misbehaving"},
	} {
		t.Run(name, func(t *testing.T) {
			port, _ := strconv.Atoi(closed)
			sender := &submit.Sender{Resolver: resolver, Control: c.control, HideAddresses: true}
			r := sender.Send(t.Context(), candidate(c.host, port, site.STARTTLS), recipient)
			if r.Error != c.want || strings.Contains(r.Error, "127.") {
				t.Errorf("got %q, want %q", r.Error, c.want)
			}
		})
	}
}

type notAllowedError struct{}

func (notAllowedError) Error() string { return "not allowed" }

var errNotAllowed = notAllowedError{}

// closedPort is a port on which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
