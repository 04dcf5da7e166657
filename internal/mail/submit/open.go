package submit

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"

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
		text, err := a.talk.greeting()
		a.seen.Banner = a.redactor.line(text, maxText)
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
		offers, err := a.talk.hello(name)
		if err != nil {
			return err
		}
		a.offers = offers
		a.seen.HELOName = name
		if a.seen.TLS == nil {
			a.seen.STARTTLS = offers.has("STARTTLS")
		}
		a.seen.AuthMechanisms = offers.mechanisms()
		a.seen.SizeLimit = offers.sizeLimit()
		return nil
	})
}

// startTLS insists on STARTTLS: a missing offer may be the work of somebody on the way (RFC 3207 section 6).
func (a *attempt) startTLS(ctx context.Context, _ site.Settings) error {
	return a.stage(ctx, site.StageSTARTTLS, func(context.Context) error {
		if !a.offers.has("STARTTLS") {
			return errors.New("server doesn't support STARTTLS")
		}
		return a.talk.startTLS()
	})
}

// ownName is what this machine calls itself: its host name when that is fully qualified, else the address literal that
// RFC 5321 section 4.1.4 asks for. Relays refuse "localhost".
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
