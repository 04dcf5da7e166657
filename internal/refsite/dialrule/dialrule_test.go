package dialrule

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

func TestControl(t *testing.T) {
	private := []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:0:7f00:1::", "2001:10::1",
		"2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
		"fe80::1%eth0", "febf::1", "fec0::1", "ff02::1", "ff0e::1", "4000::1",
	}
	public := []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8",
		"2000::1", "2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "2a00:1450::1", "3ffe::1",
	}
	rules := Rules{}
	for _, ip := range private {
		if err := rules.Control("tcp", net.JoinHostPort(ip, "25"), nil); err == nil {
			t.Errorf("dialling %s is allowed", ip)
		}
	}
	for _, ip := range public {
		if err := rules.Control("tcp", net.JoinHostPort(ip, "25"), nil); err != nil {
			t.Errorf("%s: %v", ip, err)
		}
	}
	for _, odd := range []string{"", "localhost:25", "2130706433:25", "0x7f.1:25", "0177.0.0.1:25", "127.1:25", "/run/socket"} {
		if err := rules.Control("tcp", odd, nil); err == nil {
			t.Errorf("dialling %q is allowed", odd)
		}
	}
}

func TestAllow(t *testing.T) {
	rules := Rules{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}}
	for ip, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "127.0.0.1": false, "fd00:1::1": true, "fd00:1::1%eth0": true, "fd00:2::1": false, "8.8.8.8": true,
	} {
		if err := rules.Control("tcp", net.JoinHostPort(ip, "25"), nil); (err == nil) != want {
			t.Errorf("%s: %v", ip, err)
		}
	}
}

func TestNamesLeadNoFurther(t *testing.T) {
	answers := map[string]string{
		"private.example.com.": "10.0.0.1", "loopback.example.com.": "127.0.0.1", "six.example.com.": "::1",
		"metadata.example.com.": "169.254.169.254", "mapped.example.com.": "::ffff:127.0.0.1", "nat64.example.com.": "64:ff9b::7f00:1",
	}
	resolver := smtptest.StartResolver(t, func(name string) ([]netip.Addr, dnsmessage.RCode, bool) {
		if ip, ok := answers[name]; ok {
			return []netip.Addr{netip.MustParseAddr(ip)}, dnsmessage.RCodeSuccess, false
		}
		return nil, dnsmessage.RCodeNameError, false
	})
	dialer := net.Dialer{Control: Rules{}.Control, Resolver: resolver}
	for name := range answers {
		conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(name, "25"))
		if err == nil {
			conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "not public") {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("RefusesWhenTheDNSAnswerChanges", func(t *testing.T) {
		asked := 0
		rebinding := smtptest.StartResolver(t, func(string) ([]netip.Addr, dnsmessage.RCode, bool) {
			asked++
			if asked <= 2 {
				return []netip.Addr{netip.MustParseAddr("192.88.98.1")}, dnsmessage.RCodeSuccess, false
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, dnsmessage.RCodeSuccess, false
		})
		if _, err := rebinding.LookupNetIP(t.Context(), "ip", "rebind.example.com"); err != nil {
			t.Fatal(err)
		}
		dialer := net.Dialer{Control: Rules{}.Control, Resolver: rebinding}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if _, err := dialer.DialContext(ctx, "tcp", "rebind.example.com:25"); err == nil || !strings.Contains(err.Error(), "not public") {
			t.Errorf("got %v", err)
		}
	})
}
