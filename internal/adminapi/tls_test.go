package adminapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi"
	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

func pemOf(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// identity is a certificate and its key.
type identity struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func (i identity) forTLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{i.certificate.Raw}, PrivateKey: i.key}
}

func (i identity) keyPEM(t *testing.T) secret.Text {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

// issue makes a certificate for 127.0.0.1 that change may spoil; issuer nil makes an authority.
func issue(t *testing.T, issuer *identity, change func(*x509.Certificate)) identity {
	t.Helper()
	made, err := tryIssue(issuer, change)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func tryIssue(issuer *identity, change func(*x509.Certificate)) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Test Authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		BasicConstraintsValid: true,
		IsCA:                  issuer == nil,
	}
	signer := identity{template, key}
	if issuer != nil {
		signer = *issuer
		template.Subject.CommonName = "a leaf"
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, signer.certificate, key.Public(), signer.key)
	if err != nil {
		return identity{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return identity{}, err
	}
	return identity{certificate, key}, nil
}

func unspoiled(*x509.Certificate) {}

// serveTLS counts connections.
func serveTLS(t *testing.T, config *tls.Config) (url string, connections *atomic.Int32) {
	t.Helper()
	server := httptest.NewUnstartedServer(fine)
	server.TLS = config
	server.Config.ErrorLog = quiet()
	connections = new(atomic.Int32)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, connections
}

func TestUntrusted(t *testing.T) {
	authority := issue(t, nil, unspoiled)
	trusted := pemOf(authority.certificate)
	leaf := func(change func(*x509.Certificate)) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{issue(t, &authority, change).forTLS()}}
	}
	clients := x509.NewCertPool()
	clients.AddCert(authority.certificate)
	mutual := func(version uint16) *tls.Config {
		c := leaf(unspoiled)
		c.ClientAuth, c.ClientCAs, c.MaxVersion = tls.RequireAndVerifyClientCert, clients, version
		return c
	}
	old := leaf(unspoiled)
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11

	for name, tt := range map[string]struct {
		server *tls.Config
		client adminapi.TLS
		want   string
	}{
		"expired": {
			leaf(func(c *x509.Certificate) {
				c.NotAfter = time.Date(2001, 2, 3, 0, 0, 0, 0, time.UTC)
				c.NotBefore = c.NotAfter.AddDate(-1, 0, 0)
			}),
			adminapi.TLS{CACertificate: trusted},
			"its certificate is valid from 2000-02-03 to 2001-02-03 only",
		},
		"not yet valid": {
			leaf(func(c *x509.Certificate) {
				c.NotBefore = c.NotBefore.AddDate(1, 0, 0)
				c.NotAfter = c.NotAfter.AddDate(2, 0, 0)
			}),
			adminapi.TLS{CACertificate: trusted},
			"its certificate is valid from",
		},
		"wrong name": {
			leaf(func(c *x509.Certificate) { c.IPAddresses = nil; c.DNSNames = []string{"other.example"} }),
			adminapi.TLS{CACertificate: trusted},
			"its certificate is for another name; check url",
		},
		"unknown authority": {
			leaf(unspoiled),
			adminapi.TLS{},
			`its certificate was issued by "CN=Test Authority", which is not trusted here; if it should be, set ca_certificate`,
		},
		"TLS 1.1":                       {old, adminapi.TLS{CACertificate: trusted}, "it does not speak TLS 1.2 or newer"},
		"TLS 1.1, unverified":           {old, adminapi.TLS{InsecureSkipVerify: true}, "it does not speak TLS 1.2 or newer"},
		"no client certificate":         {mutual(tls.VersionTLS13), adminapi.TLS{CACertificate: trusted}, "check client_certificate"},
		"no client certificate TLS 1.2": {mutual(tls.VersionTLS12), adminapi.TLS{CACertificate: trusted}, "check client_certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			url, connections := serveTLS(t, tt.server)
			client := open(t, adminapi.PoolOptions{}, adminapi.Config{URL: url, TLS: tt.client, Limits: unlimited()})
			err := get(t.Context(), client, nil)
			e, ok := errors.AsType[*adminapi.Error](err)
			if !ok || e.Kind != adminapi.Untrusted || !strings.Contains(err.Error(), tt.want) || e.Undecided() {
				t.Errorf("got %v", err)
			}
			if n := connections.Load(); n != 1 {
				t.Errorf("got %d connections: the client retried a permanent failure", n)
			}
		})
	}
}

func TestTrusted(t *testing.T) {
	authority := issue(t, nil, unspoiled)
	own := issue(t, &authority, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	server := &tls.Config{Certificates: []tls.Certificate{issue(t, &authority, unspoiled).forTLS()}}
	mutual := server.Clone()
	mutual.ClientAuth, mutual.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	mutual.ClientCAs.AddCert(authority.certificate)
	self := issue(t, nil, func(c *x509.Certificate) { c.NotAfter = c.NotBefore })

	for name, tt := range map[string]struct {
		server *tls.Config
		client adminapi.TLS
	}{
		"ca_certificate": {server, adminapi.TLS{CACertificate: pemOf(authority.certificate)}},
		"client_certificate": {mutual, adminapi.TLS{
			CACertificate: pemOf(authority.certificate), ClientCertificate: pemOf(own.certificate), ClientKey: own.keyPEM(t),
		}},
		"insecure_skip_verify": {&tls.Config{Certificates: []tls.Certificate{self.forTLS()}}, adminapi.TLS{InsecureSkipVerify: true}},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := serveTLS(t, tt.server)
			client := open(t, adminapi.PoolOptions{}, adminapi.Config{URL: url, TLS: tt.client, Limits: once()})
			if err := get(t.Context(), client, nil); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestClientsThatTrustDifferentlyShareNoConnection(t *testing.T) {
	authority := issue(t, nil, unspoiled)
	url, _ := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{issue(t, &authority, unspoiled).forTLS()}})
	pool := adminapi.NewPool(adminapi.PoolOptions{})
	t.Cleanup(pool.Close)
	for _, trust := range []adminapi.TLS{{CACertificate: pemOf(authority.certificate)}, {}, {InsecureSkipVerify: true}, {}} {
		client, err := pool.Client(adminapi.Config{URL: url, TLS: trust, Limits: once()})
		if err != nil {
			t.Fatal(err)
		}
		strict := trust.CACertificate == nil && !trust.InsecureSkipVerify
		if err := get(t.Context(), client, nil); (err != nil) != strict {
			t.Errorf("strict %t: got %v", strict, err)
		}
	}
}

func TestHTTPBehindHTTPS(t *testing.T) {
	plain := serve(t, fine)
	client := open(t, adminapi.PoolOptions{}, adminapi.Config{URL: strings.Replace(plain.URL, "http:", "https:", 1), Limits: unlimited()})
	err := get(t.Context(), client, nil)
	if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Kind != adminapi.Untrusted || e.Attempts != 1 ||
		!strings.Contains(err.Error(), "check scheme and port of url") {
		t.Errorf("got %v", err)
	}
}

func TestTLSThatBreaks(t *testing.T) {
	// A ServerHello (RFC 8446 section 4.1.3) that settles on TLS 1.0 although the client did not offer it.
	hello := "\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" + strings.Repeat("r", 32) + "\x00\x00\x2f\x00"
	old := raw(t, func(c *net.TCPConn) { _, _ = c.Write([]byte(hello)) })

	authority := issue(t, nil, unspoiled)
	broken := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		// A record that the client cannot decrypt, in the middle of the answer.
		_, _ = c.(*tls.Conn).NetConn().Write([]byte("\x17\x03\x03\x00\x20" + strings.Repeat("x", 32)))
		_ = c.Close()
	}))
	broken.TLS = &tls.Config{Certificates: []tls.Certificate{issue(t, &authority, unspoiled).forTLS()}}
	broken.StartTLS()
	t.Cleanup(broken.Close)

	for name, tt := range map[string]struct {
		url       string
		kind      adminapi.Kind
		undecided bool
	}{
		"TLS version not offered":       {strings.Replace(old, "http:", "https:", 1), adminapi.Untrusted, false},
		"in the middle of the response": {broken.URL, adminapi.NoAnswer, true},
	} {
		t.Run(name, func(t *testing.T) {
			client := open(t, adminapi.PoolOptions{}, adminapi.Config{URL: tt.url, TLS: adminapi.TLS{CACertificate: pemOf(authority.certificate)}, Limits: once()})
			err := get(t.Context(), client, nil)
			if e, ok := errors.AsType[*adminapi.Error](err); !ok || e.Kind != tt.kind || e.Undecided() != tt.undecided || !strings.Contains(err.Error(), "tls: ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheSystemsAuthoritiesStayTrusted(t *testing.T) {
	url, _ := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{issue(t, &system, unspoiled).forTLS()}})
	for name, trust := range map[string]adminapi.TLS{"alone": {}, "beside others": {CACertificate: pemOf(issue(t, nil, unspoiled).certificate)}} {
		client := open(t, adminapi.PoolOptions{}, adminapi.Config{URL: url, TLS: trust, Limits: once()})
		if err := get(t.Context(), client, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
