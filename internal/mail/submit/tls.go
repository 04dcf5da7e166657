package submit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// secure does the handshake of TLS on the connection, implicit or behind STARTTLS.
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
		a.seen.TLS = a.describeTLS(conn.ConnectionState(), err)
		a.talk = newDialogue(conn)
		return clearText(err)
	})
}

// clearText adds to the error of a handshake that the server had greeted without TLS.
func clearText(err error) error {
	record, ok := errors.AsType[tls.RecordHeaderError](err)
	if ok && strings.HasPrefix(string(record.RecordHeader[:]), "220") {
		return fmt.Errorf("%w: a mail server greeted without TLS", err)
	}
	return err
}

// describeTLS returns nil when no certificate was seen.
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

// describeCertificate makes what the certificate says fit to be kept.
func (a *attempt) describeCertificate(c *x509.Certificate) site.Certificate {
	names := []string{}
	for _, name := range c.DNSNames {
		names = append(names, a.redactor.line(name, maxDomain))
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return site.Certificate{Names: names, Issuer: a.redactor.line(c.Issuer.String(), maxText), NotAfter: c.NotAfter}
}
