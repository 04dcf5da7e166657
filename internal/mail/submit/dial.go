package submit

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"strconv"
	"sync"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// dial passes the stages dns and connect. One dialer does both, because it tries all addresses of a host; the trace,
// which is the net package's own, tells where the one stage ends and what became of each address.
func (a *attempt) dial(ctx context.Context, s site.Settings) error {
	ctx, cancel := context.WithTimeout(ctx, budget(site.StageConnect))
	defer cancel()
	trace := dialTrace{now: a.sender.now}
	dial := a.sender.DialContext
	if dial == nil {
		dial = (&net.Dialer{Control: a.sender.Control, Resolver: a.sender.Resolver}).DialContext
	}
	address := net.JoinHostPort(ascii(s.Host), strconv.Itoa(s.Port))
	start := a.sender.now()
	conn, err := dial(httptrace.WithClientTrace(ctx, trace.hooks()), "tcp", address)
	end := a.sender.now()

	resolved, addresses, errs := trace.result()
	a.seen.Addresses = addresses
	a.seen.Result.Stage = site.StageDNS
	if err != nil && isLookup(err) {
		a.fail(ctx, err, end.Sub(start))
		return err
	}
	if len(addresses) == 0 {
		a.seen.Addresses = []string{s.Host}
		resolved = start
	} else {
		a.pass(site.StageDNS, resolved.Sub(start))
	}
	a.seen.Result.Stage = site.StageConnect
	if err != nil {
		if len(errs) > 1 {
			// The dialer tells of the first address only.
			err = errors.Join(errs...)
		}
		a.fail(ctx, err, end.Sub(resolved))
		return err
	}
	a.pass(site.StageConnect, end.Sub(resolved))
	a.conn = guard(conn)
	a.talk = newDialogue(a.conn)
	a.seen.RemoteAddress = conn.RemoteAddr().String()
	return nil
}

// isLookup reports whether err comes from before there was an address to connect to.
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
