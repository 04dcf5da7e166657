package submit

import (
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/emersion/go-smtp"
)

// newClient hands a dialogue over to go-smtp once EHLO was answered.
func newClient(d *dialogue, offers extensions) (*smtp.Client, *primed) {
	conn := &primed{Conn: d.conn, rest: d.text.R, script: []string{"220 ready\r\n", helloReply(offers)}}
	return smtp.NewClient(conn), conn
}

// helloReply repeats the offers that go-smtp acts on, in the spelling that it looks for.
func helloReply(offers extensions) string {
	var b strings.Builder
	b.WriteString("250-ready\r\n")
	for _, keyword := range []string{"8BITMIME", "SIZE", "SMTPUTF8"} {
		if offers.has(keyword) {
			fmt.Fprintf(&b, "250-%s\r\n", keyword)
		}
	}
	b.WriteString("250 HELP\r\n")
	return b.String()
}

// primed is a connection whose greeting and EHLO are already over. go-smtp wants to do both itself: it reads them from
// script, one entry a read, and what it writes meanwhile is dropped.
type primed struct {
	net.Conn
	rest   io.Reader
	script []string
	// unwritten tells that the system did not take all that was written.
	unwritten bool
}

func (p *primed) Read(b []byte) (int, error) {
	if len(p.script) == 0 {
		return p.rest.Read(b)
	}
	n := copy(b, p.script[0])
	p.script = p.script[1:]
	return n, nil
}

func (p *primed) Write(b []byte) (int, error) {
	if len(p.script) > 0 {
		return len(b), nil
	}
	n, err := p.Conn.Write(b)
	if err != nil {
		p.unwritten = true
	}
	return n, err
}
