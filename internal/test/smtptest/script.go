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

// Script is a TCP peer that does to every client what a function says: banners that refuse, silence, half replies,
// endless ones, whatever a proper server would never do.
type Script struct {
	ca       *CA
	listener *listener
	running  sync.WaitGroup

	mu    sync.Mutex
	heard []string
}

// NewScript starts a peer that plays play for each client and then hangs up; the caller closes it.
func NewScript(play func(*Peer)) (*Script, error) { return NewScriptOn(nil, play) }

// NewScriptOn is [NewScript] for a listener that has a TCP address, and that is closed with the script.
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

// Close hangs up on all clients and waits until the plays have ended.
func (s *Script) Close() {
	_ = s.listener.Close()
	s.running.Wait()
}

// Host is the IP address that the peer listens on.
func (s *Script) Host() string { return s.listener.address().IP.String() }

// Port is the TCP port that the peer listens on.
func (s *Script) Port() int { return s.listener.address().Port }

// RootCAs holds the authority that signs what [Peer.StartTLS] shows.
func (s *Script) RootCAs() *x509.CertPool { return s.ca.RootCAs() }

// CAPEM is the certificate of that authority.
func (s *Script) CAPEM() []byte { return s.ca.PEM() }

// Issue makes a certificate signed by that authority.
func (s *Script) Issue(leaf Leaf) (tls.Certificate, error) { return s.ca.Issue(leaf) }

// Connections is how many clients came.
func (s *Script) Connections() int { return s.listener.connections() }

// Heard are the lines that all clients sent so far, message text included, without CRLF.
func (s *Script) Heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// Peer is one client's connection in a script. Its methods report false, or nothing, once the client is gone.
type Peer struct {
	script *Script
	tcp    *tracked
	// conn is tcp or TLS on it.
	conn  net.Conn
	lines *bufio.Reader
}

// Say sends lines, each with CRLF.
func (p *Peer) Say(lines ...string) bool { return p.Send(strings.Join(lines, "\r\n") + "\r\n") }

// Send sends bytes as they are.
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

// Sense waits until the client has sent anything, and leaves it to be heard.
func (p *Peer) Sense() bool {
	_, err := p.lines.Peek(1)
	return err == nil
}

// Answer hears a line before it says each of the replies, in which "\n" separates lines.
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

// StartTLS does the server's side of a handshake. Without certificates in the config it shows one for localhost.
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

// sensed is a connection of which some bytes were read ahead.
type sensed struct {
	net.Conn
	lines *bufio.Reader
}

// Read implements [net.Conn].
func (s sensed) Read(b []byte) (int, error) { return s.lines.Read(b) }

// Wait says nothing until the client is gone or the script is closed; what the client sends is heard.
func (p *Peer) Wait() {
	for {
		if _, ok := p.Hear(); !ok {
			return
		}
	}
}

// HangUp closes the connection.
func (p *Peer) HangUp() { _ = p.conn.Close() }

// Reset closes the connection with a TCP reset, without a word in TLS.
func (p *Peer) Reset() { p.tcp.reset() }
