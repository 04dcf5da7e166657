package faulttest

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// SMTPConfig configures a proxy.
type SMTPConfig struct {
	// Network is the in-memory network on which it listens at Address and answers the site's DNS lookups. If nil, it listens on any
	// port of this machine, and lookups are not affected.
	Network *adminapitest.Network
	Address string
	// Host is its hostname for the site, and the name in its certificate.
	Host string
	// Dial connects to the server, which uses STARTTLS with a certificate for Host that RootCAs trusts.
	Dial    func(context.Context) (net.Conn, error)
	RootCAs *x509.CertPool
}

// SMTP is a proxy in front of a mail server. It terminates TLS, so it can inject faults inside.
type SMTP struct {
	*smtptest.Script

	config SMTPConfig
	dns    net.Listener
	lookup sync.WaitGroup

	mu    sync.Mutex
	fault *SMTPFault
	clear []string
	flood int
}

// NewSMTP starts a proxy without faults; the caller closes it.
func NewSMTP(c SMTPConfig) (*SMTP, error) {
	s := &SMTP{config: c}
	var listener net.Listener
	if c.Network != nil {
		listener = c.Network.Listen(c.Address)
		s.dns = c.Network.Listen(dnsAt)
		s.lookup.Go(s.serveDNS)
	}
	var err error
	s.Script, err = smtptest.NewScriptOn(listener, s.play)
	return s, err
}

// Close closes all connections.
func (s *SMTP) Close() {
	if s.dns != nil {
		_ = s.dns.Close()
	}
	s.Script.Close()
	s.lookup.Wait()
}

// Break sets the proxy's fault.
func (s *SMTP) Break(f SMTPFault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = &f
}

// Heal ends the fault.
func (s *SMTP) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = nil
}

// InClear returns the lines that clients sent without TLS.
func (s *SMTP) InClear() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clear
}

// Flooded returns how many bytes of endless replies clients have read.
func (s *SMTP) Flooded() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flood
}

// at returns the fault if it belongs to the stage, else nil.
func (s *SMTP) at(stage site.Stage) *SMTPFault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil && s.fault.Stage == stage {
		return s.fault
	}
	return nil
}

// Addresses in the in-memory network: its name server, and a machine where nothing listens.
const (
	dnsAt  = "127.0.0.1:53"
	deadAt = "127.0.0.9"
)

// DialContext connects the site to the proxy over the in-memory network, like a [net.Dialer]: it looks up the host, then tries its
// addresses in turn.
func (s *SMTP) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		if f := s.at(site.StageDNS); f != nil && f.query == nil {
			return nil, adminapitest.Refused()
		}
		return s.config.Network.DialContext(ctx, network, dnsAt)
	}}
	addresses, err := resolver.LookupNetIP(ctx, "ip4", host)
	if err != nil {
		return nil, err
	}
	connect := s.config.Network.DialContext
	if f := s.at(site.StageConnect); f != nil {
		connect = f.connecting(connect)
	}
	var conn net.Conn
	for _, ip := range addresses {
		if conn, err = connect(ctx, network, net.JoinHostPort(ip.Unmap().String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// addresses answers every lookup with the proxy's address.
func (s *SMTP) addresses(string) ([]netip.Addr, dnsmessage.RCode, bool) {
	at := []netip.Addr{netip.MustParseAddrPort(s.config.Address).Addr()}
	if f := s.at(site.StageConnect); f != nil && f.twoAddresses {
		at = append([]netip.Addr{netip.MustParseAddr(deadAt)}, at...)
	}
	return at, dnsmessage.RCodeSuccess, false
}

func (s *SMTP) serveDNS() {
	for {
		conn, err := s.dns.Accept()
		if err != nil {
			return
		}
		s.lookup.Go(func() {
			defer func() { _ = conn.Close() }()
			query, err := readDNS(conn)
			if err != nil {
				return
			}
			reply, _ := smtptest.Answer(s.addresses).Reply(query)
			q := &dnsQuery{conn.(*adminapitest.Conn), query, reply}
			if f := s.at(site.StageDNS); f != nil && f.query != nil {
				f.query(q)
				return
			}
			q.send(reply)
		})
	}
}

// session is one connection of a client, forwarded to the server behind the proxy.
type session struct {
	*smtptest.Peer
	proxy *SMTP
	// server is the connection to the server, says reads its lines.
	server net.Conn
	says   *bufio.Reader
	// said are the client's lines that were not forwarded yet.
	said []string
	// login is the base64 of the client's AUTH PLAIN.
	login string
	tls   bool
}

// play takes a session through the stages until the client disconnects or a fault strikes.
func (s *SMTP) play(p *smtptest.Peer) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, err := s.config.Dial(ctx)
	if err != nil {
		return
	}
	c := &session{Peer: p, proxy: s, server: server, says: bufio.NewReader(server)}
	defer func() { _ = c.server.Close() }()
	if !c.pass(site.StageBanner) {
		return
	}
	for c.hear() {
		stage := stageOf(c.said[0])
		if !c.pass(stage) {
			return
		}
		if stage == site.StageSTARTTLS && !c.secure() {
			return
		}
	}
}

// hear waits for a command of the client.
func (s *session) hear() bool {
	line, ok := s.Hear()
	s.said = []string{line}
	if credentials, login := strings.CutPrefix(line, "AUTH PLAIN "); login {
		s.login = credentials
	}
	if !s.tls {
		s.proxy.mu.Lock()
		s.proxy.clear = append(s.proxy.clear, line)
		s.proxy.mu.Unlock()
	}
	return ok
}

func stageOf(command string) site.Stage {
	verb, _, _ := strings.Cut(command, " ")
	return map[string]site.Stage{
		"EHLO": site.StageEHLO, "STARTTLS": site.StageSTARTTLS, "AUTH": site.StageAuth, "MAIL": site.StageMail,
		"RCPT": site.StageRcpt, "DATA": site.StageData,
	}[verb]
}

// pass forwards the server's replies in a stage, unless the fault belongs to it. A fault ends the session.
func (s *session) pass(stage site.Stage) bool {
	f := s.proxy.at(stage)
	if f != nil && !f.atDot {
		f.play(s)
		return false
	}
	reply := s.carryOut()
	if !s.Say(reply...) {
		return false
	}
	if stage != site.StageData || !strings.HasPrefix(reply[0], "354") {
		return true
	}
	for s.said = nil; ; {
		line, ok := s.Hear()
		if !ok {
			return false
		}
		if s.said = append(s.said, line); line == "." {
			break
		}
	}
	if f != nil {
		f.play(s)
		return false
	}
	return s.Say(s.carryOut()...)
}

// carryOut forwards the client's lines to the server, and returns the lines of its reply.
func (s *session) carryOut() []string {
	if len(s.said) > 0 {
		_, _ = s.server.Write([]byte(strings.Join(s.said, "\r\n") + "\r\n"))
	}
	s.said = nil
	var reply []string
	for {
		line, err := s.says.ReadString('\n')
		if err != nil {
			return append(reply, "421 4.3.0 the server behind the proxy is gone")
		}
		line = strings.TrimRight(line, "\r\n")
		reply = append(reply, line)
		if len(line) < 4 || line[3] != '-' {
			return reply
		}
	}
}

// secure does the TLS handshakes on both sides.
func (s *session) secure() bool {
	if f := s.proxy.at(site.StageTLS); f != nil {
		s.Sense()
		f.play(s)
		return false
	}
	conn := tls.Client(s.server, &tls.Config{ServerName: s.proxy.config.Host, RootCAs: s.proxy.config.RootCAs, MinVersion: tls.VersionTLS12})
	if conn.Handshake() != nil {
		return false
	}
	s.server, s.says, s.tls = conn, bufio.NewReader(conn), true
	return s.show(smtptest.Leaf{Names: []string{s.proxy.config.Host}})
}

// show does the TLS handshake with the client, with a certificate of the proxy's authority.
func (s *session) show(leaf smtptest.Leaf) bool {
	certificate, err := s.proxy.Issue(leaf)
	return err == nil && s.StartTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
}
