package submit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// open connects to the server, secures the connection as the settings want it, and says EHLO.
func (a *attempt) open(ctx context.Context, s site.Settings) error {
	type step func(context.Context, site.Settings) error
	steps := []step{a.dial, a.greet, a.hello}
	switch s.Encryption {
	case site.TLS:
		steps = []step{a.dial, a.secure, a.greet, a.hello}
	case site.STARTTLS:
		steps = append(steps, a.startTLS, a.secure, a.hello)
	}
	for _, step := range steps {
		if err := step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func (a *attempt) greet(ctx context.Context, _ site.Settings) error {
	return a.stage(ctx, site.StageBanner, func(context.Context) error {
		text, err := a.dialogue.greeting()
		a.report.Banner = a.redactor.Brief(text, maxText)
		return err
	})
}

func (a *attempt) hello(ctx context.Context, s site.Settings) error {
	return a.stage(ctx, site.StageEHLO, func(context.Context) error {
		name := s.HELOName
		if name == "" {
			// Without a host name the address is as good.
			host, _ := os.Hostname()
			name = ownName(host, a.conn.LocalAddr())
		}
		offers, err := a.dialogue.hello(name)
		if err != nil {
			return err
		}
		a.offers = offers
		a.report.HELOName = name
		if a.report.TLS == nil {
			a.report.STARTTLS = offers.has("STARTTLS")
		}
		a.report.AuthMechanisms = offers.mechanisms()
		a.report.SizeLimit = offers.sizeLimit()
		return nil
	})
}

// startTLS requires STARTTLS: an attacker on the path may have removed the offer (RFC 3207 section 6).
func (a *attempt) startTLS(ctx context.Context, _ site.Settings) error {
	return a.stage(ctx, site.StageSTARTTLS, func(context.Context) error {
		if !a.offers.has("STARTTLS") {
			return errors.New("server doesn't support STARTTLS")
		}
		return a.dialogue.startTLS()
	})
}

// ownName is this machine's name in EHLO: its host name if that is fully qualified, otherwise the address literal that
// RFC 5321 section 4.1.4 requires. Relays refuse "localhost".
func ownName(host string, local net.Addr) string {
	if strings.Contains(host, ".") && !strings.HasPrefix(host, "localhost.") && CheckHELOName(host) == nil {
		return host
	}
	ip := netip.MustParseAddrPort(local.String()).Addr().Unmap().WithZone("")
	if ip.Is6() {
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}

// dial runs the stages dns and connect. One dialer does both, because it tries all addresses of a host; the net package's
// own trace shows where the first stage ends and what happened with each address.
func (a *attempt) dial(ctx context.Context, s site.Settings) error {
	ctx, cancel := context.WithTimeout(ctx, budget(site.StageConnect))
	defer cancel()
	trace := dialTrace{now: a.sender.now}
	dial := a.sender.DialContext
	if dial == nil {
		dial = (&net.Dialer{Control: a.sender.Control, Resolver: a.sender.Resolver}).DialContext
	}
	a.address = net.JoinHostPort(ascii(s.Host), strconv.Itoa(s.Port))
	start := a.sender.now()
	conn, err := dial(httptrace.WithClientTrace(ctx, trace.hooks()), "tcp", a.address)
	end := a.sender.now()

	resolved, addresses, errs := trace.result()
	a.report.Addresses = addresses
	a.report.Result.Stage = site.StageDNS
	if isLookup(err) {
		a.fail(ctx, err, end.Sub(start))
		return err
	}
	if len(addresses) == 0 {
		a.report.Addresses = []string{s.Host}
		resolved = start
	} else {
		a.pass(site.StageDNS, resolved.Sub(start))
	}
	a.report.Result.Stage = site.StageConnect
	if err != nil {
		if len(errs) > 1 {
			// The dialer's error names only the first address.
			err = errors.Join(errs...)
		}
		a.fail(ctx, err, end.Sub(resolved))
		return err
	}
	a.pass(site.StageConnect, end.Sub(resolved))
	a.conn = guard(conn)
	a.dialogue = newDialogue(a.conn)
	a.report.RemoteAddress = conn.RemoteAddr().String()
	return nil
}

// isLookup reports whether err occurred before there was an address to connect to.
func isLookup(err error) bool {
	_, dns := errors.AsType[*net.DNSError](err)
	_, address := errors.AsType[*net.AddrError](err)
	return dns || address
}

// dialTrace is what happens inside one call of a dialer, which may try two addresses at once.
type dialTrace struct {
	now func() time.Time

	mu        sync.Mutex
	resolved  time.Time
	addresses []string
	errs      []error
}

func (t *dialTrace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSDone: func(info httptrace.DNSDoneInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.resolved = t.now()
			for _, a := range info.Addrs {
				t.addresses = append(t.addresses, a.String())
			}
		},
		ConnectDone: func(_, _ string, err error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if err != nil {
				t.errs = append(t.errs, err)
			}
		},
	}
}

// result returns what has happened so far; the dialer may still be giving up an address.
func (t *dialTrace) result() (resolved time.Time, addresses []string, errs []error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.resolved, t.addresses, t.errs
}

// secure does the TLS handshake on the connection, implicit or after STARTTLS.
func (a *attempt) secure(ctx context.Context, s site.Settings) error {
	return a.stage(ctx, site.StageTLS, func(ctx context.Context) error {
		conn := tls.Client(a.conn, &tls.Config{
			// RFC 9525, and RFC 8997 for the version.
			ServerName: strings.TrimSuffix(ascii(s.Host), "."),
			RootCAs:    a.sender.RootCAs,
			MinVersion: tls.VersionTLS12,
			Time:       a.sender.now,
		})
		err := conn.HandshakeContext(ctx)
		a.report.TLS = a.describeTLS(conn.ConnectionState(), err)
		a.dialogue = newDialogue(conn)
		return clearText(err)
	})
}

// clearText adds to a handshake error that the server greeted without TLS.
func clearText(err error) error {
	record, ok := errors.AsType[tls.RecordHeaderError](err)
	if ok && strings.HasPrefix(string(record.RecordHeader[:]), "220") {
		return fmt.Errorf("%w: a mail server greeted without TLS", err)
	}
	return err
}

// describeTLS returns nil if no certificate was seen.
func (a *attempt) describeTLS(state tls.ConnectionState, err error) *ProbeTLS {
	certificates := state.PeerCertificates
	if refused, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		certificates = refused.UnverifiedCertificates
	}
	if len(certificates) == 0 {
		return nil
	}
	return &ProbeTLS{
		Version:     tls.VersionName(state.Version),
		Trusted:     len(state.VerifiedChains) > 0,
		Certificate: a.describeCertificate(certificates[0]),
		NotBefore:   certificates[0].NotBefore,
	}
}

// describeCertificate cleans and bounds the certificate's fields for the result.
func (a *attempt) describeCertificate(c *x509.Certificate) site.Certificate {
	names := []string{}
	for _, name := range c.DNSNames {
		names = append(names, a.redactor.Brief(name, maxDomain))
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return site.Certificate{Names: names, Issuer: a.redactor.Brief(c.Issuer.String(), maxText), NotAfter: c.NotAfter}
}
