// Package submit sends one message through one mail server, stage by stage: bounded in time and in what it
// reads, with strict TLS, and with a result that distinguishes a refusal from doubt. It speaks SMTP (RFC 5321, RFC 6409)
// with required STARTTLS (RFC 3207) or implicit TLS (RFC 8314) and logs in with AUTH PLAIN or LOGIN (RFC 4954),
// or with an access token that it fetches (OAuth 2.0) by XOAUTH2 or OAUTHBEARER (RFC 7628).
package submit

import (
	"context"
	"crypto/x509"
	"net"
	"syscall"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/mail/oauth"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// DefaultTimeout bounds one call of a [Sender] that sets no Timeout.
const DefaultTimeout = 60 * time.Second

// Sender sends test messages. The zero Sender works, with the system's resolver and roots. It may be used by several
// goroutines at once.
type Sender struct {
	// Control sees every address before it is dialled, as in [net.Dialer]; its error refuses the address and ends the test in
	// stage connect with the error's text.
	Control func(network, address string, c syscall.RawConn) error
	// Resolver looks up the host; nil means the system's.
	Resolver *net.Resolver
	// DialContext opens connections instead of a [net.Dialer] with Control and Resolver; nil for the network of this
	// machine.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// RootCAs are the authorities trusted to sign the server's certificate; nil means the system's.
	RootCAs *x509.CertPool
	// Refresh lets fetch use the refresh token of a candidate, or the one that has replaced it since, and has replaced store
	// the next one; never two at a time for the same token, because some endpoints then revoke both. Nil: no such candidate is
	// tested, because a test could use the token up.
	Refresh func(c site.Candidate, fetch func(current secret.Text, replaced func(secret.Text) error) error) error
	// HideAddresses keeps the addresses of hosts and of name servers out of errors, for a server whose callers must not learn
	// how its network is built.
	HideAddresses bool
	// Timeout bounds one call, every stage included; 0 means DefaultTimeout.
	Timeout time.Duration
	// Now is the clock for dates, durations and the validity of certificates; nil means time.Now. Deadlines do not use it.
	Now func() time.Time
}

// Send sends one test message to recipient with the candidate. It logs in at most once and never retries.
// The result has no Diagnosis.
func (s *Sender) Send(ctx context.Context, c site.Candidate, recipient string) site.TestResult {
	a := s.attempt(c)
	keepRecipient(a.redactor, recipient)
	a.report.Result.Recipient = recipient
	a.run(ctx, c, append(candidateRules(c), messageRules(c.Settings, recipient)...), func(ctx context.Context) error {
		if err := a.login(ctx, c); err != nil {
			return err
		}
		return a.deliver(ctx, c.Settings, recipient)
	})
	return a.report.Result
}

// Login does what Send does up to and including the login, then quits without sending a message. It passes if the
// server accepted the login or, for a candidate without a username, answered EHLO.
func (s *Sender) Login(ctx context.Context, c site.Candidate) site.TestResult {
	a := s.attempt(c)
	a.run(ctx, c, candidateRules(c), func(ctx context.Context) error { return a.login(ctx, c) })
	return a.report.Result
}

// attempt prepares one call with the candidate.
func (s *Sender) attempt(c site.Candidate) *attempt {
	return &attempt{sender: s, redactor: newRedactor(c)}
}

// tokens requests access tokens, with the same rules for addresses as the sender.
func (s *Sender) tokens() oauth.Client {
	return oauth.Client{Control: s.Control, Resolver: s.Resolver, DialContext: s.DialContext, RootCAs: s.RootCAs, Now: s.now}
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

// attempt is one connection that passes through the stages.
type attempt struct {
	sender   *Sender
	redactor *untrusted.Redactor
	// address is host and port as entered; empty before they are dialled.
	address string
	// conn is nil until a server has accepted the connection.
	conn *guarded
	// dialogue is the conversation on conn: first in clear text, then replaced by one inside TLS.
	dialogue *dialogue
	// token is the access token if the candidate logs in with one.
	token secret.Text
	// offers are those of the last EHLO.
	offers extensions
	// started is when the attempt began.
	started time.Time
	// report collects the results of the stages, including the verdict.
	report Probe
}

// run checks the rules, connects, does what the caller wants on the connection, and sets the verdict.
func (a *attempt) run(ctx context.Context, c site.Candidate, rules []rule, then func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, a.sender.timeout())
	defer cancel()
	a.started = a.sender.now()
	err := a.check(ctx, rules)
	if err == nil {
		err = a.fetchToken(ctx, c)
	}
	if err == nil {
		err = a.open(ctx, c.Settings)
	}
	if err == nil {
		err = then(ctx)
	}
	if err == nil {
		a.report.Result.Status = site.Passed
	}
	a.report.Result.TestedAt = a.sender.now()
	a.leave(ctx)
}

// stage runs one stage on the connection within its budget and records the result; the error that it returns
// only stops the caller.
func (a *attempt) stage(ctx context.Context, name site.Stage, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, budget(name))
	defer cancel()
	defer a.conn.within(ctx)()
	a.report.Result.Stage = name
	start := a.sender.now()
	err := do(ctx)
	spent := a.sender.now().Sub(start)
	if err != nil {
		a.fail(ctx, err, spent)
		return err
	}
	a.pass(name, spent)
	return nil
}

// pass records a passed stage. If the clock was set back meanwhile, the duration is not negative.
func (a *attempt) pass(name site.Stage, spent time.Duration) {
	a.report.Result.Stages = append(a.report.Result.Stages, site.StageTime{Stage: name, Duration: max(0, spent)})
}

// budget is the longest that a stage may take. RFC 5321 section 4.5.3.2 asks for minutes, but that is for queues; a submission
// server may use shorter timeouts (RFC 6409 section 5.3), and a person is waiting for this test.
func budget(name site.Stage) time.Duration {
	switch name {
	case site.StageBanner:
		return 15 * time.Second
	case site.StageData:
		return 30 * time.Second
	default:
		return 10 * time.Second
	}
}

// quitBudget bounds QUIT, whose reply does not matter.
const quitBudget = time.Second

// leave ends the connection, with QUIT if the server still accepts commands.
func (a *attempt) leave(ctx context.Context) {
	if a.conn == nil {
		return
	}
	defer a.dialogue.close()
	if a.report.Result.Error != "" && a.report.Result.Reply == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, quitBudget)
	defer cancel()
	defer a.conn.within(ctx)()
	_, _ = a.dialogue.command(221, "QUIT")
}

// Probe is what this machine learned about a mail server without a password, as far as it got.
type Probe struct {
	// Addresses are what the host resolved to, in the resolver's order; one for a literal IP address.
	Addresses []string
	// RemoteAddress is the IP address and port that accepted the connection; empty if none did.
	RemoteAddress string
	// HELOName is this machine's name in EHLO; empty if EHLO was not reached.
	HELOName string
	// Banner is the text of the server's greeting; empty if the server did not greet as a mail server.
	Banner string
	// STARTTLS says whether the server offered STARTTLS on the connection before TLS.
	STARTTLS bool
	// TLS is nil if no TLS handshake got far enough to see a certificate.
	TLS *ProbeTLS
	// AuthMechanisms are the upper-case names that the last EHLO offered, in the server's order.
	AuthMechanisms []string
	// SizeLimit is the largest message in bytes that the server accepts (RFC 1870); 0 if it states or sets no limit.
	SizeLimit int64
	// Result says how far the probe got, with the time of each stage. Passed means that the last EHLO was answered.
	// Recipient, MessageID and Diagnosis are empty.
	Result site.TestResult
}

// ProbeTLS is what a TLS handshake showed.
type ProbeTLS struct {
	// Version is as [crypto/tls.VersionName] gives it, such as "TLS 1.3".
	Version string
	// Trusted says whether the certificate was accepted for the host.
	Trusted bool
	// Certificate is the server's own, accepted or not.
	Certificate site.Certificate
	// NotBefore is when the certificate becomes valid.
	NotBefore time.Time
}

// Probe examines the server at host and port without logging in. If heloName is empty, Probe chooses one.
func (s *Sender) Probe(ctx context.Context, host string, port int, e site.Encryption, heloName string) Probe {
	settings := site.Settings{Host: host, Port: port, Encryption: e, HELOName: heloName}
	a := s.attempt(site.Candidate{Settings: settings})
	a.run(ctx, site.Candidate{Settings: settings}, serverRules(settings), func(context.Context) error { return nil })
	return a.report
}
