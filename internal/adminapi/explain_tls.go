package adminapi

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// explainTLS says what is wrong with the certificates or the protocol and which argument helps; nil when err is of
// another kind. None of these failures heals by itself.
func explainTLS(err error, sent bool) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "remote error" || op.Op == "local error") {
		return explainAlert(op, sent)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Errorf("what answers there does not speak TLS; check scheme and port of url: %w", err)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return explainCertificate(err)
	}
	// The rest of crypto/tls's errors have no type.
	if strings.HasPrefix(err.Error(), "tls: ") && !sent {
		return err
	}
	return nil
}

func explainCertificate(err error) error {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return fmt.Errorf("its certificate is valid from %s to %s only: %w", day(e.Cert.NotBefore), day(e.Cert.NotAfter), err)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Errorf("its certificate has another name; check url: %w", err)
	}
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Errorf("its certificate was issued by %q, which is not trusted here; "+
			"if it should be, set ca_certificate to the certificate of that authority: %w", e.Cert.Issuer, err)
	}
	return err
}

// explainAlert reads a TLS alert (RFC 8446 section 6.2), whose type crypto/tls does not export. A server that speaks
// TLS 1.3 asks for a client certificate after the handshake is over for the client: only such an alert says that a
// request was not read although it was sent.
func explainAlert(alert *net.OpError, sent bool) error {
	switch text := alert.Err.Error(); {
	case strings.Contains(text, "certificate"):
		return fmt.Errorf("it wants a client certificate, or another one; check client_certificate: %w", alert)
	case sent:
		return nil
	case strings.Contains(text, "handshake failure"):
		return fmt.Errorf("it ended the TLS handshake; should it want a client certificate, check client_certificate: %w", alert)
	case strings.Contains(text, "protocol version"):
		return fmt.Errorf("it does not speak TLS 1.2 or newer: %w", alert)
	}
	return alert
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
