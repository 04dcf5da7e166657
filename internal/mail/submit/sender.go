// Package submit sends one message through one submission server, stage by stage: bounded in time and in what it
// reads, with strict TLS, and with a verdict that tells a refusal from a doubt. It speaks SMTP (RFC 5321, RFC 6409)
// with required STARTTLS (RFC 3207) or implicit TLS (RFC 8314) and logs in with AUTH PLAIN or LOGIN (RFC 4954).
package submit

import (
	"context"
	"crypto/x509"
	"net"
	"syscall"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// DefaultTimeout bounds one call of a [Sender] that sets no Timeout.
const DefaultTimeout = 60 * time.Second

// Sender sends test messages. The zero Sender works, with the system's resolver and roots. It may be used by several
// goroutines at once.
type Sender struct {
	// Control sees every address really dialled, as in [net.Dialer]; its error refuses the address and ends the test in
	// stage connect with the error's text.
	Control func(network, address string, c syscall.RawConn) error
	// Resolver looks up the host; nil means the system's.
	Resolver *net.Resolver
	// DialContext opens connections instead of a [net.Dialer] with Control and Resolver; nil for the network of this
	// machine.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs are the authorities trusted to sign the server's certificate; nil means the system's.
	RootCAs *x509.CertPool
	// Timeout bounds one call, every stage included; 0 means DefaultTimeout.
	Timeout time.Duration
	// Now is the clock for dates, durations and the validity of certificates; nil means time.Now. Deadlines do not use it.
	Now func() time.Time
}

// Send sends one test message to recipient with the candidate. It logs in at most once and never repeats anything.
// The result has no Diagnosis.
func (s *Sender) Send(ctx context.Context, c site.Candidate, recipient string) site.TestResult {
	a := s.attempt(c)
	a.seen.Result.Recipient = recipient
	a.run(ctx, c.Settings, append(candidateRules(c), messageRules(c.Settings, recipient)...), func(ctx context.Context) error {
		if err := a.login(ctx, c); err != nil {
			return err
		}
		return a.deliver(ctx, c.Settings, recipient)
	})
	return a.seen.Result
}

// Login does what Send does up to and including the login, then leaves without sending a message. It passes when the
// server accepted the login or, for a candidate without a username, answered EHLO.
func (s *Sender) Login(ctx context.Context, c site.Candidate) site.TestResult {
	a := s.attempt(c)
	a.run(ctx, c.Settings, candidateRules(c), func(ctx context.Context) error { return a.login(ctx, c) })
	return a.seen.Result
}

// attempt prepares one call with the candidate.
func (s *Sender) attempt(c site.Candidate) *attempt {
	return &attempt{sender: s, redactor: newRedactor(c.Settings.Username, c.Password)}
}

func (s *Sender) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Sender) timeout() time.Duration {
	if s.Timeout == 0 {
		return DefaultTimeout
	}
	return s.Timeout
}
