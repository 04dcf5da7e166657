package faulttest

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// IMAP is a proxy in front of an IMAP server without TLS. It uses TLS itself, and forwards commands one at a time.
type IMAP struct {
	*smtptest.Script

	host string
	dial func(context.Context) (net.Conn, error)

	mu    sync.Mutex
	fault *IMAPFault
	flood int
}

// IMAPFault is one way in which the server of a test inbox can go wrong.
type IMAPFault struct {
	// At is the command that it strikes, or "TLS" or "GREETING".
	At, Name string
	// Row is the rule's number in RELIABILITY.md, such as "R63".
	Row string
	// Shortfall is the expected result of the test; empty if it must pass.
	Shortfall site.Shortfall
	// Sent is true if it strikes after the test message was sent.
	Sent bool
	play func(*imapSession)
}

// NewIMAP starts a proxy without faults; the caller closes it. Its certificate is for host.
func NewIMAP(on net.Listener, host string, dial func(context.Context) (net.Conn, error)) (*IMAP, error) {
	p := &IMAP{host: host, dial: dial}
	var err error
	p.Script, err = smtptest.NewScriptOn(on, p.play)
	return p, err
}

// Break sets the proxy's fault; nil ends it.
func (p *IMAP) Break(f *IMAPFault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Flooded returns how many bytes of endless responses clients have read.
func (p *IMAP) Flooded() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flood
}

func (p *IMAP) at(command string) *IMAPFault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault != nil && p.fault.At == command {
		return p.fault
	}
	return nil
}

// imapSession is one connection of a client, forwarded to the server behind the proxy.
type imapSession struct {
	*smtptest.Peer
	proxy  *IMAP
	server net.Conn
	says   *bufio.Reader
	// tag is the tag of the current command, and line the command, not yet forwarded; both are empty for the greeting.
	tag, line string
}

func (p *IMAP) play(peer *smtptest.Peer) {
	s := &imapSession{Peer: peer, proxy: p}
	if f := p.at("TLS"); f != nil {
		f.play(s)
		return
	}
	if !s.show(smtptest.Leaf{Names: []string{p.host}}) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, err := p.dial(ctx)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	s.server, s.says = server, bufio.NewReader(server)
	for command := "GREETING"; ; {
		if f := p.at(command); f != nil {
			f.play(s)
			return
		}
		if !s.passOn() {
			return
		}
		line, ok := s.Hear()
		if !ok {
			return
		}
		words := strings.Fields(line + " ? ?")
		s.tag, s.line, command = words[0], line, strings.ToUpper(words[1])
		if command == "UID" {
			command = strings.ToUpper(words[2])
		}
	}
}

// show does the TLS handshake with a certificate of the proxy's authority.
func (s *imapSession) show(leaf smtptest.Leaf) bool {
	certificate, err := s.proxy.Issue(leaf)
	return err == nil && s.StartTLS(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
}

// passOn forwards the current command, and the server's response.
func (s *imapSession) passOn() bool {
	answer, ok := s.answer()
	return ok && s.Send(answer)
}

// answer forwards the current command and returns the server's response: its lines, with their literals (RFC 3501 section 4.3).
func (s *imapSession) answer() (string, bool) {
	if s.tag != "" {
		if _, err := io.WriteString(s.server, s.line+"\r\n"); err != nil {
			return "", false
		}
	}
	var all strings.Builder
	for {
		line, err := s.says.ReadString('\n')
		if err != nil {
			return "", false
		}
		all.WriteString(line)
		if size, ok := literal(line); ok {
			if _, err := io.CopyN(&all, s.says, size); err != nil {
				return "", false
			}
			continue
		}
		if s.tag == "" || strings.HasPrefix(line, s.tag+" ") {
			return all.String(), true
		}
	}
}

// literal returns the size of the literal that the end of a line announces.
func literal(line string) (size int64, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	at := strings.LastIndexByte(line, '{')
	if at < 0 || !strings.HasSuffix(line, "}") {
		return 0, false
	}
	for _, digit := range line[at+1 : len(line)-1] {
		size = size*10 + int64(digit-'0')
	}
	return size, true
}

// pour sends text repeatedly, for as long as the client reads.
func (s *imapSession) pour(text string) {
	for s.Send(text) {
		s.proxy.mu.Lock()
		s.proxy.flood += len(text)
		s.proxy.mu.Unlock()
	}
}

// IMAPFaults lists the faults of a test inbox.
func IMAPFaults() []IMAPFault {
	var all []IMAPFault
	add := func(at, name string, shortfall site.Shortfall, play func(*imapSession)) {
		all = append(all, IMAPFault{At: at, Name: name, Row: "R63", Shortfall: shortfall, Sent: at == "EXAMINE" || at == "FETCH", play: play})
	}
	shows := func(leaf smtptest.Leaf) func(*imapSession) { return func(s *imapSession) { s.show(leaf) } }
	add("TLS", "Cut", site.InboxTLS, func(*imapSession) {})
	add("TLS", "Hang", site.InboxTLS, func(s *imapSession) { s.Wait() })
	add("TLS", "NoTLS", site.InboxTLS, func(s *imapSession) { s.Say("* OK IMAP4rev1 ready"); s.Wait() })
	add("TLS", "OtherName", site.InboxTLS, shows(smtptest.Leaf{Names: []string{"other.example.test"}}))
	add("TLS", "Expired", site.InboxTLS, func(s *imapSession) {
		s.show(smtptest.Leaf{Names: []string{s.proxy.host}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)})
	})
	for _, at := range []string{"GREETING", "LOGIN", "LIST", "STATUS", "EXAMINE", "FETCH"} {
		refused := site.InboxConnect
		if at == "LOGIN" {
			refused = site.InboxLogin
		}
		add(at, "Cut", site.InboxConnect, func(*imapSession) {})
		add(at, "Reset", site.InboxConnect, func(s *imapSession) { s.Reset() })
		add(at, "Hang", site.InboxConnect, func(s *imapSession) { s.Wait() })
		add(at, "HalfAnswerCut", site.InboxConnect, func(s *imapSession) {
			answer, _ := s.answer()
			s.Send(answer[:len(answer)/2])
		})
		add(at, "Slow", site.InboxConnect, func(s *imapSession) {
			answer, _ := s.answer()
			drip([]byte(answer), func(b []byte) bool { return s.Send(string(b)) })
			s.Wait()
		})
		add(at, "Bye", site.InboxConnect, func(s *imapSession) { s.Say("* BYE shutting down") })
		add(at, "Garbage", site.InboxConnect, func(s *imapSession) { s.Say("\x00\xff\x1b[2J is no answer of any IMAP server"); s.Wait() })
		add(at, "HugeLiteral", site.InboxConnect, func(s *imapSession) {
			s.Say(`* LIST () "/" {4294967295}`)
			s.Wait()
		})
		add(at, "NegativeLiteral", site.InboxConnect, func(s *imapSession) { s.Say(`* LIST () "/" {-1}`); s.Wait() })
		if at == "GREETING" {
			continue
		}
		add(at, "Refused", refused, func(s *imapSession) { s.Say(s.tag + " NO [NONEXISTENT] no such\x1b[2J mailbox"); s.Wait() })
		add(at, "Bad", refused, func(s *imapSession) { s.Say(s.tag + " BAD what?"); s.Wait() })
		if at != "EXAMINE" && at != "FETCH" { // after the sending, it would strike in every poll
			add(at, "Endless", site.InboxConnect, func(s *imapSession) { s.pour("* OK " + strings.Repeat("more ", 200) + "\r\n") })
		}
	}
	return all
}
