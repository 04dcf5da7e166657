package submit

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/emersion/go-message/mail"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
)

// message is the test message with its envelope.
type message struct {
	// id is the Message-ID without angle brackets.
	id string
	// from and to are the envelope, with domains in ASCII.
	from, to string
	// utf8 tells that an address needs SMTPUTF8 (RFC 6531 section 3.4).
	utf8 bool
	data []byte
}

// body gives no filter a reason: ASCII, no address of a page, nothing of the sender's choice.
const body = "This is a test message.\r\n" +
	"\r\n" +
	"It was sent to try out the outgoing mail settings of a site.\r\n" +
	"That it reached you means that they work; there is nothing to do.\r\n" +
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
	h.SetAddressList("To", []*mail.Address{{Address: m.to}})
	h.SetSubject("Test of the mail settings " + token)
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	// RFC 3834 section 5: no vacation notices in return.
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

// asciiAddress gives an address that was checked before, with its domain in ASCII.
func asciiAddress(address string) string {
	local, domain := splitAddress(address)
	return local + "@" + ascii(domain)
}
