package submit

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
)

// A line that never left has no answer, and none with a code of nothing.
func TestALineThatCannotBeSentHasNoReply(t *testing.T) {
	ours, theirs := net.Pipe()
	d := newDialogue(ours)
	theirs.Close()
	if code, _, err := d.ask("AUTH PLAIN"); err == nil {
		t.Errorf("got %d and no error", code)
	}
	if _, err := d.command(250, "RSET"); err == nil {
		t.Error("a command after the error returned no error")
	}
}

// What greets with a TLS record speaks TLS from the first byte, whether it is an alert or a handshake.
func TestGreetingInTLS(t *testing.T) {
	for first, speaksTLS := range map[string]bool{"\x15\x03\x01\x00": true, "\x16\x03\x01\x00": true, "\x17\x03\x01\x00": false, "\x15\x02\x01\x00": false, "SSH-": false} {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = theirs.Write([]byte(first))
			theirs.Close()
		}()
		_, err := newDialogue(ours).greeting()
		if err == nil || strings.HasPrefix(err.Error(), "short response: ") != speaksTLS {
			t.Errorf("%q: got %v", first, err)
		}
		ours.Close()
	}
}

func TestPorts(t *testing.T) {
	for port, ok := range map[int]bool{-1: false, 0: false, 1: true, 65535: true, 65536: false} {
		if err := checkPort(port); (err == nil) != ok {
			t.Errorf("port %d: got %v", port, err)
		}
	}
}

// An error with a reason of its own keeps it, also when the caller gave up meanwhile.
func TestInterruption(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	other := errors.New("connection reset by peer")
	for name, c := range map[string]struct {
		ctx       context.Context
		err, want error
	}{
		"OfItsOwn":             {t.Context(), other, nil},
		"OfItsOwnAfterwards":   {canceled, other, nil},
		"Canceled":             {canceled, context.Canceled, context.Canceled},
		"SocketWhenCanceled":   {canceled, os.ErrDeadlineExceeded, context.Canceled},
		"SocketBeforeTheTimer": {t.Context(), os.ErrDeadlineExceeded, context.DeadlineExceeded},
		"Deadline":             {t.Context(), context.DeadlineExceeded, context.DeadlineExceeded},
	} {
		if got := interruption(c.ctx, c.err); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
