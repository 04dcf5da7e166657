package adminapi

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// TLS says which authorities to trust and how to identify; the zero TLS trusts those of the system.
type TLS struct {
	// CACertificate holds PEM certificates of authorities that are trusted in addition to those of the system.
	CACertificate []byte
	// ClientCertificate is the PEM certificate chain that identifies this client; ClientKey its PEM private key.
	ClientCertificate []byte
	ClientKey         secret.Text
	// InsecureSkipVerify accepts any certificate.
	InsecureSkipVerify bool
}

func (t TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.InsecureSkipVerify} //nolint:gosec // only who asks for it gets it
	if len(t.CACertificate) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(t.CACertificate) {
			return nil, &ConfigError{"ca_certificate", "It contains no certificate in PEM (-----BEGIN CERTIFICATE-----)."}
		}
		c.RootCAs = roots
	}
	if len(t.ClientCertificate) > 0 || !t.ClientKey.IsEmpty() {
		pair, err := tls.X509KeyPair(t.ClientCertificate, []byte(t.ClientKey.Reveal()))
		if err != nil {
			return nil, &ConfigError{"client_certificate", "Certificate and private key cannot be used together: " + err.Error() + "."}
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// digest is equal for equal TLS, and can be stored where the key must not be.
func (t TLS) digest() [sha256.Size]byte {
	all, _ := json.Marshal([]any{t.CACertificate, t.ClientCertificate, t.ClientKey.Reveal(), t.InsecureSkipVerify})
	return sha256.Sum256(all)
}

// explainTLS says what is wrong with the certificates or the protocol and which argument helps; nil if err is of another kind. None
// of these failures is transient.
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
	// The other errors of crypto/tls have no type.
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
		return fmt.Errorf("its certificate is for another name; check url: %w", err)
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
		return fmt.Errorf("it requires a client certificate, or a different one; check client_certificate: %w", alert)
	case sent:
		return nil
	case strings.Contains(text, "handshake failure"):
		return fmt.Errorf("it ended the TLS handshake; if it requires a client certificate, check client_certificate: %w", alert)
	case strings.Contains(text, "protocol version"):
		return fmt.Errorf("it does not speak TLS 1.2 or newer: %w", alert)
	}
	return alert
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
