package submit_test

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/submit"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// resolver answers every name with the addresses.
func resolver(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	return smtptest.StartResolver(t, func(string) ([]netip.Addr, dnsmessage.RCode, bool) {
		var parsed []netip.Addr
		for _, a := range addresses {
			parsed = append(parsed, netip.MustParseAddr(a))
		}
		return parsed, dnsmessage.RCodeSuccess, false
	})
}

// TestAnAddressThatIsGivenUpLater: a dialer tries two addresses at once, and may hear of the second when the first has long been used.
func TestAnAddressThatIsGivenUpLater(t *testing.T) {
	_, sender, c := start(t, smtptest.Config{})
	var trace *httptrace.ClientTrace
	sender.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		trace = httptrace.ContextClientTrace(ctx)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	if r := sender.Send(t.Context(), c, recipient); r.Status != site.Passed {
		t.Fatalf("got %+v", r)
	}
	trace.ConnectDone("tcp", "192.0.2.1:587", context.Canceled)
}

func TestLookupFails(t *testing.T) {
	answer := func(code dnsmessage.RCode, lost bool) func(string) ([]netip.Addr, dnsmessage.RCode, bool) {
		return func(string) ([]netip.Addr, dnsmessage.RCode, bool) { return nil, code, lost }
	}
	for name, c := range map[string]struct {
		answer func(string) ([]netip.Addr, dnsmessage.RCode, bool)
		text   string
	}{
		"NoSuchName":  {answer(dnsmessage.RCodeNameError, false), `lookup mail\.example\.test\.? on .*: no such host$`},
		"NoAddress":   {answer(dnsmessage.RCodeSuccess, false), `lookup mail\.example\.test\.? on .*: no such host$`},
		"ServerFails": {answer(dnsmessage.RCodeServerFailure, false), `lookup mail\.example\.test\.? on .*: server misbehaving$`},
		"Refused":     {answer(dnsmessage.RCodeRefused, false), `lookup mail\.example\.test\.? on .*: server misbehaving$`},
		"NoAnswer":    {answer(0, true), `lookup mail\.example\.test.*: i/o timeout after .* in stage dns, .* in all$`},
	} {
		t.Run(name, func(t *testing.T) {
			sender := &submit.Sender{Resolver: smtptest.StartResolver(t, c.answer)}
			if name == "NoAnswer" {
				sender.Timeout = 200 * time.Millisecond
			}
			r := sender.Send(t.Context(), candidate("mail.example.test", 587, site.STARTTLS), recipient)
			if r.Status != site.Failed || r.Stage != site.StageDNS || len(r.Stages) != 0 {
				t.Errorf("got %+v", r)
			}
			if !regexp.MustCompile(c.text).MatchString(r.Error) {
				t.Errorf("got error %q, want %q", r.Error, c.text)
			}
		})
	}
}

func TestLookupIsCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sender := &submit.Sender{Resolver: smtptest.StartResolver(t, func(string) ([]netip.Addr, dnsmessage.RCode, bool) {
		cancel()
		return nil, 0, true
	})}
	r := sender.Send(ctx, candidate("mail.example.test", 587, site.STARTTLS), recipient)
	if r.Stage != site.StageDNS || !strings.Contains(r.Error, "operation was canceled after ") {
		t.Errorf("got %+v", r)
	}
}

func TestNameIsAStageOfItsOwn(t *testing.T) {
	_, sender, c := start(t, smtptest.Config{Leaf: smtptest.Leaf{Names: []string{"mail.example.test"}}})
	sender.Resolver = resolver(t, "127.0.0.1")
	for _, host := range []string{"mail.example.test", "MAIL.example.test.", "mail.example.test."} {
		c.Settings.Host = host
		r := sender.Send(t.Context(), c, recipient)
		if r.Status != site.Passed || !slices.Equal(stages(r)[:2], []site.Stage{site.StageDNS, site.StageConnect}) {
			t.Errorf("%s: got %+v", host, r)
		}
	}
}

func TestNonASCIIHost(t *testing.T) {
	_, sender, c := start(t, smtptest.Config{Leaf: smtptest.Leaf{Names: []string{"xn--bcher-kva.example"}}})
	sender.Resolver = resolver(t, "127.0.0.1")
	for _, host := range []string{"bücher.example", "BÜCHER.example."} {
		c.Settings.Host = host
		if r := sender.Send(t.Context(), c, recipient); r.Status != site.Passed {
			t.Errorf("%s: got %+v", host, r)
		}
	}
}

func TestAllAddressesAreTried(t *testing.T) {
	server, sender, c := start(t, smtptest.Config{Leaf: smtptest.Leaf{Names: []string{"mail.example.test"}}})
	c.Settings.Host = "mail.example.test"
	t.Run("OneAddressAnswers", func(t *testing.T) {
		sender.Resolver = resolver(t, "127.0.0.2", "127.0.0.3", "127.0.0.1")
		if r := sender.Send(t.Context(), c, recipient); r.Status != site.Passed {
			t.Errorf("got %+v", r)
		}
		if got := server.Counters().Connections; got != 1 {
			t.Errorf("got %d connections", got)
		}
	})
	t.Run("NoAddressAnswers", func(t *testing.T) {
		sender.Resolver = resolver(t, "127.0.0.2", "127.0.0.3")
		r := sender.Send(t.Context(), c, recipient)
		if r.Stage != site.StageConnect || !slices.Equal(stages(r), []site.Stage{site.StageDNS}) {
			t.Errorf("got %+v", r)
		}
		want := regexp.MustCompile(`^dial tcp 127\.0\.0\.[23]:\d+: connect: connection refused; dial tcp 127\.0\.0\.[23]:\d+: connect: connection refused$`)
		if !want.MatchString(r.Error) {
			t.Errorf("got error %q", r.Error)
		}
	})
}

func TestConnectionIsRefused(t *testing.T) {
	_, sender, c := start(t, smtptest.Config{})
	c.Settings.Host = "127.0.0.2"
	r := sender.Send(t.Context(), c, recipient)
	if r.Stage != site.StageConnect || len(r.Stages) != 0 || !strings.HasSuffix(r.Error, ": connect: connection refused") {
		t.Errorf("got %+v", r)
	}
}

// TestControl: the rules of a site see the address that is really dialled, whatever the host's spelling.
func TestControl(t *testing.T) {
	errPrivate := errors.New("127.0.0.1 is not an address that this site may connect to")
	for _, host := range []string{"127.0.0.1", "::ffff:127.0.0.1", "mail.example.test", "localhost"} {
		t.Run(host, func(t *testing.T) {
			server, sender, c := start(t, smtptest.Config{})
			c.Settings.Host = host
			if host == "mail.example.test" {
				sender.Resolver = resolver(t, "127.0.0.1")
			}
			var mu sync.Mutex
			var seen []string
			sender.Control = func(network, address string, _ syscall.RawConn) error {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, network+" "+address)
				return errPrivate
			}
			r := sender.Send(t.Context(), c, recipient)
			if r.Status != site.Failed || r.Stage != site.StageConnect || !strings.Contains(r.Error, errPrivate.Error()) {
				t.Errorf("got %+v", r)
			}
			if len(seen) == 0 || !slices.ContainsFunc(seen, func(s string) bool { return strings.HasPrefix(s, "tcp4 127.0.0.1:") }) {
				t.Errorf("Control saw %q", seen)
			}
			if got := server.Counters().Connections; got != 0 {
				t.Errorf("got %d connections", got)
			}
		})
	}
}

// TestControlSeesEachAddress: a name may have a harmless address beside a forbidden one.
func TestControlSeesEachAddress(t *testing.T) {
	server, sender, c := start(t, smtptest.Config{Leaf: smtptest.Leaf{Names: []string{"mail.example.test"}}})
	c.Settings.Host = "mail.example.test"
	sender.Resolver = resolver(t, "127.0.0.2", "127.0.0.1")
	sender.Control = func(_, address string, _ syscall.RawConn) error {
		if strings.HasPrefix(address, "127.0.0.1:") {
			return errors.New("forbidden")
		}
		return nil
	}
	r := sender.Send(t.Context(), c, recipient)
	if r.Stage != site.StageConnect || !strings.Contains(r.Error, "forbidden") || !strings.Contains(r.Error, "connection refused") {
		t.Errorf("got %+v", r)
	}
	if got := server.Counters().Connections; got != 0 {
		t.Errorf("got %d connections", got)
	}
}

// TestControlSeesWhatANameLeadsToWhenItIsDialled: a name may be harmless while it is looked at, and not a point later.
func TestControlSeesWhatANameLeadsToWhenItIsDialled(t *testing.T) {
	t.Run("R31_Rebinding", func(t *testing.T) {
		server, sender, c := start(t, smtptest.Config{Leaf: smtptest.Leaf{Names: []string{"mail.example.test"}}})
		c.Settings.Host = "mail.example.test"
		const onePerType = 2
		var asked atomic.Int32
		sender.Resolver = smtptest.StartResolver(t, func(string) ([]netip.Addr, dnsmessage.RCode, bool) {
			harmless, forbidden := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.1")
			if asked.Add(1) <= onePerType {
				return []netip.Addr{harmless}, dnsmessage.RCodeSuccess, false
			}
			return []netip.Addr{forbidden}, dnsmessage.RCodeSuccess, false
		})
		sender.Control = func(_, address string, _ syscall.RawConn) error {
			if strings.HasPrefix(address, "127.0.0.1:") {
				return errors.New("forbidden")
			}
			return nil
		}
		for _, want := range []string{"127.0.0.2:", "forbidden"} {
			r := sender.Send(t.Context(), c, recipient)
			if r.Stage != site.StageConnect || !strings.Contains(r.Error, want) {
				t.Errorf("got %+v, want %q", r, want)
			}
		}
		if got := server.Counters().Connections; got != 0 {
			t.Errorf("got %d connections", got)
		}
	})
}

// TestNothingIsDialledForABadCandidate: what no server should get to see is refused first, at the stage it belongs to.
func TestNothingIsDialledForABadCandidate(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*site.Candidate, *string)
		stage site.Stage
		text  string
	}{
		"HostIsURL":          {func(c *site.Candidate, _ *string) { c.Settings.Host = "https://127.0.0.1" }, site.StageDNS, "host: must be a host name only, not a URL with ://"},
		"HostHasPort":        {func(c *site.Candidate, _ *string) { c.Settings.Host = "127.0.0.1:25" }, site.StageDNS, "host: "},
		"HostIsDecimal":      {func(c *site.Candidate, _ *string) { c.Settings.Host = "2130706433" }, site.StageDNS, "host: "},
		"HostIsEmpty":        {func(c *site.Candidate, _ *string) { c.Settings.Host = "" }, site.StageDNS, "host: "},
		"PortIsTooHigh":      {func(c *site.Candidate, _ *string) { c.Settings.Port = 65536 }, site.StageDNS, "port: must be from 1 to 65535"},
		"PortIsZero":         {func(c *site.Candidate, _ *string) { c.Settings.Port = 0 }, site.StageDNS, "port: must be from 1 to 65535"},
		"EncryptionUnknown":  {func(c *site.Candidate, _ *string) { c.Settings.Encryption = "ssl" }, site.StageTLS, "encryption: must be one of"},
		"EncryptionEmpty":    {func(c *site.Candidate, _ *string) { c.Settings.Encryption = "" }, site.StageTLS, "encryption: must be one of"},
		"HELOInjection":      {func(c *site.Candidate, _ *string) { c.Settings.HELOName = "x\r\nMAIL FROM:<a@example.com>" }, site.StageEHLO, "helo_name: "},
		"HELOUnderscore":     {func(c *site.Candidate, _ *string) { c.Settings.HELOName = "my_host" }, site.StageEHLO, "helo_name: "},
		"UsernameNUL":        {func(c *site.Candidate, _ *string) { c.Settings.Username = "a\x00b" }, site.StageAuth, "username: must not contain control characters"},
		"PasswordNUL":        {func(c *site.Candidate, _ *string) { c.Password = secret.New("a\x00b") }, site.StageAuth, "password: must not contain control characters"},
		"PasswordMissing":    {func(c *site.Candidate, _ *string) { c.Password = secret.Text{} }, site.StageAuth, "password: is missing"},
		"FromEmpty":          {func(c *site.Candidate, _ *string) { c.Settings.FromAddress = "" }, site.StageMail, "from_address: "},
		"FromParameter":      {func(c *site.Candidate, _ *string) { c.Settings.FromAddress = "a@b> SIZE=1" }, site.StageMail, "from_address: "},
		"FromLineBreak":      {func(c *site.Candidate, _ *string) { c.Settings.FromAddress = "a@b\r\nRCPT TO:<x@y>" }, site.StageMail, "from_address: "},
		"RecipientParameter": {func(_ *site.Candidate, to *string) { *to = "a@b> NOTIFY=NEVER" }, site.StageRcpt, "recipient: "},
		"RecipientNUL":       {func(_ *site.Candidate, to *string) { *to = "a\x00@b" }, site.StageRcpt, "recipient: "},
		"TwoRecipients":      {func(_ *site.Candidate, to *string) { *to = "a@example.com,b@example.com" }, site.StageRcpt, "recipient: "},
		"NameLineBreak":      {func(c *site.Candidate, _ *string) { c.Settings.FromName = "A\r\nBcc: x@y" }, site.StageData, "from_name: "},
	} {
		t.Run(name, func(t *testing.T) {
			server, sender, candidate := start(t, smtptest.Config{})
			to := recipient
			c.spoil(&candidate, &to)
			r := sender.Send(t.Context(), candidate, to)
			if r.Status != site.Failed || r.Stage != c.stage || !strings.HasPrefix(r.Error, c.text) || len(r.Stages) != 0 {
				t.Errorf("got %+v", r)
			}
			if got := server.Counters().Connections; got != 0 {
				t.Errorf("got %d connections", got)
			}
		})
	}
}
