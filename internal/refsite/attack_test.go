package refsite_test

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitemail/terraform-provider-smtp/internal/refsite"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// spellings are hosts that lead, or could lead, to addresses that a site must not dial, each with its address.
var spellings = map[string]string{
	// Loopback and this host.
	"127.0.0.1": "127.0.0.1", "127.0.0.2": "127.0.0.2", "127.255.255.254": "127.255.255.254", "0.0.0.0": "0.0.0.0", "0.1.2.3": "0.1.2.3",
	"::1": "::1", "::": "::", "0:0:0:0:0:0:0:1": "::1", "0000:0000:0000:0000:0000:0000:0000:0001": "::1", "::0:1": "::1",
	"localhost": "127.0.0.1", "LOCALHOST": "127.0.0.1", "localhost.": "127.0.0.1", "LocalHost.": "127.0.0.1",
	// IPv4 within IPv6: mapped, translated, compatible, NAT64, 6to4, Teredo.
	"::ffff:127.0.0.1": "::ffff:127.0.0.1", "::ffff:7f00:1": "::ffff:127.0.0.1", "::FFFF:127.0.0.1": "::ffff:127.0.0.1",
	"0:0:0:0:0:ffff:127.0.0.1": "::ffff:127.0.0.1", "::ffff:10.0.0.1": "::ffff:10.0.0.1", "::ffff:169.254.169.254": "::ffff:169.254.169.254",
	"::ffff:0:127.0.0.1": "::ffff:0:7f00:1", "::127.0.0.1": "::7f00:1", "64:ff9b::127.0.0.1": "64:ff9b::7f00:1",
	"64:ff9b::7f00:1": "64:ff9b::7f00:1", "64:ff9b:1::a00:1": "64:ff9b:1::a00:1", "2002:7f00:1::": "2002:7f00:1::", "2001:0:7f00:1::": "2001:0:7f00:1::",
	// Private, shared, unique local.
	"10.0.0.1": "10.0.0.1", "10.255.255.255": "10.255.255.255", "172.16.0.1": "172.16.0.1", "172.31.255.254": "172.31.255.254",
	"192.168.0.1": "192.168.0.1", "100.64.0.1": "100.64.0.1", "198.18.0.1": "198.18.0.1", "fc00::1": "fc00::1", "fd00::1": "fd00::1",
	// Link-local and cloud metadata services.
	"169.254.169.254": "169.254.169.254", "169.254.0.1": "169.254.0.1", "fe80::1": "fe80::1", "fd00:ec2::254": "fd00:ec2::254",
	"192.0.0.192": "192.0.0.192", "100.100.100.200": "100.100.100.200",
	// Multicast, broadcast, reserved, site-local.
	"224.0.0.1": "224.0.0.1", "255.255.255.255": "255.255.255.255", "240.0.0.1": "240.0.0.1", "ff02::1": "ff02::1", "fec0::1": "fec0::1",
	// Numbers: decimal, octal, hexadecimal, short, mixed, overflowing.
	"2130706433": "127.0.0.1", "017700000001": "127.0.0.1", "0x7f000001": "127.0.0.1", "0177.0.0.1": "127.0.0.1", "0x7f.0.0.1": "127.0.0.1",
	"127.1": "127.0.0.1", "127.0.1": "127.0.0.1", "0": "0.0.0.0", "0x7f.1": "127.0.0.1", "127.0.0.01": "127.0.0.1", "127.0.0.1.": "127.0.0.1",
	"4294967297": "127.0.0.1", "0xa9.0xfe.0xa9.0xfe": "169.254.169.254", "2852039166": "169.254.169.254",
	// Zones, brackets, digits and dots of other scripts, and other disguises of a host.
	"fe80::1%eth0": "fe80::1", "fe80::1%25eth0": "fe80::1", "::1%lo": "::1", "[::1]": "::1", "①②⑦.⓪.⓪.①": "127.0.0.1",
	"127。0。0。1": "127.0.0.1", "１２７.０.０.１": "127.0.0.1", "ⓛocalhost": "127.0.0.1", "127.0.0.1#.example.com": "127.0.0.1", "a@127.0.0.1": "127.0.0.1",
	"127.0.0.1\x00.example.com": "127.0.0.1", "127.0.0.1:25": "127.0.0.1", "127.0.0.1/": "127.0.0.1", "127.0.0.1 .example.com": "127.0.0.1",
}

// nameServer is a DNS server whose answers can be changed.
type nameServer struct {
	mu      sync.Mutex
	answers map[string][]netip.Addr
}

func (n *nameServer) set(name string, addresses ...netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[name+"."] = addresses
}

func (n *nameServer) answer(name string) ([]netip.Addr, dnsmessage.RCode, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if addresses, ok := n.answers[strings.ToLower(name)]; ok {
		return addresses, dnsmessage.RCodeSuccess, false
	}
	return nil, dnsmessage.RCodeNameError, false
}

// startDNS makes the system's resolver ask a DNS server of this test.
func startDNS(t *testing.T) *nameServer {
	t.Helper()
	n := &nameServer{answers: map[string][]netip.Addr{}}
	before := net.DefaultResolver
	net.DefaultResolver = smtptest.StartResolver(t, n.answer)
	t.Cleanup(func() { net.DefaultResolver = before })
	return n
}

// Only the address that is dialled counts, whatever the spelling and whatever a name resolved to before. The allowed network is that of
// an internal relay, on which the test's mail server listens.
func TestForbiddenAddresses(t *testing.T) {
	if len(spellings) < 60 {
		t.Fatalf("got only %d spellings", len(spellings))
	}
	relay := netip.MustParseAddr("127.77.0.1")
	w := start(t, func(c *refsite.Config) {
		c.TestBurst, c.AllowNetworks = 1000, []netip.Prefix{netip.PrefixFrom(relay, 24).Masked()}
	})
	dns := startDNS(t)
	inside := smtptest.Start(t, smtptest.Config{Encryption: site.NoEncryption, Address: "0.0.0.0:0"})
	dns.set("localhost", netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"))
	c := w.quickSite("client-a")
	test := func(host string) answer {
		settings := w.settings(object{"host": host, "port": inside.Port(), "encryption": "none", "username": ""})
		return c.test(object{"settings": settings, "recipient": recipient})
	}
	address := regexp.MustCompile(`\d+\.\d+\.\d+\.\d+|[0-9a-f]*::`)
	refused := func(t *testing.T, host string, got answer) {
		t.Helper()
		if got.status == http.StatusUnprocessableEntity {
			got.want(t, http.StatusUnprocessableEntity, "invalid")
			equal(t, got.object["field"], any("host"))
			return
		}
		text, _ := got.want(t, http.StatusOK, "").object["error"].(string)
		if got.object["status"] != "failed" || got.object["stage"] != "connect" || !strings.Contains(text, "address is not public") || address.MatchString(strings.ReplaceAll(text, host, "HOST")) {
			t.Errorf("%q: %s", host, got.raw)
		}
	}
	for i, spelling := range slices.Sorted(maps.Keys(spellings)) {
		address := netip.MustParseAddr(spellings[spelling])
		connections := inside.Counters().Connections
		t.Run(fmt.Sprintf("R31_Literal_%q", spelling), func(t *testing.T) {
			refused(t, spelling, test(spelling))
		})
		name := fmt.Sprintf("host-%d.example.com", i)
		t.Run(fmt.Sprintf("R31_DNS_%q", spelling), func(t *testing.T) {
			dns.set(name, address)
			refused(t, name, test(name))
			refused(t, name, test(name+"."))
		})
		if n := inside.Counters().Connections; n != connections {
			t.Errorf("%q: got %d connections", spelling, n-connections)
		}
		t.Run(fmt.Sprintf("R31_Rebinding_%q", spelling), func(t *testing.T) {
			dns.set(name, relay)
			if got := test(name).want(t, http.StatusOK, ""); got.object["status"] != "passed" {
				t.Errorf("the test through the allowed relay failed: %s", got.raw)
			}
			dns.set(name, address)
			refused(t, name, test(name))
		})
		if n := inside.Counters().Connections; n != connections+1 {
			t.Errorf("%q: got %d connections, want only that of the relay", spelling, n-connections)
		}
	}
}

// hostile are characters that end a line, a string or an address.
var hostile = map[string]string{"CR": "\r", "LF": "\n", "CRLF": "\r\n", "NUL": "\x00", "Greater": ">", "LineSeparator": "\u2028", "NextLine": "\u0085"}

// Commands and headers cannot be injected into any field, at any position.
func TestInjection(t *testing.T) {
	w := start(t, func(c *refsite.Config) { c.TestBurst = 1000 })
	c := w.quickSite("client-a")
	fields := map[string]string{"password": w.password, "recipient": recipient}
	settings := w.settings(object{
		"reply_to": "replies@example.com", "grant": "client_credentials", "token_url": "https://login.example.com/token", "client_id": "app", "scopes": "mail",
	})
	for _, f := range (site.Settings{}).Fields() {
		if reflect.TypeOf(f.Value).Kind() == reflect.String {
			text, ok := settings[f.Name].(string)
			if !ok || text == "" {
				t.Fatalf("the setting %s is new: add a valid value to this test", f.Name)
			}
			fields[f.Name] = text
		}
	}
	for field, good := range fields {
		for name, character := range hostile {
			inLogin := field == "username" || field == "password"
			if inLogin && (name == "Greater" || name == "LineSeparator") || name == "Greater" && slices.Contains([]string{"token_url", "client_id", "scopes"}, field) {
				continue // it is encoded in base64 or as a form
			}
			t.Run("R32_"+field+"_"+name, func(t *testing.T) {
				for _, value := range []string{character + good, good[:1] + character + good[1:], good + character, good + character + "RCPT TO:<x@example.com>"} {
					test := object{"settings": maps.Clone(settings), "password": w.password, "recipient": recipient}
					switch field {
					case "password", "recipient":
						test[field] = value
					default:
						test["settings"].(object)[field] = value
					}
					got := c.test(test).want(t, http.StatusUnprocessableEntity, "invalid")
					equal(t, got.object["field"], any(field))
					if field == "recipient" {
						continue
					}
					got = c.put(object{"settings": test["settings"], "password": test["password"], "enabled": false}).want(t, http.StatusUnprocessableEntity, "invalid")
					equal(t, got.object["field"], any(field))
				}
			})
		}
	}
	if n := w.mail.Counters().Connections; n != 0 {
		t.Errorf("got %d connections, want 0", n)
	}
}

// TestOpenRelay: a user who may test can choose the recipient of a message, but none of its content except the sender's name.
func TestOpenRelay(t *testing.T) {
	w := start(t)
	c := w.site("client-a")
	t.Run("R33_TheMessageIsFixed", func(t *testing.T) {
		token := regexp.MustCompile(`[A-Z2-7]{10}`)
		var texts [][]byte
		for _, to := range []string{"one@example.com", "two@example.net"} {
			c.test(object{"settings": w.settings(object{"from_name": "Buy now"}), "password": w.password, "recipient": to}).want(t, http.StatusOK, "")
			messages := w.mail.Messages()
			last := messages[len(messages)-1]
			equal(t, last.To, []string{to})
			_, text, _ := bytes.Cut(last.Data, []byte("\r\n\r\n"))
			texts = append(texts, token.ReplaceAll(text, nil))
		}
		if !bytes.Equal(texts[0], texts[1]) || bytes.Contains(texts[0], []byte("Buy")) {
			t.Errorf("%q and %q", texts[0], texts[1])
		}
	})
	t.Run("R33_OtherMembersAreRefused", func(t *testing.T) {
		for _, more := range []string{"subject", "body", "text", "html", "cc", "bcc", "reply_to", "headers", "recipients"} {
			body := w.candidate()
			body[more] = "x"
			c.test(body).want(t, http.StatusBadRequest, "malformed")
		}
		for _, many := range []string{"a@example.com,b@example.com", "a@example.com b@example.com", "a@example.com;b@example.com", "a@example.com\nb@example.com"} {
			body := w.candidate()
			body["recipient"] = many
			c.test(body).want(t, http.StatusUnprocessableEntity, "invalid")
		}
	})
	if n := w.mail.Counters().Messages; n != 2 {
		t.Errorf("got %d messages, want 2", n)
	}
}
