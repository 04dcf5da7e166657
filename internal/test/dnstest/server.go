// Package dnstest is a real DNS server on loopback for tests, over UDP and TCP. It answers from a test's zone, and can fail for chosen
// names.
package dnstest

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Zone maps a name, without its final dot, to its records. Each begins with its type: "TXT v=spf1 -all", "A 192.0.2.1",
// "AAAA 2001:db8::1", "MX 10 mx.client.example", "CNAME target.example". CNAMEs are followed within the zone.
type Zone map[string][]string

// Fault is how a query for a name fails.
type Fault string

// The faults.
const (
	// ServFail answers SERVFAIL (RFC 1035 section 4.1.1, code 2).
	ServFail Fault = "servfail"
	// Silent never answers.
	Silent Fault = "silent"
)

// Server is a running DNS server.
type Server struct {
	packets net.PacketConn
	streams net.Listener
	running sync.WaitGroup

	mu      sync.Mutex
	zone    Zone
	faults  map[string]Fault
	queries []string
	open    map[net.Conn]bool
}

// Listen starts a server on an address such as "127.0.0.1:0", for both protocols on one port; the caller closes it.
func Listen(address string, zone Zone) (*Server, error) {
	s := &Server{zone: zone, faults: map[string]Fault{}, open: map[net.Conn]bool{}}
	var err error
	for range 10 { // the port may be taken for the other protocol
		if s.packets, err = net.ListenPacket("udp", address); err != nil {
			return nil, err
		}
		if s.streams, err = net.Listen("tcp", s.packets.LocalAddr().String()); err == nil {
			break
		}
		_ = s.packets.Close()
	}
	if err != nil {
		return nil, err
	}
	s.running.Go(s.servePackets)
	s.running.Go(s.serveStreams)
	return s, nil
}

// TB is the part of [testing.TB] that this package needs.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start starts a server on a free port of 127.0.0.1. It is closed with the test.
func Start(t TB, zone Zone) *Server {
	t.Helper()
	s, err := Listen("127.0.0.1:0", zone)
	if err != nil {
		t.Fatalf("start DNS server: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// Close stops the server.
func (s *Server) Close() {
	_ = s.packets.Close()
	_ = s.streams.Close()
	s.mu.Lock()
	for conn := range s.open {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Address returns the host and port that the server listens on.
func (s *Server) Address() string { return s.packets.LocalAddr().String() }

// SetZone replaces the server's zone.
func (s *Server) SetZone(zone Zone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone = zone
}

// Break makes every query for a name, or for any name below it, fail with a fault. An empty fault ends that.
func (s *Server) Break(name string, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[name] = fault
}

// Queries returns the queries so far, such as "TXT client.example".
func (s *Server) Queries() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.queries)
}

func (s *Server) servePackets() {
	buffer := make([]byte, 4096)
	for {
		n, client, err := s.packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		if reply, ok := s.reply(buffer[:n], true); ok {
			_, _ = s.packets.WriteTo(reply, client)
		}
	}
}

func (s *Server) serveStreams() {
	for {
		conn, err := s.streams.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.open[conn] = true
		s.mu.Unlock()
		s.running.Go(func() {
			defer func() {
				_ = conn.Close()
				s.mu.Lock()
				delete(s.open, conn)
				s.mu.Unlock()
			}()
			s.serveStream(conn)
		})
	}
}

// serveStream answers queries over TCP, each prefixed with its length (RFC 1035 section 4.2.2).
func (s *Server) serveStream(conn net.Conn) {
	for {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		reply, ok := s.reply(query, false)
		if !ok {
			continue
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

// largestPacket is the maximum size of a UDP reply without EDNS.
const largestPacket = 512

// reply answers a query; false drops it. A reply that does not fit a packet is truncated, so that the client retries over TCP.
func (s *Server) reply(query []byte, packet bool) ([]byte, bool) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		return nil, false
	}
	question := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(question.Name.String(), "."))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries = append(s.queries, strings.TrimPrefix(question.Type.String(), "Type")+" "+name)
	m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
	switch s.faultOf(name) {
	case Silent:
		return nil, false
	case ServFail:
		m.RCode = dnsmessage.RCodeServerFailure
	default:
		var err error
		if m.Answers, m.RCode, err = s.zone.answer(name, question.Type); err != nil {
			m.RCode = dnsmessage.RCodeServerFailure // a record in the test's zone is invalid
		}
	}
	reply, err := m.Pack()
	if err != nil {
		return nil, false
	}
	if packet && len(reply) > largestPacket {
		m.Truncated, m.Answers = true, nil
		reply, err = m.Pack()
	}
	return reply, err == nil
}

func (s *Server) faultOf(name string) Fault {
	for broken, fault := range s.faults {
		if name == broken || strings.HasSuffix(name, "."+broken) {
			return fault
		}
	}
	return ""
}

// mostAliases is the maximum length of a chain of CNAMEs.
const mostAliases = 8

// answer returns the records of a type, with the CNAMEs that lead to them. A name exists when it, or a name below it, has records.
func (z Zone) answer(name string, kind dnsmessage.Type) (answers []dnsmessage.Resource, code dnsmessage.RCode, err error) {
	for range mostAliases {
		records := z.find(name)
		if records == nil && !z.hasBelow(name) {
			return answers, dnsmessage.RCodeNameError, nil
		}
		alias := ""
		for _, record := range records {
			parsed, err := parse(name, record)
			if err != nil {
				return nil, 0, err
			}
			switch cname, isAlias := parsed.Body.(*dnsmessage.CNAMEResource); {
			case isAlias && kind != dnsmessage.TypeCNAME:
				alias = strings.TrimSuffix(cname.CNAME.String(), ".")
				answers = append(answers, parsed)
			case parsed.Header.Type == kind:
				answers = append(answers, parsed)
			}
		}
		if alias == "" {
			return answers, dnsmessage.RCodeSuccess, nil
		}
		name = strings.ToLower(alias)
	}
	return answers, dnsmessage.RCodeSuccess, nil
}

func (z Zone) find(name string) []string {
	for own, records := range z {
		if strings.EqualFold(own, name) {
			return records
		}
	}
	return nil
}

func (z Zone) hasBelow(name string) bool {
	for own := range z {
		if strings.HasSuffix(strings.ToLower(own), "."+name) {
			return true
		}
	}
	return false
}

func parse(name, record string) (r dnsmessage.Resource, err error) {
	kind, value, _ := strings.Cut(record, " ")
	if r.Header.Name, err = dnsmessage.NewName(name + "."); err != nil {
		return r, err
	}
	r.Header.Class, r.Header.TTL = dnsmessage.ClassINET, 60
	address, addressErr := netip.ParseAddr(value)
	switch kind {
	case "A":
		err = cmp.Or(addressErr, when(!address.Is4(), record))
		if err == nil {
			r.Header.Type, r.Body = dnsmessage.TypeA, &dnsmessage.AResource{A: address.As4()}
		}
	case "AAAA":
		err = cmp.Or(addressErr, when(!address.Is6(), record))
		if err == nil {
			r.Header.Type, r.Body = dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: address.As16()}
		}
	case "TXT":
		r.Header.Type, r.Body = dnsmessage.TypeTXT, &dnsmessage.TXTResource{TXT: pieces(value)}
	case "CNAME":
		var target dnsmessage.Name
		target, err = dnsmessage.NewName(value + ".")
		r.Header.Type, r.Body = dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: target}
	case "MX":
		preference, host, _ := strings.Cut(value, " ")
		number, numberErr := strconv.ParseUint(preference, 10, 16)
		target, nameErr := dnsmessage.NewName(strings.TrimSuffix(host, ".") + ".")
		err = errors.Join(numberErr, nameErr)
		r.Header.Type, r.Body = dnsmessage.TypeMX, &dnsmessage.MXResource{Pref: uint16(number), MX: target}
	default:
		err = when(true, record)
	}
	return r, err
}

func when(wrong bool, record string) error {
	if wrong {
		return fmt.Errorf("record %q is invalid", record)
	}
	return nil
}

// pieces splits a text into strings of at most 255 octets (RFC 1035 section 3.3.14).
func pieces(text string) []string {
	var parts []string
	for len(text) > 255 {
		parts, text = append(parts, text[:255]), text[255:]
	}
	return append(parts, text)
}
