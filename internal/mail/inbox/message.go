package inbox

import (
	"bytes"
	"cmp"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/sitemail/terraform-provider-smtp/internal/site"
	"github.com/sitemail/terraform-provider-smtp/internal/untrusted"
)

// headerFields are the only parts of a message that are read, up to maxHeader bytes.
var headerFields = []string{
	"Message-ID", "X-Google-Original-Message-ID", "X-Microsoft-Original-Message-ID", "Original-Message-ID",
	"From", "To", "Authentication-Results",
}

const maxHeader = 64 << 10

// message is what is known about a message that arrived.
type message struct {
	folder string
	place  site.Place
	at     time.Time
	id     string
	// originals are the Message-IDs that a service says it replaced.
	originals []string
	from, to  []string
	results   []string
	foundBy   string
}

func newMessage(f folder, at time.Time, header []byte) message {
	m := message{folder: f.name, place: f.place, at: at}
	// If this is not a header, the message is empty and matches no test.
	parsed, err := mail.ReadMessage(bytes.NewReader(append(header, "\r\n\r\n"...)))
	if err != nil {
		return m
	}
	h := parsed.Header
	m.id = bareID(h.Get("Message-Id"))
	for _, name := range headerFields[1:4] {
		if original := bareID(h.Get(name)); original != "" {
			m.originals = append(m.originals, original)
		}
	}
	m.from, m.to = addresses(h, "From"), addresses(h, "To")
	m.results = h["Authentication-Results"]
	return m
}

func bareID(value string) string { return strings.Trim(strings.TrimSpace(value), "<>") }

func addresses(h mail.Header, field string) []string {
	var found []string
	parsed, _ := h.AddressList(field) // a field that cannot be parsed names no recipient
	for _, a := range parsed {
		found = append(found, normal(a.Address))
	}
	return found
}

// normal returns an address in lower case, for comparison: case has no meaning in the domain, and too little in the local part.
func normal(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// minLocal is the length from which the local part of a Message-ID does not appear in a reply by chance.
const minLocal = 16

// recognise returns by which property m is the message of a test; empty if it is not. Services that replace the Message-ID keep the
// original in a header field, or derive the new one from the ID in their reply.
func (m message) recognise(accepted site.TestResult) string {
	local, _, _ := strings.Cut(m.id, "@")
	sent := bareID(accepted.MessageID)
	switch {
	case sent != "" && m.id == sent:
		return "message_id"
	case sent != "" && slices.Contains(m.originals, sent):
		return "original_id"
	case accepted.Reply != nil && len(local) >= minLocal && strings.Contains(accepted.Reply.Text, local):
		return "reply"
	}
	return ""
}

// search returns the test's message among those that arrived since the watch began; if there are copies, the one in the best
// folder. A match by sender and recipient alone counts only if it is the only one and no other test uses the same two addresses.
func (w *watch) search(accepted site.TestResult) (message, bool) {
	w.mailbox.mu.Lock()
	defer w.mailbox.mu.Unlock()
	var exact, alike []message
	ids := map[string]bool{}
	for _, m := range w.mailbox.arrived[min(w.from, len(w.mailbox.arrived)):] {
		m.foundBy = m.recognise(accepted)
		switch {
		case m.foundBy != "":
			exact = append(exact, m)
		case slices.Contains(m.from, w.route.from) && slices.Contains(m.to, w.route.to):
			m.foundBy = "sender"
			alike = append(alike, m)
			ids[cmp.Or(m.id, m.at.String())] = true
		}
	}
	if len(exact) == 0 && len(ids) == 1 && !w.shared {
		exact = alike
	}
	if len(exact) == 0 {
		return message{}, false
	}
	return slices.MinFunc(exact, func(a, b message) int { return rank(a.place) - rank(b.place) }), true
}

// rank orders the folders that hold copies of one message: a message in the inbox is also in the folder of all mail.
func rank(p site.Place) int {
	return slices.Index([]site.Place{site.PlaceInbox, site.PlaceJunk, site.PlaceOther}, p)
}

// arrival returns where m arrived, with the receiver's checks of its sender.
func (m message) arrival(c Config, from string) site.Arrival {
	a := site.Arrival{At: m.at.UTC(), Folder: untrusted.Brief(m.folder, maxName), Place: m.place, FoundBy: m.foundBy}
	if receiver, known := c.receiver(); known {
		_, domain, _ := strings.Cut(from, "@")
		a.Receiver, a.SPF, a.DKIM, a.DMARC = authenticate(m.results, receiver, domain)
	}
	return a
}

// maxName limits the length of a name from outside.
const maxName = 253
