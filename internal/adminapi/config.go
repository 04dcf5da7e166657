package adminapi

import (
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/secret"
)

// Config describes one admin API.
type Config struct {
	// URL is the base that request paths are appended to, such as https://client-a.example or, with a prefix,
	// https://sites.example/client-a. http is for loopback hosts when credentials are sent.
	URL string
	// Credentials are sent with every request; nil sends none.
	Credentials Credentials
	TLS         TLS
	Limits      Limits
}

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

// Limits bound what one client does to one origin. The zero Limits are invalid: start from [DefaultLimits].
type Limits struct {
	// RequestTimeout bounds each attempt, from the connection to the last byte of the answer.
	RequestTimeout time.Duration
	// MaxRetries is how often a call is repeated after its first attempt, where [Repeat] allows it.
	MaxRetries int
	// RequestsPerSecond and Concurrency hold for all clients of one origin together.
	RequestsPerSecond float64
	Concurrency       int
}

// DefaultLimits are 30 s an attempt, 3 retries, 20 requests a second and 4 at a time.
func DefaultLimits() Limits {
	return Limits{RequestTimeout: 30 * time.Second, MaxRetries: 3, RequestsPerSecond: 20, Concurrency: 4}
}

// ConfigError is a part of a [Config] that cannot be used.
type ConfigError struct {
	// Attribute is the provider argument at fault: url, token, username, password, ca_certificate, client_certificate,
	// request_timeout, max_retries, requests_per_second, concurrency or platform.
	Attribute string
	// Message is for people and complete without Attribute.
	Message string
}

// Error implements error.
func (e *ConfigError) Error() string { return e.Attribute + ": " + e.Message }
