package smtptest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"sync"
)

// Script is a scripted TCP server, for behaviour that no proper server shows: a banner that refuses, silence, partial or endless
// replies.
type Script struct {
	ca       *CA
	listener *listener
	running  sync.WaitGroup

	mu    sync.Mutex
	heard []string
}

// NewScript starts a server that calls play for each client and then closes the connection. The caller closes the server.
func NewScript(play func(*Peer)) (*Script, error) { return NewScriptOn(nil, play) }

// NewScriptOn is [NewScript] on a listener, which must have a TCP address and is closed with the script.
func NewScriptOn(on net.Listener, play func(*Peer)) (*Script, error) {
	ca, err := NewCA()
	if err != nil {
		return nil, err
	}
	l, err := listen(on, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Script{ca: ca, listener: l}
	s.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.running.Go(func() {
				peer := &Peer{script: s, tcp: conn.(*tracked), conn: conn, lines: bufio.NewReader(conn)}
				defer peer.HangUp()
				play(peer)
			})
		}
	})
	return s, nil
}

// Close closes all connections and waits until play has returned for all of them.
func (s *Script) Close() {
	_ = s.listener.Close()
	s.running.Wait()
}

// Host returns the IP address that the server listens on.
func (s *Script) Host() string { return s.listener.address().IP.String() }

// Port returns the TCP port that the server listens on.
func (s *Script) Port() int { return s.listener.address().Port }

// RootCAs returns a pool with the authority that issues the certificate of [Peer.StartTLS].
func (s *Script) RootCAs() *x509.CertPool { return s.ca.RootCAs() }

// CAPEM returns the certificate (PEM) of that authority.
func (s *Script) CAPEM() []byte { return s.ca.PEM() }

// Issue issues a certificate of that authority.
func (s *Script) Issue(leaf Leaf) (tls.Certificate, error) { return s.ca.Issue(leaf) }

// Connections returns the number of connections so far.
func (s *Script) Connections() int { return s.listener.connections() }

// Heard returns the lines that all clients have sent so far, including messages, without CRLF.
func (s *Script) Heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// Peer is one client's connection in a script. Once the client has disconnected, its methods report false.
type Peer struct {
	script *Script
	tcp    *tracked
	// conn is tcp, or the TLS connection on it.
	conn  net.Conn
	lines *bufio.Reader
}

// Say sends lines, each with CRLF.
func (p *Peer) Say(lines ...string) bool { return p.Send(strings.Join(lines, "\r\n") + "\r\n") }

// Send sends s unchanged.
func (p *Peer) Send(s string) bool {
	_, err := p.conn.Write([]byte(s))
	return err == nil
}

// Hear waits for a line and returns it without CRLF.
func (p *Peer) Hear() (string, bool) {
	line, err := p.lines.ReadString('\n')
	if err != nil {
		return "", false
	}
	line = strings.TrimRight(line, "\r\n")
	p.script.mu.Lock()
	defer p.script.mu.Unlock()
	p.script.heard = append(p.script.heard, line)
	return line, true
}

// Sense waits until the client has sent something, but does not consume it.
func (p *Peer) Sense() bool {
	_, err := p.lines.Peek(1)
	return err == nil
}

// Answer hears a line and then says a reply, for each of the replies. "\n" separates the lines of a reply.
func (p *Peer) Answer(replies ...string) bool {
	for _, reply := range replies {
		if _, ok := p.Hear(); !ok || !p.Say(strings.Split(reply, "\n")...) {
			return false
		}
	}
	return true
}

// HearBody waits for the lines of a message up to its final dot.
func (p *Peer) HearBody() bool {
	for {
		if line, ok := p.Hear(); !ok || line == "." {
			return ok
		}
	}
}

// StartTLS does the server's side of a TLS handshake. If the config has no certificates, it issues one for localhost.
func (p *Peer) StartTLS(config *tls.Config) bool {
	config = config.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if len(config.Certificates) == 0 {
		certificate, err := p.script.Issue(Leaf{})
		if err != nil {
			return false
		}
		config.Certificates = []tls.Certificate{certificate}
	}
	conn := tls.Server(sensed{p.conn, p.lines}, config)
	if conn.Handshake() != nil {
		return false
	}
	p.conn, p.lines = conn, bufio.NewReader(conn)
	return true
}

// sensed is a connection whose first bytes may already be buffered.
type sensed struct {
	net.Conn
	lines *bufio.Reader
}

// Read implements [net.Conn].
func (s sensed) Read(b []byte) (int, error) { return s.lines.Read(b) }

// Wait hears, but says nothing, until the client disconnects or the script is closed.
func (p *Peer) Wait() {
	for {
		if _, ok := p.Hear(); !ok {
			return
		}
	}
}

// HangUp closes the connection.
func (p *Peer) HangUp() { _ = p.conn.Close() }

// Reset closes the connection with a TCP reset, without a TLS alert.
func (p *Peer) Reset() { p.tcp.reset() }
