package adminapi

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/sitemail/terraform-provider-smtp/internal/loopback"
)

// Config describes one admin API.
type Config struct {
	// URL is the base that request paths are appended to, such as https://client-a.example or, with a prefix,
	// https://sites.example/client-a. Only loopback hosts can use http.
	URL string
	// Credentials are sent with every request; nil sends none.
	Credentials Credentials
	TLS         TLS
	Limits      Limits
}

// ConfigError is a part of a [Config] that cannot be used.
type ConfigError struct {
	// Attribute is the provider argument at fault: url, platform, token, username, password, ca_certificate,
	// client_certificate, request_timeout, max_retries, requests_per_second or concurrency.
	Attribute string
	// Message is a sentence for people, without the attribute and without secrets.
	Message string
}

// Error implements error.
func (e *ConfigError) Error() string { return e.Attribute + ": " + e.Message }

// Limits limit the requests to one origin. The zero Limits are invalid: start from [DefaultLimits].
type Limits struct {
	// RequestTimeout is the timeout of each attempt, from the connection to the last byte of the response.
	RequestTimeout time.Duration
	// MaxRetries is the maximum number of retries, if [Repeat] allows them.
	MaxRetries int
	// RequestsPerSecond, with [rate.Inf] for no limit, and Concurrency apply to all clients of one origin together, which must
	// have the same values.
	RequestsPerSecond float64
	Concurrency       int
}

// DefaultLimits are 30 s per attempt, 3 retries, and 10 concurrent requests at any rate: as many as Terraform makes by default.
func DefaultLimits() Limits {
	return Limits{RequestTimeout: 30 * time.Second, MaxRetries: 3, RequestsPerSecond: float64(rate.Inf), Concurrency: 10}
}

func (l Limits) validate() error {
	switch {
	case l.RequestTimeout <= 0:
		return &ConfigError{"request_timeout", "The timeout must be greater than zero."}
	case l.MaxRetries < 0:
		return &ConfigError{"max_retries", "The number of retries cannot be negative."}
	case !(l.RequestsPerSecond > 0):
		return &ConfigError{"requests_per_second", "The rate must be greater than zero."}
	case l.Concurrency < 1:
		return &ConfigError{"concurrency", "It must be at least one."}
	}
	return nil
}

// parseURL never repeats what it refuses: a URL may hold a password, even one that cannot be parsed.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || (u.Scheme != "https" && u.Scheme != "http"):
		return nil, &ConfigError{"url", "It must be a URL such as https://client-a.example."}
	case u.User != nil:
		return nil, &ConfigError{"url", "Credentials do not belong in the URL, where logs and error texts show them; " +
			"use token, or username and password."}
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, &ConfigError{"url", "The URL must end before any ? or #."}
	case u.Scheme == "http" && !loopback.Is(u.Hostname()):
		return nil, &ConfigError{"url", fmt.Sprintf("With http, anyone who can intercept the connection to %s can read the passwords; use https. "+
			"Only loopback hosts can use http.", u.Hostname())}
	}
	return u, nil
}

// Address returns the normal form of a site's URL, the same for every spelling of the same address: scheme and host in lower
// case, always a port, no slash at the end. The error is a *[ConfigError].
func Address(raw string) (string, error) {
	u, err := parseURL(raw)
	if err != nil {
		return "", err
	}
	return originOf(u) + u.EscapedPath(), nil
}

// originOf gives scheme, host and port (RFC 6454), the same for every spelling of them.
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."), port)
}
