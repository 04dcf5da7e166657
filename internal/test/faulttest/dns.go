package faulttest

import (
	"encoding/binary"
	"io"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/sitemail/terraform-provider-smtp/internal/adminapi/adminapitest"
	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/test/smtptest"
)

// dnsQuery is a query over a stream (RFC 1035 section 4.2.2), with the reply that it should get.
type dnsQuery struct {
	*adminapitest.Conn
	query, reply []byte
}

func readDNS(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	query := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, query)
	return query, err
}

func framed(message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
}

func (q *dnsQuery) send(message []byte) { _, _ = q.Write(framed(message)) }

// say replies with a code and no address.
func (q *dnsQuery) say(code dnsmessage.RCode) {
	reply, _ := smtptest.Answer(func(string) ([]netip.Addr, dnsmessage.RCode, bool) { return nil, code, false }).Reply(q.query)
	q.send(reply)
}

func (q *dnsQuery) hang() { _, _ = io.Copy(io.Discard, q) }

// half sends half of the reply.
func (q *dnsQuery) half() { _, _ = q.Write(framed(q.reply)[:len(q.reply)/2]) }

// drip sends one byte per second, for as long as send succeeds.
func drip(data []byte, send func([]byte) bool) {
	for _, b := range data {
		if !send([]byte{b}) {
			return
		}
		<-time.After(time.Second)
	}
}

// lookups are the faults of stage dns. A nil query means that there is no name server.
func lookups() []SMTPFault {
	fault := func(name string, query func(*dnsQuery)) SMTPFault {
		return SMTPFault{Stage: site.StageDNS, Name: name, Row: "R38", Status: site.Failed, At: site.StageDNS, query: query}
	}
	late := fault("Late", func(q *dnsQuery) {
		<-time.After(3 * time.Second)
		q.send(q.reply)
	})
	late.Status, late.At, late.Taken, late.Code = site.Passed, site.StageData, true, 250
	return []SMTPFault{
		fault("NoSuchName", func(q *dnsQuery) { q.say(dnsmessage.RCodeNameError) }),
		fault("ServerFailure", func(q *dnsQuery) { q.say(dnsmessage.RCodeServerFailure) }),
		fault("Refused", func(q *dnsQuery) { q.say(dnsmessage.RCodeRefused) }),
		fault("NoAddress", func(q *dnsQuery) { q.say(dnsmessage.RCodeSuccess) }),
		fault("NoServer", nil),
		fault("Hang", (*dnsQuery).hang),
		fault("Cut", func(*dnsQuery) {}),
		fault("Reset", func(q *dnsQuery) { q.Reset() }),
		fault("HalfReplyCut", (*dnsQuery).half),
		fault("HalfReplyHang", func(q *dnsQuery) { q.half(); q.hang() }),
		fault("Slow", func(q *dnsQuery) {
			drip(framed(q.reply), func(b []byte) bool { _, err := q.Write(b); return err == nil })
		}),
		fault("Garbage", func(q *dnsQuery) {
			for i := range q.reply[2:] {
				q.reply[2+i] = 0xFF
			}
			q.send(q.reply)
		}),
		fault("OtherQuery", func(q *dnsQuery) {
			q.reply[0] ^= 0xFF
			q.send(q.reply)
		}),
		fault("Empty", func(q *dnsQuery) { q.send(nil) }),
		late,
	}
}
