package adminapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	connectTimeout = 10 * time.Second
	idleTimeout    = 90 * time.Second
	// A ping notices a connection that died silently, so that the next request does not have to time out.
	pingAfter        = 15 * time.Second
	pingTimeout      = 5 * time.Second
	maxResponseBytes = 1 << 20
	maxHeaderBytes   = 64 << 10
)

// PoolOptions are what all clients of a [Pool] have in common.
type PoolOptions struct {
	// UserAgent is sent with every request (RFC 9110 section 10.1.5).
	UserAgent string
	// Logger receives one record for each attempt, with string attributes only and never a body, a header or a secret.
	// nil logs nothing.
	Logger slog.Handler
	// DialContext opens connections instead of a [net.Dialer]; nil for the network of this machine.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Pool is what the clients of one process share: connections and limits, per origin.
type Pool struct {
	userAgent string
	log       *slog.Logger
	dial      func(ctx context.Context, network, address string) (net.Conn, error)

	mu         sync.Mutex
	origins    map[string]*origin
	transports map[transportKey]*http.Transport
}

// NewPool returns an empty pool.
func NewPool(o PoolOptions) *Pool {
	if o.Logger == nil {
		o.Logger = slog.DiscardHandler
	}
	if o.DialContext == nil {
		o.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	return &Pool{
		userAgent:  o.UserAgent,
		log:        slog.New(o.Logger),
		dial:       o.DialContext,
		origins:    map[string]*origin{},
		transports: map[transportKey]*http.Transport{},
	}
}

// Close closes the idle connections; clients may still be used and open new ones.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.transports {
		t.CloseIdleConnections()
	}
}

// Client returns a client for the admin API that c describes, or a *[ConfigError]. It opens no connection.
func (p *Pool) Client(c Config) (*Client, error) {
	base, err := parseURL(c.URL)
	if err != nil {
		return nil, err
	}
	if err := c.Limits.validate(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t, err := p.transport(c.TLS, c.Limits.Concurrency)
	if err != nil {
		return nil, err
	}
	o, err := p.origin(originOf(base), c.Limits)
	if err != nil {
		return nil, err
	}
	return &Client{
		base:        base,
		credentials: c.Credentials,
		limits:      c.Limits,
		userAgent:   p.userAgent,
		log:         p.log,
		origin:      o,
		transport:   t,
		secrets:     new(redactor),
	}, nil
}

// transportKey distinguishes clients that must not share connections.
type transportKey struct {
	tls         [32]byte
	concurrency int
}

func (p *Pool) transport(t TLS, concurrency int) (*http.Transport, error) {
	key := transportKey{t.digest(), concurrency}
	if shared, ok := p.transports[key]; ok {
		return shared, nil
	}
	config, err := t.config()
	if err != nil {
		return nil, err
	}
	p.transports[key] = &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            p.dial,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		MaxConnsPerHost:        concurrency,
		MaxIdleConnsPerHost:    concurrency,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	return p.transports[key], nil
}

func (p *Pool) origin(name string, l Limits) (*origin, error) {
	o, ok := p.origins[name]
	if !ok {
		o = newOrigin(l)
		p.origins[name] = o
	}
	return o, o.agree(name, l)
}
