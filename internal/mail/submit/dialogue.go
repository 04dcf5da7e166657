package submit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// dialogue is the conversation with a server up to its EHLO reply. It is implemented here because go-smtp cannot choose the
// name of the first EHLO, compares keywords case-sensitively and hides bytes that came too early after STARTTLS.
type dialogue struct {
	conn net.Conn
	// in is the server's side of the connection; text reads lines from it.
	in   *bufio.Reader
	text *textproto.Conn
}

func newDialogue(conn net.Conn) *dialogue {
	in := bufio.NewReader(&limited{conn, maxDialogue})
	return &dialogue{conn, in, textproto.NewConn(struct {
		io.Reader
		io.WriteCloser
	}{&completeLines{in: in}, conn})}
}

// completeLines reads only complete lines: package bufio returns what came before an error, such as a deadline, as if it were the whole
// line, and "250 Ok" would pass whatever was to follow.
type completeLines struct {
	in   *bufio.Reader
	line []byte
}

func (w *completeLines) Read(b []byte) (int, error) {
	if len(w.line) == 0 {
		line, err := w.in.ReadBytes('\n')
		if err != nil {
			return 0, err
		}
		w.line = withSpace(line)
	}
	n := copy(b, w.line)
	w.line = w.line[n:]
	return n, nil
}

// withSpace adds a space after a code without text: such a line must be accepted (RFC 5321 section 4.2), but package
// textproto does not accept it.
func withSpace(line []byte) []byte {
	code := bytes.TrimRight(line, "\r\n")
	if !isCode(code) {
		return line
	}
	return append(slices.Clone(code), " \r\n"...)
}

func (d *dialogue) close() { _ = d.text.Close() }

// command sends a line and returns the text of the reply, or a *textproto.Error if the reply has a different code.
func (d *dialogue) command(expect int, format string, args ...any) (string, error) {
	if err := d.text.PrintfLine(format, args...); err != nil {
		return "", err
	}
	_, text, err := d.text.ReadResponse(expect)
	return text, err
}

// ask sends a line and returns the reply with any code.
func (d *dialogue) ask(line string) (code int, text string, err error) {
	if err := d.text.PrintfLine("%s", line); err != nil {
		return 0, "", err
	}
	return d.text.ReadResponse(0)
}

// greeting reads the banner. A banner that is not SMTP is not repeated in the error: the address may be one that
// the caller must not learn about.
func (d *dialogue) greeting() (string, error) {
	head, err := d.in.Peek(4)
	if err != nil {
		return "", err
	}
	switch {
	case (head[0] == 0x15 || head[0] == 0x16) && head[1] == 3:
		// A TLS record (RFC 8446 section 5.1): the server uses implicit TLS.
		return "", fmt.Errorf("short response: %q", head)
	case !isReply(head):
		return "", errors.New("invalid response code: not a mail server")
	}
	_, text, err := d.text.ReadResponse(220)
	return text, err
}

func isReply(head []byte) bool {
	return isCode(head[:3]) && strings.ContainsRune(" -\r\n", rune(head[3]))
}

func isCode(word []byte) bool {
	return len(word) == 3 && !slices.ContainsFunc(word, func(b byte) bool { return b < '0' || b > '9' })
}

// hello says EHLO, or HELO to a server that does not know EHLO (RFC 5321 section 3.2).
func (d *dialogue) hello(name string) (extensions, error) {
	text, err := d.command(250, "EHLO %s", name)
	if e, ok := errors.AsType[*textproto.Error](err); ok && (e.Code == 500 || e.Code == 502) {
		_, err = d.command(250, "HELO %s", name)
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	return parseExtensions(text), nil
}

// startTLS sends STARTTLS. Bytes after its reply were sent before TLS and would be treated as protected
// (CVE-2011-0411), so they end the attempt.
func (d *dialogue) startTLS() error {
	if _, err := d.command(220, "STARTTLS"); err != nil {
		return err
	}
	if d.in.Buffered() > 0 {
		return errors.New("data arrived before TLS: somebody on the way may have injected it")
	}
	return nil
}

// extensions are those that an EHLO reply offers: parameters by upper-case keyword (RFC 5321 section 4.1.1.1).
type extensions map[string][]string

func parseExtensions(reply string) extensions {
	offers := extensions{}
	for _, line := range strings.Split(reply, "\n")[1:] {
		words := strings.Fields(strings.ToUpper(line))
		if len(words) == 0 {
			continue
		}
		// Before RFC 2554 servers wrote AUTH=LOGIN; some still do, in addition to the new form.
		if first, ok := strings.CutPrefix(words[0], "AUTH="); ok {
			words = append([]string{"AUTH", first}, words[1:]...)
		}
		offers[words[0]] = append(offers[words[0]], words[1:]...)
	}
	return offers
}

func (e extensions) has(keyword string) bool {
	_, ok := e[keyword]
	return ok
}

// mechanisms are the names offered for AUTH, without duplicates and invalid names (RFC 4422 section 3.1).
func (e extensions) mechanisms() []string {
	var names []string
	for _, name := range e["AUTH"] {
		if isMechanism(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func isMechanism(name string) bool {
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	})
	return name != "" && len(name) <= 20 && !odd
}

// sizeLimit is the largest message in bytes that the server accepts (RFC 1870 section 3); 0 if no limit is known.
func (e extensions) sizeLimit() int64 {
	if len(e["SIZE"]) == 0 {
		return 0
	}
	limit, err := strconv.ParseInt(e["SIZE"][0], 10, 64)
	if err != nil {
		return 0
	}
	return max(limit, 0)
}

// The most that a server may send: replies in one dialogue, and bytes on one connection, TLS included.
const (
	maxDialogue   = 64 << 10
	maxConnection = 1 << 20
)

var errFlood = errors.New("server sent more data than allowed")

// limited reads at most left bytes, then fails with errFlood.
type limited struct {
	r    io.Reader
	left int
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, errFlood
	}
	n, err := l.r.Read(b[:min(len(b), l.left)])
	l.left -= n
	return n, err
}

// guarded is a connection that the current stage's context bounds, whatever deadlines are set on it: go-smtp sets
// one of its own for each command, clears it afterwards, and sets none while it writes a body.
type guarded struct {
	net.Conn
	in limited

	mu  sync.Mutex
	ctx context.Context
}

func guard(conn net.Conn) *guarded {
	return &guarded{Conn: conn, in: limited{conn, maxConnection}, ctx: context.Background()}
}

// within puts the connection under ctx until the returned function is called: reads and writes fail once ctx ends.
func (g *guarded) within(ctx context.Context) (release func()) {
	g.mu.Lock()
	g.ctx = ctx
	g.mu.Unlock()
	renew := func() { _ = g.SetDeadline(time.Time{}) }
	renew()
	stop := context.AfterFunc(ctx, renew)
	return func() { stop() }
}

func (g *guarded) Read(b []byte) (int, error) { return g.in.Read(b) }

func (g *guarded) SetDeadline(t time.Time) error      { return g.set(g.Conn.SetDeadline, t) }
func (g *guarded) SetReadDeadline(t time.Time) error  { return g.set(g.Conn.SetReadDeadline, t) }
func (g *guarded) SetWriteDeadline(t time.Time) error { return g.set(g.Conn.SetWriteDeadline, t) }

// set uses a time in the past once the context has ended. The lock orders it with that end, so that no later call can undo
// it.
func (g *guarded) set(apply func(time.Time) error, t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ctx.Err() != nil {
		t = time.Unix(1, 0)
	}
	return apply(t)
}
