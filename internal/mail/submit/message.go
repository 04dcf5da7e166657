package submit

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// deliver hands the connection over to go-smtp and sends one test message.
func (a *attempt) deliver(ctx context.Context, s site.Settings, recipient string) error {
	client, wire := newClient(a.dialogue, a.offers)
	var m message
	if err := a.stage(ctx, site.StageMail, func(context.Context) (err error) {
		if m, err = compose(s, recipient, a.sender.now()); err != nil {
			return err
		}
		a.report.Result.MessageID = m.id
		return client.Mail(m.from, &smtp.MailOptions{Size: int64(len(m.data)), UTF8: m.utf8})
	}); err != nil {
		return err
	}
	if err := a.stage(ctx, site.StageRcpt, func(context.Context) error { return client.Rcpt(m.to, nil) }); err != nil {
		return err
	}
	return a.stage(ctx, site.StageData, func(context.Context) error { return a.data(client, wire, m.data) })
}

// data sends the message and interprets the reply to its final dot.
func (a *attempt) data(client *smtp.Client, wire *afterHello, message []byte) error {
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	response, err := w.CloseWithResponse()
	if err == nil {
		a.report.Result.Reply = a.reply(250, response.StatusText)
		return nil
	}
	code, text, replied := replyOf(err)
	switch {
	case replied && code/100 == 2:
		// The first digit decides (RFC 5321 section 4.2.1); go-smtp accepts only 250.
		a.report.Result.Reply = a.reply(code, text)
		return nil
	case replied && (code/100 == 4 || code/100 == 5), wire.unwritten:
		return err
	default:
		return inDoubtError{err}
	}
}

// message is the test message with its envelope.
type message struct {
	// id is the Message-ID without angle brackets.
	id string
	// from and to are the envelope, with domains in ASCII.
	from, to string
	// utf8 says whether an address needs SMTPUTF8 (RFC 6531 section 3.4).
	utf8 bool
	data []byte
}

// body gives spam filters no reason to reject it: ASCII, no URL, and no text that the sender chooses.
const body = "This is a test message.\r\n" +
	"\r\n" +
	"It was sent to test the outgoing mail settings of a site.\r\n" +
	"If you are reading this, they work, and there is nothing to do.\r\n" +
	"\r\n" +
	"Test %s\r\n"

// compose writes the test message. Its random token, in subject and text, lets people find it.
func compose(s site.Settings, recipient string, now time.Time) (message, error) {
	m := message{from: asciiAddress(s.FromAddress), to: asciiAddress(recipient)}
	m.utf8 = !isASCII(m.from) || !isASCII(m.to)
	token := rand.Text()[:10]

	var h mail.Header
	h.SetDate(now)
	h.SetAddressList("From", []*mail.Address{{Name: s.FromName, Address: m.from}})
	if s.ReplyTo != "" {
		to := asciiAddress(s.ReplyTo)
		m.utf8 = m.utf8 || !isASCII(to)
		h.SetAddressList("Reply-To", []*mail.Address{{Address: to}})
	}
	h.SetAddressList("To", []*mail.Address{{Address: m.to}})
	h.SetSubject("Test of the mail settings " + token)
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	// RFC 3834 section 5: suppresses automatic replies.
	h.Set("Auto-Submitted", "auto-generated")
	_, domain := splitAddress(m.from)
	if err := h.GenerateMessageIDWithHostname(domain); err != nil {
		return message{}, err
	}
	var err error
	if m.id, err = h.MessageID(); err != nil {
		return message{}, err
	}
	m.data, err = write(h, fmt.Sprintf(body, token))
	return m, err
}

func write(h mail.Header, text string) ([]byte, error) {
	var b bytes.Buffer
	w, err := mail.CreateSingleInlineWriter(&b, h)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// asciiAddress returns a valid address with its domain in ASCII.
func asciiAddress(address string) string {
	local, domain := splitAddress(address)
	return local + "@" + ascii(domain)
}

// newClient hands a dialogue over to go-smtp after the EHLO reply.
func newClient(d *dialogue, offers extensions) (*smtp.Client, *afterHello) {
	conn := &afterHello{Conn: d.conn, rest: d.text.R, script: []string{"220 ready\r\n", helloReply(offers)}}
	return smtp.NewClient(conn), conn
}

// helloReply lists the extensions that go-smtp uses, in the spelling that it expects.
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

// afterHello is a connection after greeting and EHLO. go-smtp insists on doing both itself: it reads the replies from
// script, one entry per read, and what it writes meanwhile is dropped.
type afterHello struct {
	net.Conn
	rest   io.Reader
	script []string
	// unwritten says whether the system accepted less than was written.
	unwritten bool
}

func (p *afterHello) Read(b []byte) (int, error) {
	if len(p.script) == 0 {
		return p.rest.Read(b)
	}
	n := copy(b, p.script[0])
	p.script = p.script[1:]
	return n, nil
}

func (p *afterHello) Write(b []byte) (int, error) {
	if len(p.script) > 0 {
		return len(b), nil
	}
	n, err := p.Conn.Write(b)
	if err != nil {
		p.unwritten = true
	}
	return n, err
}
