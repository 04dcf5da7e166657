package submit

import (
	"context"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// Probe is what this machine sees of a submission server without a password, as far as it came.
type Probe struct {
	// Addresses are what the host resolved to, in the resolver's order; one for a literal IP address.
	Addresses []string
	// RemoteAddress is the IP address and port that took the connection; empty when none did.
	RemoteAddress string
	// HELOName is what this machine called itself in EHLO; empty when it came to no EHLO.
	HELOName string
	// Banner is the text of the server's greeting; empty when the server did not greet as a mail server.
	Banner string
	// STARTTLS tells whether the server offered STARTTLS on the connection before TLS.
	STARTTLS bool
	// TLS is nil when no TLS handshake came far enough to see a certificate.
	TLS *ProbeTLS
	// AuthMechanisms are the upper-case names that the last EHLO offered, in the server's order.
	AuthMechanisms []string
	// SizeLimit is the largest message in bytes that the server takes (RFC 1870); 0 when it did not say or sets no limit.
	SizeLimit int64
	// Result says how far the probe came, with the time of each stage. Passed means that the last EHLO was answered.
	// Recipient, MessageID and Diagnosis are empty.
	Result site.TestResult
}

// ProbeTLS is what a TLS handshake showed.
type ProbeTLS struct {
	// Version is as [crypto/tls.VersionName] gives it, such as "TLS 1.3".
	Version string
	// Trusted tells whether the certificate was accepted for the host.
	Trusted bool
	// Certificate is the server's own, accepted or not.
	Certificate site.Certificate
	// NotBefore is when the certificate becomes valid.
	NotBefore time.Time
}

// Probe looks at the server on host and port without logging in. An empty heloName leaves the choice to Probe.
func (s *Sender) Probe(ctx context.Context, host string, port int, e site.Encryption, heloName string) Probe {
	settings := site.Settings{Host: host, Port: port, Encryption: e, HELOName: heloName}
	a := s.attempt(site.Candidate{Settings: settings})
	a.run(ctx, settings, serverRules(settings), func(context.Context) error { return nil })
	return a.seen
}
