package adminapi

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// TLS says whom to trust and how to identify; the zero TLS trusts the authorities of the system.
type TLS struct {
	// CACertificate holds PEM certificates of authorities that are trusted beside those of the system.
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
			return nil, &ConfigError{"ca_certificate", "There is no certificate in it; PEM is needed (-----BEGIN CERTIFICATE-----)."}
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

// digest is equal for equal TLS, and can be kept where the key cannot.
func (t TLS) digest() [sha256.Size]byte {
	all, _ := json.Marshal([]any{t.CACertificate, t.ClientCertificate, t.ClientKey.Reveal(), t.InsecureSkipVerify})
	return sha256.Sum256(all)
}
