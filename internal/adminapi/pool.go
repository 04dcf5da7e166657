// Package adminapi speaks HTTP with the admin API of any site: credentials, limits, retries, errors and log lines. It
// knows neither mail nor Terraform; what a call means is the business of the platform that makes it.
//
// A call passes through layers of one idea each, composed in [Client.Do]: answered turns what came back into a result
// or an [Error], authorized adds the credentials, limited waits for the origin's turn, logged writes one line, bounded
// gives each attempt an end in time and size. Around them go-retryablehttp repeats what [Repeat] allows.
package adminapi

import "log/slog"

// PoolOptions are what all clients of a [Pool] have in common.
type PoolOptions struct {
	// UserAgent is sent with every request (RFC 9110 section 10.1.5); may be empty.
	UserAgent string
	// Logger gets one record for each attempt, with string attributes only and never a body, a header or a secret.
	// nil logs nothing.
	Logger slog.Handler
}

// Pool is what the clients of one process share: connections and limits, per origin.
type Pool struct {
	userAgent string
	log       *slog.Logger
}

// NewPool returns an empty pool.
func NewPool(o PoolOptions) *Pool {
	if o.Logger == nil {
		o.Logger = slog.DiscardHandler
	}
	return &Pool{userAgent: o.UserAgent, log: slog.New(o.Logger)}
}

// Close closes the idle connections; clients may still be used and open new ones.
func (p *Pool) Close() {}
