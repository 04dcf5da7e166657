// Package faulttest injects faults between the machines of a test: [HTTP] between provider and site, [SMTP] between site and mail
// server, [IMAP] between provider and test inbox. Each is a proxy in front of a real server. They work on the network of this machine
// and on an in-memory network with the clock of [testing/synctest].
package faulttest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"path"
	"slices"
	"sync"
	"time"
)

// Position is how far a request has got when its fault strikes.
type Position string

// The positions.
const (
	// Before: it did not reach the site. If there is a response, it comes from something on the way.
	Before Position = "Before"
	// After: the site carried it out, but nothing of its response arrived.
	After Position = "After"
	// Within: the site carried it out, but its response is damaged from the middle on.
	Within Position = "Within"
)

// Positions lists the positions.
func Positions() []Position { return []Position{Before, After, Within} }

// Plan says which requests a fault strikes.
type Plan struct {
	Method string
	// Path is a pattern of [path.Match].
	Path string
	// From is the first matching request to be struck, counted from 1.
	From int
	// Times is how many consecutive matching requests are struck; 0 means all from then on.
	Times    int
	Position Position
	Fault    HTTPFault
}

// Call is a request that reached the proxy.
type Call struct {
	Method, Path string
	Header       http.Header
	Body         []byte
	// Struck is true if a fault struck it.
	Struck bool
	// Status is the site's response status; 0 if the request has not reached the site.
	Status int
}

// HTTPConfig configures a proxy.
type HTTPConfig struct {
	// Listener is what it listens on. The proxy closes it.
	Listener net.Listener
	// Dial connects to the site, which speaks HTTP without TLS.
	Dial func(context.Context) (net.Conn, error)
	// Elsewhere is the origin that redirects lead to.
	Elsewhere string
	// Certificate makes the proxy use TLS. Untrusted is its certificate after the fault "TLS".
	Certificate, Untrusted *tls.Certificate
}

// HTTP is a proxy in front of a site.
type HTTP struct {
	config  HTTPConfig
	ctx     context.Context
	close   context.CancelFunc
	running sync.WaitGroup

	mu        sync.Mutex
	open      map[net.Conn]struct{}
	plan      *Plan
	matched   int
	untrusted bool
	calls     []*Call
}

// NewHTTP starts a proxy without faults; the caller closes it.
func NewHTTP(c HTTPConfig) *HTTP {
	p := &HTTP{config: c, open: map[net.Conn]struct{}{}}
	p.ctx, p.close = context.WithCancel(context.Background())
	p.running.Go(func() {
		for {
			conn, err := c.Listener.Accept()
			if err != nil {
				return
			}
			p.running.Go(func() { p.serve(conn) })
		}
	})
	return p
}

// Close closes all connections and waits until the last request was delivered or abandoned.
func (p *HTTP) Close() {
	p.close()
	_ = p.config.Listener.Close()
	p.mu.Lock()
	for conn := range p.open {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

// Break sets the proxy's plan, and restarts its count of matching requests.
func (p *HTTP) Break(plan Plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan, p.matched = &plan, 0
}

// Heal ends the faults and returns how many requests they struck.
func (p *HTTP) Heal() (struck int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan, p.untrusted = nil, false
	for _, c := range p.calls {
		if c.Struck {
			struck++
		}
	}
	return struck
}

// Calls returns all requests since it was last called.
func (p *HTTP) Calls() []Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	var calls []Call
	for _, c := range p.calls {
		calls = append(calls, *c)
	}
	p.calls = nil
	return calls
}

func (p *HTTP) serve(conn net.Conn) {
	p.mu.Lock()
	p.open[conn] = struct{}{}
	p.mu.Unlock()
	defer func() {
		_ = conn.Close()
		p.mu.Lock()
		delete(p.open, conn)
		p.mu.Unlock()
	}()
	x := &exchange{proxy: p, raw: conn, conn: conn}
	if p.config.Certificate != nil {
		x.conn = tls.Server(conn, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: p.certificate})
	}
	x.lines = bufio.NewReader(x.conn)
	for x.next() {
		position, fault := p.note(x)
		if !fault.play(x, position) {
			return
		}
	}
}

func (p *HTTP) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.untrusted {
		return p.config.Untrusted, nil
	}
	return p.config.Certificate, nil
}

// note records the request and returns the fault that strikes it, if any.
func (p *HTTP) note(x *exchange) (Position, HTTPFault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	x.call = &Call{Method: x.request.Method, Path: x.request.URL.Path, Header: x.request.Header, Body: x.body}
	p.calls = append(p.calls, x.call)
	if p.plan == nil || p.plan.Method != x.call.Method {
		return "", pass
	}
	if ok, err := path.Match(p.plan.Path, x.call.Path); !ok || err != nil {
		return "", pass
	}
	p.matched++
	if p.matched < p.plan.From || p.plan.Times > 0 && p.matched >= p.plan.From+p.plan.Times {
		return "", pass
	}
	x.call.Struck = true
	return p.plan.Position, p.plan.Fault
}

// reply is a response, from the site or made up.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// exchange is one connection of a client, with its current request.
type exchange struct {
	proxy *HTTP
	// raw is the TCP connection, conn the same or the TLS connection on it.
	raw, conn net.Conn
	lines     *bufio.Reader
	request   *http.Request
	body      []byte
	call      *Call
}

// next reads a whole request.
func (x *exchange) next() bool {
	var err error
	if x.request, err = http.ReadRequest(x.lines); err != nil {
		return false
	}
	x.body, err = io.ReadAll(x.request.Body)
	return err == nil
}

// carryOut delivers the request to the site and returns the response, or a 502 if there is none.
func (x *exchange) carryOut() reply {
	answer, err := x.forward()
	if err != nil {
		return reply{http.StatusBadGateway, http.Header{"Content-Type": {"text/plain"}}, []byte(err.Error())}
	}
	x.proxy.mu.Lock()
	defer x.proxy.mu.Unlock()
	x.call.Status = answer.status
	return answer
}

func (x *exchange) forward() (reply, error) {
	conn, err := x.proxy.config.Dial(x.proxy.ctx)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(x.proxy.ctx, func() { _ = conn.Close() })()
	again := x.request.Clone(x.proxy.ctx)
	again.Body = io.NopCloser(bytes.NewReader(x.body))
	again.Close = true
	if err := again.Write(conn); err != nil {
		return reply{}, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), again)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	resp.Header.Del("Content-Length")
	resp.Header.Del("Connection")
	return reply{resp.StatusCode, resp.Header, body}, err
}

// wait waits for d. It returns false if the proxy is closed first.
func (x *exchange) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.proxy.ctx.Done():
		return false
	}
}

// hang sends nothing more, until the client disconnects.
func (x *exchange) hang() { _, _ = io.Copy(io.Discard, x.lines) }

// send sends the pieces, and reports whether that succeeded.
func (x *exchange) send(pieces ...[]byte) bool {
	_, err := x.conn.Write(slices.Concat(pieces...))
	return err == nil
}
